//! `override-of-nothing`

use state_schema::StatePathBuf;

use super::{Example, Rule};
use crate::diagnostic::{Diagnostic, Severity, Spanned, quote};
use crate::suggest;

pub(crate) static RULE: Rule = Rule {
    code: "override-of-nothing",
    severity: Severity::Error,
    rejects: "An override of a path that no fragment declares.",
    why: "It would do nothing. The path is misspelt, or its package has changed or gone.",
    fix: "Correct the path, declare it under `state`, or remove the override.",
    bad: Example::of(&[("app.yaml", b"version: 1\nstate: {/var/log/app: persistent}\n")])
        .with_policy(b"version: 1\noverride:\n  /var/log/ap: {lifetime: ephemeral}\n"),
    good: Example::of(&[("app.yaml", b"version: 1\nstate: {/var/log/app: persistent}\n")])
        .with_policy(b"version: 1\noverride:\n  /var/log/app: {lifetime: ephemeral}\n"),
};

pub(crate) fn finding<'p>(path: &Spanned<StatePathBuf>, declared: impl Iterator<Item = &'p str>) -> Diagnostic {
    let help = match suggest::closest(&path.value, declared) {
        Some(meant) => format!("did you mean {}?", quote(meant)),
        None => "declare it under `state`, or remove the override".to_owned(),
    };
    Diagnostic::new(&RULE, format!("nobody declares {}", quote(&path.value)), path.span, "overrides nothing", help)
}
