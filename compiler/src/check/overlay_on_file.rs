//! `overlay-on-file`

use state_schema::Kind;

use super::{Example, Rule, Scene};
use crate::diagnostic::{Diagnostic, Findings, Severity};
use crate::fragment::How;
use crate::resolve::Subject;

pub(crate) static RULE: Rule = Rule {
    code: "overlay-on-file",
    severity: Severity::Error,
    rejects: "`how: overlay` for a file.",
    why: "An overlay joins directories.",
    fix: "Use `how: bind`, or `how: symlink` where programs replace the file by rename.",
    bad: Example::of(&[(
        "file.yaml",
        b"version: 1\nstate:\n  /etc/app.conf:\n    lifetime: persistent\n    type: file\n    how: overlay\n",
    )]),
    good: Example::of(&[(
        "directory.yaml",
        b"version: 1\nstate:\n  /etc/app:\n    lifetime: persistent\n    how: overlay\n",
    )]),
};

pub(crate) fn check(subject: &Subject, _: Scene<'_>, findings: &mut Findings) {
    if subject.how.value != How::Overlay || subject.kind.value != Kind::File {
        return;
    }
    let finding = Diagnostic::new(
        &RULE,
        "a file cannot have an overlay".to_owned(),
        subject.how.by.unwrap_or(subject.path.span),
        "an overlay joins directories",
        "use `how: bind`, or `how: symlink` where programs replace the file by rename".to_owned(),
    );
    findings.add(finding.with(subject.kind.by.unwrap_or(subject.path.span), "this is a file"));
}
