//! `not-utf8`

use super::{Example, Rule};
use crate::diagnostic::{Diagnostic, Severity, Span};

pub(crate) static RULE: Rule = Rule {
    code: "not-utf8",
    severity: Severity::Error,
    rejects: "A fragment with bytes that are not UTF-8.",
    why: "YAML is Unicode. In another encoding, the same bytes would be another path.",
    fix: "Save the file as UTF-8.",
    bad: Example::of(&[("latin1.yaml", b"version: 1\nstate:\n  /var/lib/caf\xe9: persistent\n")]),
    good: Example::of(&[("utf8.yaml", b"version: 1\nstate:\n  /var/lib/caf\xc3\xa9: persistent\n")]),
};

pub(crate) fn finding(span: Span, byte: u8) -> Diagnostic {
    Diagnostic::new(
        &RULE,
        format!("the byte 0x{byte:02x} is not UTF-8"),
        span,
        "here",
        "save the file as UTF-8".to_owned(),
    )
}
