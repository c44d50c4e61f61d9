//! `conflict`

use super::{Example, Rule};
use crate::diagnostic::{Diagnostic, Severity, Span, quote};

pub(crate) static RULE: Rule = Rule {
    code: "conflict",
    severity: Severity::Error,
    rejects: "Two fragments that say different things about a path.",
    why: "Neither package can know which of them is right. Only the image can decide.",
    fix: "Remove one of the two values, or let both say the same.",
    bad: Example::of(&[
        ("app.yaml", b"version: 1\nstate:\n  /var/lib/app: persistent\n"),
        ("cache.yaml", b"version: 1\nstate:\n  /var/lib/app: ephemeral\n"),
    ]),
    good: Example::of(&[
        ("app.yaml", b"version: 1\nstate:\n  /var/lib/app: persistent\n"),
        ("group.yaml", b"version: 1\nstate:\n  /var/lib/app: {lifetime: persistent, mode: \"0770\"}\n"),
    ]),
};

pub(crate) fn finding(path: &str, key: &str, first: Span, second: Span) -> Diagnostic {
    Diagnostic::new(
        &RULE,
        format!("two fragments disagree about `{key}` of {}", quote(path)),
        second,
        "one says this",
        "let both say the same, or remove one of them".to_owned(),
    )
    .with(first, "the other says this")
}
