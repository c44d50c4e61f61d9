//! `bad-version`

use super::{Example, Rule};
use crate::diagnostic::{Diagnostic, Severity, Span, quote};
use crate::fragment::LANGUAGE_VERSION;

pub(crate) static RULE: Rule = Rule {
    code: "bad-version",
    severity: Severity::Error,
    rejects: "A fragment in a version of the language that this `statec` does not read.",
    why: "A later version may mean something else by the same words.",
    fix: "Write `version: 1`, or build with a `statec` that reads the fragment's version.",
    bad: Example::of(&[("future.yaml", b"version: 2\nstate:\n  /var/lib/app: persistent\n")]),
    good: Example::of(&[("present.yaml", b"version: 1\nstate:\n  /var/lib/app: persistent\n")]),
};

pub(crate) fn finding(span: Span, version: &str) -> Diagnostic {
    Diagnostic::new(
        &RULE,
        format!("version {} of the language is not known", quote(version)),
        span,
        "this version",
        format!("write `version: {LANGUAGE_VERSION}`, or use a statec that reads this version"),
    )
}
