//! `unknown-value`

use super::{Example, Rule};
use crate::diagnostic::{Diagnostic, Severity, Spanned, quote};
use crate::suggest;

pub(crate) static RULE: Rule = Rule {
    code: "unknown-value",
    severity: Severity::Error,
    rejects: "A word that is none of those which its key takes.",
    why: "A misspelt policy must not become the default one.",
    fix: "Take one of the words that the message lists.",
    bad: Example::of(&[("misspelt.yaml", b"version: 1\nstate:\n  /var/lib/app: persistant\n")]),
    good: Example::of(&[("spelt.yaml", b"version: 1\nstate:\n  /var/lib/app: persistent\n")]),
};

pub(crate) fn finding(text: &Spanned<String>, key: &str, words: &[&str]) -> Diagnostic {
    let all = suggest::alternatives(words);
    let help = match suggest::closest(&text.value, words.iter().copied()) {
        Some(meant) => format!("did you mean `{meant}`? `{key}` takes {all}"),
        None => format!("`{key}` takes {all}"),
    };
    Diagnostic::new(&RULE, format!("`{key}` cannot be {}", quote(&text.value)), text.span, "unknown word", help)
}
