//! `mounted-elsewhere`

use super::{Example, Rule, Scene};
use crate::diagnostic::{Diagnostic, Findings, Severity, quote};
use crate::fragment::How;
use crate::resolve::Subject;

pub(crate) static RULE: Rule = Rule {
    code: "mounted-elsewhere",
    severity: Severity::Error,
    rejects: "A path that the image's `/etc/fstab`, or a mount unit which it enables, always mounts as well.",
    why: "That mount comes later and hides the state: programs would write to the wrong place.",
    fix: "Remove the line or mask the unit, or remove the declaration.",
    bad: Example::in_image(
        &[("log.yaml", b"version: 1\nstate: {/var/log: ephemeral}\n")],
        "directory /var/log\nfile /etc/fstab tmpfs /var/log tmpfs size=16M 0 0\\n\n",
    ),
    good: Example::in_image(
        &[("log.yaml", b"version: 1\nstate: {/var/log: ephemeral}\n")],
        "directory /var/log\nfile /etc/fstab proc /proc proc defaults 0 0\\n\n",
    ),
};

pub(crate) fn check(subject: &Subject, scene: Scene<'_>, findings: &mut Findings) {
    let Some(rootfs) = scene.rootfs.filter(|_| subject.how.value != How::Symlink) else { return };
    let Some(mount) = rootfs.mounts.at(subject.state_path()) else { return };
    if !mount.conditions.is_empty() {
        return;
    }
    let by = mount.by.as_str();
    let help = if by.starts_with('/') {
        format!("take the line out of {}, or remove the declaration", quote(by))
    } else {
        format!("mask {}, or remove the declaration", quote(by))
    };
    findings.add(Diagnostic::new(
        &RULE,
        format!("{} is also mounted by the image's {}", quote(&subject.path.value), quote(by)),
        subject.path.span,
        "would be hidden by that mount",
        help,
    ));
}
