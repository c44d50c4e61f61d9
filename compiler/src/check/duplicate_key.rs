//! `duplicate-key`

use super::{Example, Rule};
use crate::diagnostic::{Diagnostic, Severity, Span, quote};

pub(crate) static RULE: Rule = Rule {
    code: "duplicate-key",
    severity: Severity::Error,
    rejects: "A key that stands twice in a mapping.",
    why: "YAML forbids it, and tools that accept it differ in which of the two they take.",
    fix: "Keep one of them.",
    bad: Example::of(&[(
        "twice.yaml",
        b"version: 1\nstate:\n  /var/lib/app: persistent\n  /var/log/app: ephemeral\n  /var/lib/app: ephemeral\n",
    )]),
    good: Example::of(&[("once.yaml", b"version: 1\nstate:\n  /var/lib/app: persistent\n  /var/log/app: ephemeral\n")]),
};

pub(crate) fn finding(key: &str, span: Span, first: Span) -> Diagnostic {
    Diagnostic::new(
        &RULE,
        format!("{} stands twice in this mapping", quote(key)),
        span,
        "here again",
        "keep one of them".to_owned(),
    )
    .with(first, "first here")
}
