//! `contradictory-options`

use super::{Example, Rule};
use crate::diagnostic::{Diagnostic, Severity, Span};

pub(crate) static RULE: Rule = Rule {
    code: "contradictory-options",
    severity: Severity::Error,
    rejects: "An option that is both set and lifted.",
    why: "mount(8) takes the last one. Here the list has no order, so that nobody has to know.",
    fix: "Keep one of the two.",
    bad: Example::of(&[(
        "both.yaml",
        b"version: 1\nstate:\n  /var/lib/app:\n    lifetime: persistent\n    options: [exec, noexec]\n",
    )]),
    good: Example::of(&[(
        "one.yaml",
        b"version: 1\nstate:\n  /var/lib/app:\n    lifetime: persistent\n    options: [noexec]\n",
    )]),
};

pub(crate) fn finding(word: &str, span: Span, first: Span) -> Diagnostic {
    Diagnostic::new(
        &RULE,
        format!("`{word}` contradicts an option of the same list"),
        span,
        "this one",
        "keep one of the two".to_owned(),
    )
    .with(first, "and this one")
}
