//! `invalid-mode`

use super::{Example, Rule};
use crate::diagnostic::{Diagnostic, Severity, Span, quote};

pub(crate) static RULE: Rule = Rule {
    code: "invalid-mode",
    severity: Severity::Error,
    rejects: "A `mode` that is not three or four octal digits in quotes.",
    why: "In YAML 1.2 a plain `0755` is the decimal number 755, in YAML 1.1 it is octal. In quotes it is text, and \
          means the same to everyone.",
    fix: "Write the digits in quotes.",
    bad: Example::of(&[("plain.yaml", b"version: 1\nstate:\n  /var/lib/app:\n    lifetime: persistent\n    mode: 0750\n")]),
    good: Example::of(&[(
        "quoted.yaml",
        b"version: 1\nstate:\n  /var/lib/app:\n    lifetime: persistent\n    mode: \"0750\"\n",
    )]),
};

pub(crate) fn unquoted(span: Span, digits: &str) -> Diagnostic {
    Diagnostic::new(
        &RULE,
        "`mode` is a number, not text".to_owned(),
        span,
        "YAML 1.2 reads a decimal number here",
        format!("write it in quotes: \"{digits}\""),
    )
}

pub(crate) fn finding(span: Span, text: &str) -> Diagnostic {
    Diagnostic::new(
        &RULE,
        format!("`mode` cannot be {}", quote(text)),
        span,
        "no octal mode",
        "write three or four octal digits in quotes, like \"0755\"".to_owned(),
    )
}
