//! `hidden-content`

use super::{Example, Rule, Scene};
use crate::diagnostic::{Diagnostic, Findings, Severity, quote};
use crate::fragment::{How, Seed};
use crate::resolve::Subject;

pub(crate) static RULE: Rule = Rule {
    code: "hidden-content",
    severity: Severity::Warning,
    rejects: "`seed: empty` where the image holds something.",
    why: "What a package installs there can never be seen on the target.",
    fix: "Seed from the image, or let the image hold nothing there.",
    bad: Example::in_image(
        &[("app.yaml", b"version: 1\nstate:\n  /etc/app:\n    lifetime: persistent\n    seed: empty\n")],
        "file /etc/app/app.conf on\\n\n",
    ),
    good: Example::in_image(
        &[("app.yaml", b"version: 1\nstate:\n  /etc/app:\n    lifetime: persistent\n    seed: image\n")],
        "file /etc/app/app.conf on\\n\n",
    ),
};

pub(crate) fn check(subject: &Subject, scene: Scene<'_>, findings: &mut Findings) {
    let (Some(rootfs), Some(found)) = (scene.rootfs, &subject.in_image) else { return };
    if subject.seed.value != Seed::Empty || subject.how.value != How::Bind {
        return;
    }
    // What other entries put there is not hidden: their mount points, which preparing the image makes, among it.
    let is_declared = scene.resolved.declared_beneath(subject);
    let Some(content) = rootfs.first_content(subject.state_path(), found, is_declared) else { return };
    findings.add(Diagnostic::new(
        &RULE,
        format!("the image's {} will be hidden", quote(&content)),
        subject.seed.by.unwrap_or(subject.path.span),
        "starts with nothing",
        "say `seed: image`, or let the image hold nothing there".to_owned(),
    ));
}
