//! `incomplete-symlink`

use state_schema::Kind;

use super::{Example, Rule, Scene};
use crate::diagnostic::{Diagnostic, Findings, Severity};
use crate::fragment::How;
use crate::resolve::Subject;

pub(crate) static RULE: Rule = Rule {
    code: "incomplete-symlink",
    severity: Severity::Error,
    rejects: "`how: symlink` without `to`, `to` without `how: symlink`, and a symlink for a directory.",
    why: "A symlink serves single files that programs replace by rename: the file lies in a writable directory, \
          where a rename works, and `to` says in which.",
    fix: "Say both `how: symlink` and `to`, for a file.",
    bad: Example::of(&[("no-to.yaml", b"version: 1\nstate:\n  /etc/hostname:\n    lifetime: persistent\n    how: symlink\n")]),
    good: Example::of(&[(
        "to.yaml",
        b"version: 1\nstate:\n  /etcrw: persistent\n  /etc/hostname:\n    lifetime: persistent\n    how: symlink\n    \
          to: /etcrw/hostname\n",
    )]),
};

pub(crate) fn check(subject: &Subject, _: Scene<'_>, findings: &mut Findings) {
    let is_symlink = subject.how.value == How::Symlink;
    let how = subject.how.by.unwrap_or(subject.path.span);
    match &subject.to {
        None if is_symlink => findings.add(Diagnostic::new(
            &RULE,
            "the symlink has no `to`".to_owned(),
            how,
            "points nowhere",
            "add `to:` with a path in a directory that is declared as persistent".to_owned(),
        )),
        Some(to) if !is_symlink => findings.add(Diagnostic::new(
            &RULE,
            "`to` has no meaning without `how: symlink`".to_owned(),
            to.span,
            "this field",
            "add `how: symlink`, or remove `to`".to_owned(),
        )),
        _ => {}
    }
    if is_symlink && subject.kind.value == Kind::Directory {
        let finding = Diagnostic::new(
            &RULE,
            "a directory cannot be made writable by a symlink".to_owned(),
            how,
            "serves single files",
            "remove `how: symlink`: a directory is bound, and a rename inside it works".to_owned(),
        );
        findings.add(finding.with(subject.kind.by.unwrap_or(subject.path.span), "this is a directory"));
    }
}
