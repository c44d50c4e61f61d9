//! `forbidden-place`

use state_schema::StatePath;

use super::{Example, Rule, Scene};
use crate::diagnostic::{Diagnostic, Findings, Severity, quote};
use crate::resolve::Subject;

pub(crate) static RULE: Rule = Rule {
    code: "forbidden-place",
    severity: Severity::Error,
    rejects: "A path at or below `/proc`, `/sys`, `/dev`, `/run`, `/usr/lib/sysota` or the mount point of sys-data, and one \
              above the last two.",
    why: "The first four are the kernel's and the boot's own file systems, writable and lost at reboot as they are; \
          a mount there would be hidden by theirs, or hide what PID 1 needs. The others hold the blob and all state: a \
          mount over them or above them would hide these.",
    fix: "Remove the declaration. What a service needs below `/run` is made by tmpfiles.d or RuntimeDirectory=.",
    bad: Example::of(&[("run.yaml", b"version: 1\nstate:\n  /run/app: ephemeral\n")]),
    good: Example::of(&[("var.yaml", b"version: 1\nstate:\n  /var/cache/app: ephemeral\n")]),
};

/// Of the places, those that no mount above them may hide. The kernel's and the boot's are mounted at paths of the root alone.
const HIDDEN: [&str; 1] = ["/usr/lib/sysota"];

/// What makes the mount point of sys-data special.
const SYS_DATA: &str = "the boot mounts the data partition there";

/// Each place and what makes it special.
const PLACES: [(&str, &str); 5] = [
    ("/proc", "the kernel mounts procfs there"),
    ("/sys", "the kernel mounts sysfs there"),
    ("/dev", "the kernel mounts devtmpfs there"),
    ("/run", "the boot mounts a tmpfs there, which is writable anyhow"),
    ("/usr/lib/sysota", "the blob lies there, and belongs to the image"),
];

pub(crate) fn check(subject: &Subject, scene: Scene<'_>, findings: &mut Findings) {
    let path = subject.state_path();
    let mount_point = scene.image.sys_data("").mount_point;
    // sys-data is below /run, unless the policy wants it elsewhere; one finding for a path is enough.
    let places = PLACES.into_iter().chain([(mount_point.as_str(), SYS_DATA)]);
    let Some((place, why)) = places.into_iter().find(|(place, _)| {
        let Ok(place) = StatePath::new(place) else { return false };
        let is_hidden = HIDDEN.contains(&place.as_str()) || place == mount_point;
        path == place || path.is_beneath(place) || is_hidden && place.is_beneath(path)
    }) else {
        return;
    };
    let why = if path.as_str().len() < place.len() {
        format!("{} lies in it: {why}", quote(place))
    } else {
        why.to_owned()
    };
    findings.add(Diagnostic::new(
        &RULE,
        format!("{} cannot be made writable: {why}", quote(path.as_str())),
        subject.path.span,
        "this path",
        "remove the declaration".to_owned(),
    ));
}
