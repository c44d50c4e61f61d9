//! What came of the boot, in a few lines.

use std::fmt::Write as _;
use std::io;

use serde::Deserialize;

use crate::diagnostic::{escape, quote};

/// What is wanted of the report that `stated` leaves in the run directory (`docs/boot.md`).
#[derive(Debug, Deserialize)]
pub(super) struct Report {
    slot: String,
    event: String,
    entries: Vec<Line>,
}

#[derive(Debug, Deserialize)]
struct Line {
    path: String,
    outcome: String,
    seeded: bool,
    lifetime: String,
}

/// Reads a report.
pub(super) fn read(json: &[u8]) -> io::Result<Report> {
    Ok(serde_json::from_slice(json)?)
}

impl Report {
    /// A line for each entry below one that counts them.
    pub(super) fn text(&self, image_id: &str) -> String {
        let missed = |line: &&Line| matches!(line.outcome.as_str(), "degraded" | "skipped");
        let missed = self.entries.iter().filter(missed).count();
        let planned = self.entries.len() - missed;
        let mut text =
            format!("slot {} of {}, {}: {planned} as planned", self.slot, quote(image_id), self.event);
        if missed > 0 {
            // A text in memory takes every line.
            let _ = write!(text, ", {missed} not");
        }
        for Line { path, outcome, seeded, lifetime } in &self.entries {
            let seeded = if *seeded { ", seeded" } else { "" };
            let _ = write!(text, "\n  {outcome:<8} {lifetime:<10} {}{seeded}", escape(path));
        }
        text
    }
}
