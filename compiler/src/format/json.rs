//! Our own format: all that is known of each finding.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Serialize;

use super::json_text;
use super::place::Range;
use crate::diagnostic::{Diagnostic, Label, Severity};
use crate::source::Sources;

/// Version of the format. Fields may be added to it, which readers ignore; any other change is a new version.
const VERSION: u32 = 1;

/// The findings as JSON, as [`schema`] describes it.
pub fn format(findings: &[Diagnostic], sources: &Sources) -> serde_json::Result<String> {
    json_text(&Report::new(findings, sources))
}

/// The JSON Schema of the format. It is published as `docs/schemas/findings.schema.json`.
#[must_use]
pub fn schema() -> serde_json::Value {
    let generator = SchemaSettings::draft07().into_generator();
    generator.into_root_schema_for::<Report>().to_value()
}

/// What `statec lint --format json` writes.
#[derive(Serialize, JsonSchema)]
#[schemars(title = "Findings of statec")]
struct Report<'a> {
    /// Version of this format. Readers ignore fields that they do not know.
    #[schemars(extend("const" = VERSION))]
    version: u32,
    /// All findings, by file, place and code.
    findings: Vec<Finding<'a>>,
    /// How many there are.
    summary: Summary,
}

/// One finding.
#[derive(Serialize, JsonSchema)]
struct Finding<'a> {
    /// The rule that was broken: its name in the documentation.
    #[schemars(regex(pattern = "^[a-z0-9]+(-[a-z0-9]+)*$"))]
    code: &'static str,
    /// Whether it prevents a blob.
    severity: Word,
    /// What is wrong.
    message: &'a str,
    /// What to do.
    help: &'a str,
    /// The file, as it was named on the command line or is named below a directory of it.
    file: &'a str,
    /// Where in the file.
    span: Range,
    /// What is there, in a few words.
    label: &'a str,
    /// Other places that belong to it, in this or another file.
    related: Vec<Related<'a>>,
}

/// A second place.
#[derive(Serialize, JsonSchema)]
struct Related<'a> {
    /// The file.
    file: &'a str,
    /// Where in the file.
    span: Range,
    /// What is there, in a few words.
    label: &'a str,
}

/// How bad a finding is.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "Severity")]
enum Word {
    /// No blob comes of it.
    Error,
    /// Works, and is likely not what the author wants.
    Warning,
}

/// Counts.
#[derive(Serialize, JsonSchema)]
struct Summary {
    /// Findings that are errors.
    errors: usize,
    /// Findings that are warnings.
    warnings: usize,
    /// Files that were looked at.
    files: usize,
}

impl<'a> Report<'a> {
    fn new(findings: &'a [Diagnostic], sources: &'a Sources) -> Self {
        let count = |severity| findings.iter().filter(|finding| finding.rule.severity == severity).count();
        Self {
            version: VERSION,
            findings: findings.iter().map(|finding| Finding::new(finding, sources)).collect(),
            summary: Summary {
                errors: count(Severity::Error),
                warnings: count(Severity::Warning),
                files: sources.len(),
            },
        }
    }
}

impl<'a> Finding<'a> {
    fn new(finding: &'a Diagnostic, sources: &'a Sources) -> Self {
        let Related { file, span, label } = Related::new(&finding.primary, sources);
        Self {
            code: finding.rule.code,
            severity: match finding.rule.severity {
                Severity::Error => Word::Error,
                Severity::Warning => Word::Warning,
            },
            message: &finding.message,
            help: &finding.help,
            file,
            span,
            label,
            related: finding.secondary.iter().map(|label| Related::new(label, sources)).collect(),
        }
    }
}

impl<'a> Related<'a> {
    fn new(label: &'a Label, sources: &'a Sources) -> Self {
        Self {
            file: &sources.get(label.span.source).name,
            span: Range::of(label.span, sources),
            label: &label.text,
        }
    }
}
