//! `missing-mount-point`

use super::{Example, Rule, Scene};
use crate::diagnostic::{Diagnostic, Findings, Severity, quote};
use crate::fragment::How;
use crate::resolve::Subject;
use crate::rootfs::Found;

pub(crate) static RULE: Rule = Rule {
    code: "missing-mount-point",
    severity: Severity::Error,
    rejects: "A path that the image lacks, or that is not yet the symlink it is declared to be, when `compile` runs \
              without `--prepare`.",
    why: "The root is read-only on the target: a mount point that is missing there can never be made.",
    fix: "Let `compile --prepare` make it, or create it in the package.",
    bad: Example::in_image(&[("absent.yaml", b"version: 1\nstate:\n  /var/lib/app: persistent\n")], "directory /var/lib\n"),
    good: Example::in_image(
        &[("present.yaml", b"version: 1\nstate:\n  /var/lib/app: persistent\n")],
        "directory /var/lib/app\n",
    ),
};

pub(crate) fn check(subject: &Subject, scene: Scene<'_>, findings: &mut Findings) {
    if scene.prepares {
        return;
    }
    let missing = match (subject.how.value, &subject.in_image) {
        (How::Symlink, Some(Found::Symlink { target })) => subject.to.as_ref().is_some_and(|to| *to.value != **target),
        (How::Symlink, Some(Found::Nothing | Found::File(_))) => true,
        // Beneath another entry the mount point is made in that entry's state.
        (How::Bind | How::Overlay, Some(Found::Nothing)) => {
            scene.resolved.above(subject).is_none()
        }
        _ => false,
    };
    if missing {
        let what = if subject.how.value == How::Symlink { "the symlink" } else { "a mount point" };
        findings.add(Diagnostic::new(
            &RULE,
            format!("the image lacks {what} at {}", quote(&subject.path.value)),
            subject.path.span,
            "not in the image",
            "let `statec compile --prepare` make it, or create it in the package".to_owned(),
        ));
    }
}
