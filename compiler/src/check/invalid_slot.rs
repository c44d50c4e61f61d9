//! `invalid-slot`

use super::{Example, Rule};
use crate::diagnostic::{Diagnostic, Severity, Span, quote};

pub(crate) static RULE: Rule = Rule {
    code: "invalid-slot",
    severity: Severity::Error,
    rejects: "Slots that are not one to eight different names, and `slot-from` items that are neither a parameter's name \
              nor a value with one `{slot}`.",
    why: "A slot's name is the name of its directory on the data partition, and the kernel command line must tell exactly \
          one of them.",
    fix: "Name slots by letters, digits, `_` and `-`. Write `sysota.slot` or `root=PARTLABEL=x-sys-{slot}`.",
    bad: Example::of(&[]).with_policy(b"version: 1\nimage: {slots: [A, a], slot-from: [root=PARTLABEL=x-sys-a]}\n"),
    good: Example::of(&[])
        .with_policy(b"version: 1\nimage: {slots: [A, B], slot-from: [\"root=PARTLABEL=x-sys-{slot}\"]}\n"),
};

pub(crate) fn count(span: Span, count: usize) -> Diagnostic {
    Diagnostic::new(
        &RULE,
        format!("an image cannot have {count} slots"),
        span,
        "this list",
        "name one to eight slots".to_owned(),
    )
}

pub(crate) fn name(span: Span, name: &str) -> Diagnostic {
    Diagnostic::new(
        &RULE,
        format!("a slot cannot be called {}", quote(name)),
        span,
        "this name",
        "use one to 32 letters, digits, `_` and `-`, and do not start with `-`".to_owned(),
    )
}

pub(crate) fn twice(span: Span, name: &str, first: Span) -> Diagnostic {
    Diagnostic::new(
        &RULE,
        format!("there is a slot {} already: upper and lower case are the same", quote(name)),
        span,
        "this name",
        "name each slot once".to_owned(),
    )
    .with(first, "first here")
}

pub(crate) fn source(span: Span, text: &str) -> Diagnostic {
    Diagnostic::new(
        &RULE,
        format!("{} does not tell the slot", quote(text)),
        span,
        "has no single `{slot}`",
        "write a parameter's name, like `sysota.slot`, or its value with one `{slot}`, like `root=PARTLABEL=x-sys-{slot}`"
            .to_owned(),
    )
}
