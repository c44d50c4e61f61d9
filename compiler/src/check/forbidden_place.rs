//! `forbidden-place`

use state_schema::StatePath;

use super::{Example, Rule, Scene};
use crate::diagnostic::{Diagnostic, Findings, Severity, quote};
use crate::resolve::Subject;

pub(crate) static RULE: Rule = Rule {
    code: "forbidden-place",
    severity: Severity::Error,
    rejects: "A path at or below `/proc`, `/sys`, `/dev`, `/run` or `/usr/lib/sysota`.",
    why: "The first four are the kernel's and the boot's own file systems, writable and lost at reboot as they are; \
          a mount there would be hidden by theirs, or hide what PID 1 needs. The last holds the blob itself.",
    fix: "Remove the declaration. What a service needs below `/run` is made by tmpfiles.d or RuntimeDirectory=.",
    bad: Example::of(&[("run.yaml", b"version: 1\nstate:\n  /run/app: ephemeral\n")]),
    good: Example::of(&[("var.yaml", b"version: 1\nstate:\n  /var/cache/app: ephemeral\n")]),
};

/// Each place and what makes it special.
const PLACES: [(&str, &str); 5] = [
    ("/proc", "the kernel mounts procfs there"),
    ("/sys", "the kernel mounts sysfs there"),
    ("/dev", "the kernel mounts devtmpfs there"),
    ("/run", "the boot mounts a tmpfs there, which is writable anyhow"),
    ("/usr/lib/sysota", "the blob lies there, and belongs to the image"),
];

pub(crate) fn check(subject: &Subject, _: Scene<'_>, findings: &mut Findings) {
    let path = subject.state_path();
    for (place, why) in PLACES {
        if path.as_str() == place || StatePath::new(place).is_ok_and(|place| path.is_beneath(place)) {
            findings.add(Diagnostic::new(
                &RULE,
                format!("{} cannot be made writable: {why}", quote(path.as_str())),
                subject.path.span,
                "this path",
                "remove the declaration".to_owned(),
            ));
        }
    }
}
