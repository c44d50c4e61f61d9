//! `invalid-device`

use super::{Example, Rule};
use crate::diagnostic::{Diagnostic, Severity, Span, quote};

pub(crate) static RULE: Rule = Rule {
    code: "invalid-device",
    severity: Severity::Error,
    rejects: "A data partition that is not given by `PARTLABEL=…`, `PARTUUID=…` or a path below `/dev`.",
    why: "These are what can be found in an initramfs without a program that reads file systems.",
    fix: "Give the partition's label, its UUID, or its device.",
    bad: Example::of(&[]).with_policy(b"version: 1\nimage: {sys-data: {device: \"LABEL=data\"}}\n"),
    good: Example::of(&[]).with_policy(b"version: 1\nimage: {sys-data: {device: \"PARTLABEL=data\"}}\n"),
};

pub(crate) fn finding(span: Span, device: &str) -> Diagnostic {
    Diagnostic::new(
        &RULE,
        format!("the data partition cannot be {}", quote(device)),
        span,
        "this device",
        "write `PARTLABEL=…`, `PARTUUID=…` or a path below `/dev`".to_owned(),
    )
}
