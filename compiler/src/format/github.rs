//! Commands in the log of a GitHub workflow, each of which becomes an annotation (docs.github.com, "Workflow commands").
//!
//! GitHub shows the first ten errors and the first ten warnings of a step; [`sarif`](super::sarif) has no such limit.

use std::fmt::Write;

use super::place::{Range, tidy_path};
use crate::diagnostic::{Diagnostic, Severity, is_harmless};
use crate::source::Sources;

/// A line for each finding.
#[must_use]
pub fn format(findings: &[Diagnostic], sources: &Sources) -> String {
    findings.iter().map(|finding| command(finding, sources) + "\n").collect()
}

fn command(finding: &Diagnostic, sources: &Sources) -> String {
    let word = match finding.rule.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let span = finding.primary.span;
    let Range { start, end } = Range::of(span, sources);
    let last_line = Range::last_line(span, sources);
    let file = property(&tidy_path(sources.get(span.source)));
    // The runner drops columns where the lines differ, and says so in the log.
    let columns = if start.line == end.line {
        format!(",col={},endColumn={}", start.column, end.column)
    } else {
        String::new()
    };
    format!(
        "::{word} file={file},line={},endLine={last_line}{columns},title=statec {}::{}",
        start.line,
        finding.rule.code,
        data(&message(finding, sources))
    )
}

/// An annotation has one place: the others are named in its text.
fn message(finding: &Diagnostic, sources: &Sources) -> String {
    let others = finding.secondary.iter().map(|label| {
        let start = Range::of(label.span, sources).start;
        let file = tidy_path(sources.get(label.span.source));
        format!("{file}:{}:{}: {}\n", start.line, start.column, label.text)
    });
    format!("{}\n{}help: {}", finding.message, others.collect::<String>(), finding.help)
}

/// Text after the second `::`, as the runner unescapes it.
fn data(text: &str) -> String {
    escape(text, |c| matches!(c, '%' | '\r' | '\n'))
}

/// Text of a property, which also ends at a comma or colon.
fn property(text: &str) -> String {
    escape(text, |c| matches!(c, '%' | '\r' | '\n' | ':' | ','))
}

/// Percent-encodes what the runner decodes. It decodes no other character: one that would do harm in a log is shown by its
/// name, and the price is that a file called so is not found.
fn escape(text: &str, is_decoded: impl Fn(char) -> bool) -> String {
    let mut escaped = String::new();
    for c in text.chars() {
        if is_decoded(c) {
            // Writing to a string does not fail.
            let _ = write!(escaped, "%{:02X}", u32::from(c));
        } else if is_harmless(c) {
            escaped.push(c);
        } else {
            escaped.extend(c.escape_default());
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_what_the_runner_unescapes() {
        assert_eq!(data("100%: a,\r\nb"), "100%25: a,%0D%0Ab");
        assert_eq!(property("100%: a,\nb\u{1b}"), "100%25%3A a%2C%0Ab\\u{1b}");
    }
}
