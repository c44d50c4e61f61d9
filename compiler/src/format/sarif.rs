//! SARIF 2.1.0 (OASIS, with errata 01), as far as GitHub's code scanning and editors read it.

mod log;
mod message;
mod uri;

use std::collections::BTreeMap;

use self::log::{
    ArtifactLocation, Configuration, Descriptor, Driver, Location, Log, Outcome, PhysicalLocation, Region,
    Run, Text, Tool,
};
use super::fingerprint::Fingerprints;
use super::json_text;
use super::place::{Range, tidy_path};
use crate::check::Rule;
use crate::diagnostic::{Diagnostic, Severity, Span};
use crate::source::Sources;

const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// The name of our fingerprint in a result, with a version. GitHub's `primaryLocationLineHash` is made by its uploader,
/// which warns about every other value under that name.
const FINGERPRINT: &str = "statecFinding/v1";

/// The findings as a SARIF log with one run.
pub fn format(findings: &[Diagnostic], sources: &Sources) -> serde_json::Result<String> {
    json_text(&Log { schema: SCHEMA, version: "2.1.0", runs: [Run::new(findings, sources)] })
}

impl Run {
    fn new(findings: &[Diagnostic], sources: &Sources) -> Self {
        let by_code: BTreeMap<&str, &Rule> =
            findings.iter().map(|finding| (finding.rule.code, finding.rule)).collect();
        let rules: Vec<&Rule> = by_code.into_values().collect();
        let mut fingerprints = Fingerprints::default();
        let results = findings.iter().map(|finding| {
            let index = rules.partition_point(|rule| rule.code < finding.rule.code);
            Outcome::new(finding, index, fingerprints.next(finding, sources), sources)
        });
        let results = results.collect();
        let rules = rules.into_iter().map(Descriptor::new).collect();
        let driver = Driver { name: "statec", semantic_version: env!("CARGO_PKG_VERSION"), rules };
        Self { tool: Tool { driver }, column_kind: "unicodeCodePoints", results }
    }
}

impl Descriptor {
    fn new(rule: &Rule) -> Self {
        let Rule { rejects, why, fix, .. } = rule;
        Self {
            id: rule.code,
            short_description: Text::plain((*rejects).to_owned()),
            full_description: Text::plain(format!("{rejects} {why}")),
            help: Text {
                text: format!("Why: {why}\nWhat to do: {fix}"),
                markdown: Some(format!("**Rejects:** {rejects}\n\n**Why:** {why}\n\n**What to do:** {fix}")),
            },
            default_configuration: Configuration { level: level(rule) },
        }
    }
}

impl Outcome {
    fn new(finding: &Diagnostic, rule_index: usize, fingerprint: String, sources: &Sources) -> Self {
        let related = (1..)
            .zip(&finding.secondary)
            .map(|(id, label)| Location { id: Some(id), ..Location::new(label.span, &label.text, sources) });
        Self {
            rule_id: finding.rule.code,
            rule_index,
            level: level(finding.rule),
            message: Text::plain(message::of_finding(finding)),
            locations: [Location::new(finding.primary.span, &finding.primary.text, sources)],
            related_locations: related.collect(),
            partial_fingerprints: BTreeMap::from([(FINGERPRINT, fingerprint)]),
        }
    }
}

fn level(rule: &Rule) -> &'static str {
    match rule.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

impl Location {
    fn new(span: Span, text: &str, sources: &Sources) -> Self {
        let Range { start, end } = Range::of(span, sources);
        Self {
            id: None,
            physical_location: PhysicalLocation {
                artifact_location: ArtifactLocation {
                    uri: uri::of_path(&tidy_path(sources.get(span.source))),
                },
                region: Region {
                    start_line: start.line,
                    start_column: start.column,
                    end_line: end.line,
                    end_column: end.column,
                },
            },
            message: Text::plain(message::without_links(text)),
        }
    }
}

impl Text {
    fn plain(text: String) -> Self {
        Self { text, markdown: None }
    }
}
