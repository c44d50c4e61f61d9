//! `yaml-syntax`

use super::{Example, Rule};
use crate::diagnostic::{Diagnostic, Severity, Span};

pub(crate) static RULE: Rule = Rule {
    code: "yaml-syntax",
    severity: Severity::Error,
    rejects: "Text that is not YAML 1.2.",
    why: "What follows such a place means nothing, so nothing after it is read.",
    fix: "Correct the place that is shown, or the line above it: indentation, a missing `:`, an open quote, a tab.",
    bad: Example::of(&[("open-quote.yaml", b"version: 1\nstate:\n  /etc/ssh/keys: \"persistent\n")]),
    good: Example::of(&[("closed-quote.yaml", b"version: 1\nstate:\n  /etc/ssh/keys: \"persistent\"\n")]),
};

pub(crate) fn finding(span: Span, info: &str) -> Diagnostic {
    Diagnostic::new(
        &RULE,
        format!("this is not YAML: {info}"),
        span,
        "the parser stopped here",
        "what follows was not read; correct this place or the line above it".to_owned(),
    )
}

pub(crate) fn control_character(span: Span, c: char) -> Diagnostic {
    Diagnostic::new(
        &RULE,
        format!("this is not YAML: U+{:04X} is not allowed in a file", u32::from(c)),
        span,
        "here",
        "remove the character; in double quotes, an escape like \"\\e\" can stand for it".to_owned(),
    )
}
