//! `package-not-installed`

use super::{Example, Rule};
use crate::diagnostic::{Diagnostic, Findings, Severity, Spanned, quote};
use crate::rootfs::Rootfs;

pub(crate) static RULE: Rule = Rule {
    code: "package-not-installed",
    severity: Severity::Warning,
    rejects: "A fragment whose `package` the image's package database does not have as installed.",
    why: "Nobody will write to its paths. A fragment that outlives its package is how lists of paths grow stale.",
    fix: "Leave the fragment out of this image, or correct the package's name.",
    bad: Example::in_image(
        &[("mosquitto.yaml", b"version: 1\npackage: mosquitto\nstate: {/var/lib/mosquitto: persistent}\n")],
        "directory /var/lib/mosquitto\nfile /var/lib/dpkg/status Package: busybox\\nStatus: install ok installed\\n\n",
    ),
    good: Example::in_image(
        &[("mosquitto.yaml", b"version: 1\npackage: mosquitto\nstate: {/var/lib/mosquitto: persistent}\n")],
        "directory /var/lib/mosquitto\nfile /var/lib/dpkg/status Package: mosquitto\\nStatus: install ok installed\\n\n",
    ),
};

pub(crate) fn check(package: &Spanned<String>, rootfs: &Rootfs, findings: &mut Findings) {
    if rootfs.packages.as_ref().is_some_and(|packages| !packages.contains(&package.value)) {
        findings.add(Diagnostic::new(
            &RULE,
            format!("the package {} is not in the image", quote(&package.value)),
            package.span,
            "not installed",
            "leave the fragment out of this image, or correct the name".to_owned(),
        ));
    }
}
