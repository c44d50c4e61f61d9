//! `yaml-feature`

use super::{Example, Rule};
use crate::diagnostic::{Diagnostic, Severity, Span};

pub(crate) static RULE: Rule = Rule {
    code: "yaml-feature",
    severity: Severity::Error,
    rejects: "Anchors, aliases, tags and further documents.",
    why: "A fragment is read by people and by tools that look for a path in it. What it says must stand where it \
          says it.",
    fix: "Write the value out; put a second document into a file of its own.",
    bad: Example::of(&[(
        "alias.yaml",
        b"version: 1\nstate:\n  /var/lib/a: &policy\n    lifetime: persistent\n  /var/lib/b: *policy\n",
    )]),
    good: Example::of(&[("written-out.yaml", b"version: 1\nstate:\n  /var/lib/a: persistent\n  /var/lib/b: persistent\n")]),
};

pub(crate) fn anchor(span: Span) -> Diagnostic {
    Diagnostic::new(
        &RULE,
        "a fragment has no anchors".to_owned(),
        span,
        "this value is anchored",
        "remove the `&name`".to_owned(),
    )
}

pub(crate) fn alias(span: Span) -> Diagnostic {
    Diagnostic::new(
        &RULE,
        "a fragment has no aliases".to_owned(),
        span,
        "an alias",
        "write the value out".to_owned(),
    )
}

pub(crate) fn tag(span: Span) -> Diagnostic {
    Diagnostic::new(
        &RULE,
        "a fragment has no tags".to_owned(),
        span,
        "this value is tagged",
        "remove the `!tag`".to_owned(),
    )
}

pub(crate) fn second_document(span: Span) -> Diagnostic {
    Diagnostic::new(
        &RULE,
        "a fragment is a single document".to_owned(),
        span,
        "another document starts here",
        "put it into a file of its own; it was not read".to_owned(),
    )
}
