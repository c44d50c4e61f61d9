//! `invalid-size`

use super::{Example, Rule};
use crate::diagnostic::{Diagnostic, Severity, Span, quote};

pub(crate) static RULE: Rule = Rule {
    code: "invalid-size",
    severity: Severity::Error,
    rejects: "A `size` that is not a whole number of bytes above 0, alone or with `K`, `M` or `G`.",
    why: "The kernel takes a size of 0 for no limit at all, and other units mean different things to different people.",
    fix: "Write it like `16M`: 16 times 1024 times 1024 bytes.",
    bad: Example::of(&[("unit.yaml", b"version: 1\nstate:\n  /tmp:\n    lifetime: ephemeral\n    size: 16 MB\n")]),
    good: Example::of(&[("size.yaml", b"version: 1\nstate:\n  /tmp:\n    lifetime: ephemeral\n    size: 16M\n")]),
};

pub(crate) fn finding(span: Span, text: &str) -> Diagnostic {
    Diagnostic::new(
        &RULE,
        format!("`size` cannot be {}", quote(text)),
        span,
        "no size",
        "write a whole number of bytes above 0, or one with `K`, `M` or `G`, like `16M`".to_owned(),
    )
}
