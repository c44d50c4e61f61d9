//! `yaml-1-1`

use super::{Example, Rule};
use crate::diagnostic::{Diagnostic, Severity, Span};

pub(crate) static RULE: Rule = Rule {
    code: "yaml-1-1",
    severity: Severity::Warning,
    rejects: "Text without quotes that YAML 1.1 reads as something else: `yes`, `no`, `on`, `off`, `y`, `n`, `1:30`, \
              `1_000`.",
    why: "Here it is text, as YAML 1.2 says. Many tools still read YAML 1.1, where these are booleans and numbers, so an \
          author may mean one and a reviewer's tool may show the other.",
    fix: "Write it in quotes.",
    bad: Example::of(&[(
        "plain.yaml",
        b"version: 1\nstate:\n  /etc/app/enabled:\n    lifetime: persistent\n    seed: {text: on}\n",
    )]),
    good: Example::of(&[(
        "quoted.yaml",
        b"version: 1\nstate:\n  /etc/app/enabled:\n    lifetime: persistent\n    seed: {text: \"on\"}\n",
    )]),
};

/// Whether YAML 1.1 gives the plain scalar, which YAML 1.2 reads as text, another type: the resolutions of
/// `bool`, `int` and `float` in the YAML 1.1 type repository.
pub(crate) fn reads_otherwise(text: &str) -> bool {
    const BOOLEANS: [&str; 6] = ["y", "n", "yes", "no", "on", "off"];
    let is_boolean = BOOLEANS.iter().any(|word| {
        let capitalised = word[..1].to_ascii_uppercase() + &word[1..];
        text == *word || text == capitalised || text == word.to_ascii_uppercase()
    });
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let is_number = digits.starts_with(|c: char| c.is_ascii_digit())
        && digits.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'_' | b':' | b'.'));
    is_boolean || (is_number && digits.contains(['_', ':']))
}

pub(crate) fn finding(span: Span, text: &str) -> Diagnostic {
    Diagnostic::new(
        &RULE,
        format!("`{text}` is text here, and something else to tools that read YAML 1.1"),
        span,
        "without quotes",
        format!("write it in quotes: \"{text}\""),
    )
}

#[cfg(test)]
mod tests {
    use super::reads_otherwise;

    #[test]
    fn knows_the_booleans_and_numbers_of_yaml_1_1() {
        for text in ["on", "Off", "YES", "n", "1:30", "1_000", "-1_0", "190:20:30.15"] {
            assert!(reads_otherwise(text), "{text}");
        }
        for text in ["oN", "none", "persistent", "16M", "/a:b", "a_b", "1.2.3"] {
            assert!(!reads_otherwise(text), "{text}");
        }
    }
}
