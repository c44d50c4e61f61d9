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
    let (Some(rootfs), Seed::Empty, How::Bind) = (scene.rootfs, &subject.seed.value, subject.how.value) else { return };
    // What other entries put there is not hidden: their mount points, which preparing the image makes, among it.
    let path = subject.state_path();
    let Some(content) = rootfs.first_content(path, scene.resolved.declared_beneath(path)) else { return };
    findings.add(Diagnostic::new(
        &RULE,
        format!("the image's {} will be hidden", quote(&content)),
        subject.seed.by.unwrap_or(subject.path.span),
        "starts with nothing",
        "say `seed: image`, or let the image hold nothing there".to_owned(),
    ));
}
