//! `exposed-secret`

use super::{Example, Rule, Scene};
use crate::diagnostic::{Diagnostic, Findings, Severity, quote};
use crate::resolve::Subject;
use crate::rootfs::Found;

pub(crate) static RULE: Rule = Rule {
    code: "exposed-secret",
    severity: Severity::Warning,
    rejects: "A path that by its name holds keys or passwords, and that every user may read.",
    why: "Every program on the device, a compromised one too, could read them.",
    fix: "Say `mode: \"0700\"` for a directory or `mode: \"0600\"` for a file.",
    bad: Example::of(&[(
        "app.yaml",
        b"version: 1\nstate:\n  /var/lib/app/private:\n    lifetime: persistent\n    mode: \"0755\"\n",
    )]),
    good: Example::of(&[(
        "app.yaml",
        b"version: 1\nstate:\n  /var/lib/app/private:\n    lifetime: persistent\n    mode: \"0700\"\n",
    )]),
};

/// Names that say what they hold.
const NAMES: &[&str] = &[
    ".ssh", "credentials", "gshadow", "keys", "private", "secret", "secrets", "shadow", "system-connections",
    "wpa_supplicant.conf",
];

/// Ends of names that say what they hold.
const ENDS: &[&str] = &["_key", "-key.pem", ".key", ".psk"];

pub(crate) fn check(subject: &Subject, _: Scene<'_>, findings: &mut Findings) {
    let name = subject.path.value.rsplit('/').next().unwrap_or_default();
    if !NAMES.contains(&name) && !ENDS.iter().any(|end| name.ends_with(end)) {
        return;
    }
    let (mode, span) = match (&subject.mode, &subject.in_image) {
        (Some(mode), _) => (mode.value, mode.span),
        (None, Some(Found::Directory(access) | Found::File(access))) => (access.mode, subject.path.span),
        // What neither says is decided in the image, or by the default once it is prepared.
        (None, _) => return,
    };
    if mode.bits() & 0o004 != 0 {
        findings.add(Diagnostic::new(
            &RULE,
            format!("{} can be read by every user", quote(&subject.path.value)),
            span,
            "this lets everyone read it",
            "say `mode: \"0700\"` for a directory or `mode: \"0600\"` for a file".to_owned(),
        ));
    }
}
