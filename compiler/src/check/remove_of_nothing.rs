//! `remove-of-nothing`

use state_schema::StatePathBuf;

use super::{Example, Rule};
use crate::diagnostic::{Diagnostic, Severity, Spanned, quote};
use crate::suggest;

pub(crate) static RULE: Rule = Rule {
    code: "remove-of-nothing",
    severity: Severity::Error,
    rejects: "A removal of a path that no fragment declares.",
    why: "It would do nothing. The path is misspelt, or its package has changed or gone.",
    fix: "Correct the path, or remove the removal.",
    bad: Example::of(&[("app.yaml", b"version: 1\nstate: {/var/log/app: persistent}\n")])
        .with_policy(b"version: 1\nremove: [/var/log]\n"),
    good: Example::of(&[("app.yaml", b"version: 1\nstate: {/var/log/app: persistent}\n")])
        .with_policy(b"version: 1\nremove: [/var/log/app]\n"),
};

pub(crate) fn finding<'p>(path: &Spanned<StatePathBuf>, declared: impl Iterator<Item = &'p str>) -> Diagnostic {
    let help = match suggest::closest(&path.value, declared) {
        Some(meant) => format!("did you mean {}?", quote(meant)),
        None => "remove this item".to_owned(),
    };
    Diagnostic::new(&RULE, format!("nobody declares {}", quote(&path.value)), path.span, "removes nothing", help)
}
