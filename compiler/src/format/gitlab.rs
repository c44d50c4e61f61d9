//! GitLab's Code Quality report (docs.gitlab.com, "Code Quality report format"): an array, of each finding one line.

use serde::Serialize;

use super::fingerprint::Fingerprints;
use super::json_text;
use super::place::{Range, tidy_path};
use crate::diagnostic::{Diagnostic, Severity};
use crate::source::Sources;

/// The findings as a report that a job hands over as its artifact `codequality`.
pub fn format(findings: &[Diagnostic], sources: &Sources) -> serde_json::Result<String> {
    let mut fingerprints = Fingerprints::default();
    let violations: Vec<Violation> = findings
        .iter()
        .map(|finding| Violation::new(finding, fingerprints.next(finding, sources), sources))
        .collect();
    json_text(&violations)
}

#[derive(Serialize)]
struct Violation {
    description: String,
    check_name: &'static str,
    fingerprint: String,
    severity: &'static str,
    location: Location,
}

#[derive(Serialize)]
struct Location {
    path: String,
    lines: Lines,
}

#[derive(Serialize)]
struct Lines {
    begin: u32,
}

impl Violation {
    fn new(finding: &Diagnostic, fingerprint: String, sources: &Sources) -> Self {
        let span = finding.primary.span;
        Self {
            // The report has no field for help.
            description: format!("{} (help: {})", finding.message, finding.help),
            check_name: finding.rule.code,
            fingerprint,
            // The scale is info, minor, major, critical, blocker.
            severity: match finding.rule.severity {
                Severity::Error => "major",
                Severity::Warning => "minor",
            },
            location: Location {
                path: tidy_path(sources.get(span.source)),
                lines: Lines { begin: Range::of(span, sources).start.line },
            },
        }
    }
}
