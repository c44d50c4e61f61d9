//! What `stated` said about a boot.

use serde_json::Value;

use crate::failure::{Failure, OrFail as _, Outcome};

/// `/run/sysota/report.json`.
#[derive(Debug)]
pub(crate) struct Report {
    report: Value,
}

impl Report {
    pub(super) fn parse(text: &str) -> Outcome<Self> {
        let report = serde_json::from_str(text).or_fail(|| "read the report".to_owned())?;
        Ok(Self { report })
    }

    /// A value of the report, as it is written there: `event`, `slot`, `status`.
    pub(crate) fn get(&self, key: &str) -> String {
        match &self.report[key] {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        }
    }

    /// The conflicts of a new state, each as its word and its path.
    pub(crate) fn conflicts(&self) -> Vec<String> {
        let conflicts = self.report["conflicts"].as_array().into_iter().flatten();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        conflicts.map(|one| format!("{} {}", text(&one["conflict"]), text(&one["path"]))).collect()
    }

    /// The entries that are not as planned, each with its reason.
    pub(crate) fn complaints(&self) -> Outcome<Vec<String>> {
        let entries = self.report["entries"].as_array();
        let entries = entries.ok_or_else(|| Failure::new("the report has no entries"))?;
        let bad = entries.iter().filter(|entry| {
            !entry["reason"].is_null()
                || !entry["repaired"].is_null()
                || !["mounted", "linked"].map(Value::from).contains(&entry["outcome"])
        });
        Ok(bad.map(Value::to_string).collect())
    }
}
