//! `missing-key`

use super::{Example, Rule};
use crate::diagnostic::{Diagnostic, Severity, Span};

pub(crate) static RULE: Rule = Rule {
    code: "missing-key",
    severity: Severity::Error,
    rejects: "A fragment without `version` or `state`, or a declaration without `lifetime`.",
    why: "How long writes last is the one thing that only the author knows, and a guess would lose data or fill \
          the disk.",
    fix: "Add the key.",
    bad: Example::of(&[("no-lifetime.yaml", b"version: 1\nstate:\n  /var/lib/app:\n    mode: \"0700\"\n")]),
    good: Example::of(&[(
        "lifetime.yaml",
        b"version: 1\nstate:\n  /var/lib/app:\n    lifetime: persistent\n    mode: \"0700\"\n",
    )]),
};

pub(crate) fn empty_file(start: Span) -> Diagnostic {
    Diagnostic::new(
        &RULE,
        "the file is empty".to_owned(),
        start,
        "nothing here",
        "a fragment has `version: 1` and `state:` with paths".to_owned(),
    )
}

pub(crate) fn of_file(key: &str, document: Span) -> Diagnostic {
    let example = if key == "version" { "version: 1" } else { "state: {/var/lib/app: persistent}" };
    let start = Span::new(document.source, document.start(), document.start());
    Diagnostic::new(&RULE, format!("the file has no `{key}`"), start, "in this mapping", format!("add `{example}`"))
}

pub(crate) fn lifetime(path: Span) -> Diagnostic {
    Diagnostic::new(
        &RULE,
        "the declaration has no `lifetime`".to_owned(),
        path,
        "declared here",
        "add `lifetime: persistent` (kept on sys-data) or `lifetime: ephemeral` (lost at reboot)".to_owned(),
    )
}
