//! `unknown-key`

use super::{Example, Rule};
use crate::diagnostic::{Diagnostic, Severity, Span, quote};
use crate::suggest;

pub(crate) static RULE: Rule = Rule {
    code: "unknown-key",
    severity: Severity::Error,
    rejects: "A key that the language does not have.",
    why: "A misspelt key would otherwise be a policy that silently is not there.",
    fix: "Correct the spelling, or remove the key.",
    bad: Example::of(&[(
        "misspelt.yaml",
        b"version: 1\nstate:\n  /var/lib/app:\n    lifetime: persistent\n    ownr: app\n",
    )]),
    good: Example::of(&[("spelt.yaml", b"version: 1\nstate:\n  /var/lib/app:\n    lifetime: persistent\n    owner: root\n")]),
};

/// The finding, and the key that is likely meant.
pub(crate) fn finding(
    key: &str,
    span: Span,
    place: &str,
    known: &[&'static str],
) -> (Diagnostic, Option<&'static str>) {
    let meant = suggest::closest(key, known.iter().copied());
    let help = match meant {
        Some(meant) => format!("did you mean `{meant}`?"),
        None if ["image", "override", "remove"].contains(&key) => {
            format!("only an image's policy has `{key}`: `statec compile --image`")
        }
        None => format!("the keys here are {}", suggest::alternatives(known).replace(" or ", " and ")),
    };
    (Diagnostic::new(&RULE, format!("{place} has no key {}", quote(key)), span, "unknown key", help), meant)
}
