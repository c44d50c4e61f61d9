//! `mounted-on-condition`

use super::{Example, Rule, Scene};
use crate::diagnostic::{Diagnostic, Findings, Severity, quote};
use crate::fragment::How;
use crate::resolve::Subject;

pub(crate) static RULE: Rule = Rule {
    code: "mounted-on-condition",
    severity: Severity::Warning,
    rejects: "A path that a mount unit which the image enables mounts as well, on a condition (`Condition…=`, `Assert…=`).",
    why: "Where the condition holds, that mount comes later and hides the state: programs write to another place than on \
          devices where it does not hold.",
    fix: "Mask the unit if it is never to mount, or remove the declaration.",
    bad: Example::in_image(
        &[("machines.yaml", b"version: 1\nstate: {/var/lib/machines: persistent}\n")],
        "directory /var/lib/machines\n\
         file /usr/lib/systemd/system/var-lib-machines.mount [Unit]\\nConditionPathExists=/var/lib/machines.raw\\n\n\
         symlink /usr/lib/systemd/system/machines.target.wants/var-lib-machines.mount ../var-lib-machines.mount\n",
    ),
    good: Example::in_image(
        &[("machines.yaml", b"version: 1\nstate: {/var/lib/machines: persistent}\n")],
        "directory /var/lib/machines\n\
         file /usr/lib/systemd/system/var-lib-machines.mount [Unit]\\nConditionPathExists=/var/lib/machines.raw\\n\n\
         symlink /usr/lib/systemd/system/machines.target.wants/var-lib-machines.mount ../var-lib-machines.mount\n\
         symlink /etc/systemd/system/var-lib-machines.mount /dev/null\n",
    ),
};

pub(crate) fn check(subject: &Subject, scene: Scene<'_>, findings: &mut Findings) {
    let Some(rootfs) = scene.rootfs.filter(|_| subject.how.value != How::Symlink) else { return };
    let Some(mount) = rootfs.mounts.at(subject.state_path()) else { return };
    let Some((first, others)) = mount.conditions.split_first() else { return };
    let others = if others.is_empty() { "" } else { " and more" };
    findings.add(Diagnostic::new(
        &RULE,
        format!(
            "{} is also mounted by the image's {}, on the condition {}{others}",
            quote(&subject.path.value),
            quote(&mount.by),
            quote(first)
        ),
        subject.path.span,
        "may be hidden by that mount",
        format!("mask {} if it is never to mount, or remove the declaration", quote(&mount.by)),
    ));
}
