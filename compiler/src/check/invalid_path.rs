//! `invalid-path`

use state_schema::InvalidPath;

use super::{Example, Rule};
use crate::diagnostic::{Diagnostic, Severity, Spanned, quote};

pub(crate) static RULE: Rule = Rule {
    code: "invalid-path",
    severity: Severity::Error,
    rejects: "A path that is not absolute and normalised, is `/` itself, has control characters, or is longer than \
              Linux allows.",
    why: "Two spellings of one path would be two entries, and a newline in a path forges lines in logs and \
          `/proc/self/mountinfo`.",
    fix: "Write the path from `/`, without `.`, `..`, doubled or trailing slashes.",
    bad: Example::of(&[("relative.yaml", b"version: 1\nstate:\n  etc/ssh/keys: persistent\n")]),
    good: Example::of(&[("absolute.yaml", b"version: 1\nstate:\n  /etc/ssh/keys: persistent\n")]),
};

pub(crate) fn finding(path: &Spanned<String>, fault: InvalidPath) -> Diagnostic {
    let help = match fault {
        InvalidPath::NotAbsolute => match path.value.chars().next() {
            Some('$' | '@') => "variables are not expanded here: write the path itself".to_owned(),
            _ => format!("write it from the root: {}", quote(&format!("/{}", path.value))),
        },
        InvalidPath::NotNormalised => match normalise(&path.value) {
            Some(normal) => format!("write it as {}", quote(&normal)),
            None => "write the path without `..`".to_owned(),
        },
        InvalidPath::Root => "declare the directories that programs write to".to_owned(),
        InvalidPath::ControlCharacter { .. } => "remove the character".to_owned(),
        InvalidPath::PathTooLong | InvalidPath::NameTooLong => "declare a directory further up".to_owned(),
    };
    Diagnostic::new(&RULE, format!("{fault}: {}", quote(&path.value)), path.span, "this path", help)
}

/// The path without what has no meaning in it; `None` where `..` has one.
fn normalise(path: &str) -> Option<String> {
    let names: Vec<&str> = path.split('/').filter(|name| !matches!(*name, "" | ".")).collect();
    if names.is_empty() || names.contains(&"..") {
        return None;
    }
    Some(format!("/{}", names.join("/")))
}
