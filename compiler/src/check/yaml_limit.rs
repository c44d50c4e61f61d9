//! `yaml-limit`

use super::{Example, Rule};
use crate::diagnostic::{Diagnostic, Severity, Span};
use crate::lower::MAX_TEXT_LEN;
use crate::source::MAX_FILE_LEN;
use crate::yaml::{MAX_DEPTH, MAX_NODES};

pub(crate) static RULE: Rule = Rule {
    code: "yaml-limit",
    severity: Severity::Error,
    rejects: "A file of more than 1 MiB, 50,000 nodes or 32 levels, or a text of more than 32 KiB.",
    why: "Fragments come from many packages. None of them may keep a build busy or take its memory.",
    fix: "Split the file. A path for each of thousands of files is better said once for their directory.",
    bad: Example::of(&[("deep.yaml", b"version: 1\nstate: [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]\n")]),
    good: Example::of(&[("flat.yaml", b"version: 1\nstate: {}\n")]),
};

pub(crate) fn file_len(start: Span, length: u64) -> Diagnostic {
    Diagnostic::new(
        &RULE,
        format!("the file has {length} bytes; at most {MAX_FILE_LEN} are read"),
        start,
        "this file",
        "split it, or declare a directory instead of what it holds".to_owned(),
    )
}

pub(crate) fn text_len(span: Span, length: usize) -> Diagnostic {
    Diagnostic::new(
        &RULE,
        format!("the text has {length} bytes; at most {MAX_TEXT_LEN} are read"),
        span,
        "this text",
        "let the package install a file, and seed from the image".to_owned(),
    )
}

pub(crate) fn nodes(span: Span) -> Diagnostic {
    Diagnostic::new(
        &RULE,
        format!("the file has more than {MAX_NODES} nodes"),
        span,
        "the first that is one too many",
        "split the file, or declare a directory instead of what it holds".to_owned(),
    )
}

pub(crate) fn depth(span: Span) -> Diagnostic {
    Diagnostic::new(
        &RULE,
        format!("the file has more than {MAX_DEPTH} levels"),
        span,
        "the first that is one too deep",
        "a fragment needs four levels: correct the brackets or the indentation".to_owned(),
    )
}
