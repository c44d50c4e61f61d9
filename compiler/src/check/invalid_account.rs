//! `invalid-account`

use super::{Example, Rule};
use crate::diagnostic::{Diagnostic, Severity, Span, quote};

pub(crate) static RULE: Rule = Rule {
    code: "invalid-account",
    severity: Severity::Error,
    rejects: "An `owner` or `group` that can be neither a name nor a number of an account.",
    why: "It could be looked up nowhere. 4294967295 is what `chown(2)` takes for leaving an owner as it is.",
    fix: "Write the account's name, or its number.",
    bad: Example::of(&[("both.yaml", b"version: 1\nstate:\n  /var/lib/app:\n    lifetime: persistent\n    owner: app:app\n")]),
    good: Example::of(&[(
        "each.yaml",
        b"version: 1\nstate:\n  /var/lib/app:\n    lifetime: persistent\n    owner: 1000\n    group: 1000\n",
    )]),
};

pub(crate) fn finding(span: Span, key: &str, text: &str) -> Diagnostic {
    let help = match text.split_once(':') {
        Some((owner, group)) => format!("write `owner:` {} and `group:` {}", quote(owner), quote(group)),
        None => "write a name, or a number from 0 to 4294967294".to_owned(),
    };
    Diagnostic::new(&RULE, format!("`{key}` cannot be {}", quote(text)), span, "no account", help)
}
