//! `replaced-by-rename`

use state_schema::Kind;

use super::{Example, Rule, Scene};
use crate::diagnostic::{Diagnostic, Findings, Severity, quote};
use crate::fragment::How;
use crate::resolve::Subject;

pub(crate) static RULE: Rule = Rule {
    code: "replaced-by-rename",
    severity: Severity::Warning,
    rejects: "A bound file that a well-known program replaces by `rename(2)`, such as `/etc/hostname`.",
    why: "A mount point cannot be replaced: the program fails with EBUSY, or, beside the file, with EROFS.",
    fix: "Declare the file as a symlink into a persistent directory and let the program write there, or bind the directory.",
    bad: Example::of(&[(
        "hostname.yaml",
        b"version: 1\nstate:\n  /etc/hostname:\n    lifetime: persistent\n    type: file\n",
    )]),
    good: Example::of(&[(
        "hostname.yaml",
        b"version: 1\nstate:\n  /etcrw: persistent\n  /etc/hostname:\n    lifetime: persistent\n    how: symlink\n    \
          to: /etcrw/hostname\n",
    )]),
};

/// Each file with the program that replaces it, and what serves instead. Observed with Debian 12's programs on a
/// read-only root.
const REPLACED: &[(&str, &str, Instead)] = &[
    ("/etc/hostname", "systemd-hostnamed", Instead::Symlink),
    ("/etc/machine-info", "systemd-hostnamed", Instead::Symlink),
    ("/etc/localtime", "systemd-timedated", Instead::Symlink),
    ("/etc/adjtime", "systemd-timedated", Instead::Symlink),
    ("/etc/locale.conf", "systemd-localed", Instead::Symlink),
    ("/etc/vconsole.conf", "systemd-localed", Instead::Symlink),
    ("/etc/passwd", "passwd and useradd", Instead::Directory),
    ("/etc/shadow", "passwd and useradd", Instead::Directory),
    ("/etc/group", "useradd and groupadd", Instead::Directory),
    ("/etc/gshadow", "useradd and groupadd", Instead::Directory),
    ("/etc/resolv.conf", "NetworkManager and resolvconf", Instead::LinkIntoRun),
    ("/etc/wpa_supplicant.conf", "wpa_supplicant", Instead::Directory),
    ("/etc/ld.so.cache", "ldconfig", Instead::Directory),
];

/// What serves where a bind does not.
#[derive(Clone, Copy)]
enum Instead {
    Symlink,
    Directory,
    LinkIntoRun,
}

pub(crate) fn check(subject: &Subject, _: Scene<'_>, findings: &mut Findings) {
    let path = subject.state_path().as_str();
    let Some(&(_, program, instead)) = REPLACED.iter().find(|(file, ..)| *file == path) else { return };
    // These are files wherever they exist; without an image the type may not be known.
    let is_bound_file = subject.how.value == How::Bind && (subject.kind.value == Kind::File || subject.in_image.is_none());
    if !is_bound_file {
        return;
    }
    let name = path.rsplit('/').next().unwrap_or_default();
    let help = match instead {
        Instead::Symlink => format!(
            "declare `/etcrw: persistent`, and for this path `how: symlink` with `to: /etcrw/{name}`; give the service \
             `BindPaths=/etcrw:/etc`"
        ),
        Instead::Directory => "declare the directory: `/etc` with `on-update: merge`".to_owned(),
        Instead::LinkIntoRun => "let the image hold a symlink into `/run`, which the program leaves alone".to_owned(),
    };
    findings.add(Diagnostic::new(
        &RULE,
        format!("{program} cannot replace {} while it is a mount point", quote(path)),
        subject.path.span,
        "bound as a single file",
        help,
    ));
}
