//! `wrong-type`

use super::{Example, Rule};
use crate::diagnostic::{Diagnostic, Severity};
use crate::yaml::Node;

pub(crate) static RULE: Rule = Rule {
    code: "wrong-type",
    severity: Severity::Error,
    rejects: "A value of another type than its key has: a list for text, a number for text, nothing at all.",
    why: "By the YAML 1.2 core schema a plain `1.10` is a number and a plain `~` is nothing. What was written would \
          not be what is meant.",
    fix: "Write the value in the form that the message names; text that looks like a number or a boolean in quotes.",
    bad: Example::of(&[(
        "number.yaml",
        b"version: 1\nstate:\n  /etc/app/release:\n    lifetime: persistent\n    seed: {text: 1.10}\n",
    )]),
    good: Example::of(&[(
        "text.yaml",
        b"version: 1\nstate:\n  /etc/app/release:\n    lifetime: persistent\n    seed: {text: \"1.10\"}\n",
    )]),
};

pub(crate) fn finding(node: &Node, what: &str, wanted: &str) -> Diagnostic {
    Diagnostic::new(
        &RULE,
        format!("{what} is {}", node.describe()),
        node.span,
        node.describe(),
        format!("write {wanted}"),
    )
}

pub(crate) fn unquoted(node: &Node, what: &str, text: &str) -> Diagnostic {
    let help = if text.is_empty() { "write text".to_owned() } else { format!("write it as text: \"{text}\"") };
    Diagnostic::new(&RULE, format!("{what} is {}, not text", node.describe()), node.span, node.describe(), help)
}
