//! `ephemeral-only-field`

use state_schema::Kind;

use super::{Example, Rule, Scene};
use crate::diagnostic::{Diagnostic, Findings, Severity};
use crate::fragment::{How, Lifetime};
use crate::resolve::Subject;

pub(crate) static RULE: Rule = Rule {
    code: "ephemeral-only-field",
    severity: Severity::Error,
    rejects: "`size` on anything but an ephemeral directory that is bound.",
    why: "It is the limit of a tmpfs that is mounted there. A directory on sys-data has no limit of its own, and a \
          file or an overlay is no tmpfs.",
    fix: "Remove `size`.",
    bad: Example::of(&[("disk.yaml", b"version: 1\nstate:\n  /var/log:\n    lifetime: persistent\n    size: 16M\n")]),
    good: Example::of(&[("memory.yaml", b"version: 1\nstate:\n  /var/log:\n    lifetime: ephemeral\n    size: 16M\n")]),
};

pub(crate) fn check(subject: &Subject, _: Scene<'_>, findings: &mut Findings) {
    let Some(size) = subject.size else { return };
    let (reason, span) = if subject.lifetime.value == Lifetime::Persistent {
        ("a persistent path", subject.lifetime.span)
    } else if subject.kind.value == Kind::File {
        ("a file", subject.kind.by.unwrap_or(subject.path.span))
    } else if subject.how.value != How::Bind {
        ("a path that is not bound", subject.how.by.unwrap_or(subject.path.span))
    } else {
        return;
    };
    let finding = Diagnostic::new(
        &RULE,
        format!("`size` has no meaning for {reason}"),
        size.span,
        "this field",
        "remove `size`: it is the limit of an ephemeral directory's own tmpfs".to_owned(),
    );
    findings.add(finding.with(span, reason));
}
