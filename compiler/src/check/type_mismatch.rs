//! `type-mismatch`

use state_schema::Kind;

use super::{Example, Rule, Scene};
use crate::diagnostic::{Diagnostic, Findings, Severity, quote};
use crate::fragment::How;
use crate::resolve::Subject;
use crate::rootfs::Found;

pub(crate) static RULE: Rule = Rule {
    code: "type-mismatch",
    severity: Severity::Error,
    rejects: "A path which the image holds as something else than is declared.",
    why: "A directory can be mounted over a directory only, and a file over a file.",
    fix: "Say the `type` that the image has. For a symlink, declare what it points to, or use `how: symlink`.",
    bad: Example::in_image(
        &[("directory.yaml", b"version: 1\nstate:\n  /etc/app:\n    lifetime: persistent\n    type: directory\n")],
        "file /etc/app on\\n",
    ),
    good: Example::in_image(
        &[("file.yaml", b"version: 1\nstate:\n  /etc/app:\n    lifetime: persistent\n    type: file\n")],
        "file /etc/app on\\n",
    ),
};

pub(crate) fn check(subject: &Subject, _: Scene<'_>, findings: &mut Findings) {
    let is_symlink = subject.how.value == How::Symlink;
    let is_declared = subject.kind.value;
    let (in_image, help) = match (&subject.in_image, is_declared) {
        (Some(Found::Directory(_)), Kind::File) => ("a directory", "say `type: directory`".to_owned()),
        (Some(Found::File(_)), Kind::Directory) => ("a file", "say `type: file`".to_owned()),
        (Some(Found::Symlink { target }), _) if !is_symlink => (
            "a symlink",
            format!("declare what it points to ({}), or use `how: symlink`", quote(target)),
        ),
        (Some(Found::Special(what)), _) => (*what, "remove the declaration, or the file from the image".to_owned()),
        (Some(Found::BehindFile { ancestor }), _) => {
            ("beneath a file", format!("{} is a file in the image: correct the path", quote(ancestor)))
        }
        _ => return,
    };
    findings.add(Diagnostic::new(
        &RULE,
        format!("{} is declared as a {}, and is {in_image} in the image", quote(&subject.path.value), is_declared.word()),
        subject.kind.by.unwrap_or(subject.path.span),
        "differs from the image",
        help,
    ));
}
