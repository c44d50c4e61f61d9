//! `replaced-by-rename`

use state_schema::Kind;

use super::{Example, Rule, Scene};
use crate::diagnostic::{Diagnostic, Findings, Severity, quote};
use crate::fragment::{How, Lifetime, Word};
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
    ("/etc/subuid", "useradd and usermod", Instead::Directory),
    ("/etc/subgid", "useradd and usermod", Instead::Directory),
    ("/etc/resolv.conf", "NetworkManager and resolvconf", Instead::LinkIntoRun),
    ("/etc/wpa_supplicant.conf", "wpa_supplicant", Instead::Directory),
    ("/etc/wpa_supplicant/wpa_supplicant.conf", "wpa_supplicant", Instead::Directory),
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
    let (directory, name) = path.rsplit_once('/').unwrap_or_default();
    let lifetime = subject.lifetime.value.word();
    let help = match instead {
        Instead::Symlink => format!(
            "declare `/etcrw: {lifetime}` and `{path}: {{lifetime: {lifetime}, how: symlink, to: /etcrw/{name}}}`; give \
             {program} a drop-in with `BindPaths=/etcrw:/etc`"
        ),
        Instead::Directory if subject.lifetime.value == Lifetime::Persistent => {
            format!("declare the directory instead: `{directory}: {{lifetime: persistent, on-update: merge}}`")
        }
        Instead::Directory => format!("declare the directory instead: `{directory}: ephemeral`"),
        Instead::LinkIntoRun => {
            "declare nothing: let the image hold a symlink into `/run`, which the program leaves alone".to_owned()
        }
    };
    findings.add(Diagnostic::new(
        &RULE,
        format!("{program} cannot replace {} while it is a mount point", quote(path)),
        subject.path.span,
        "bound as a single file",
        help,
    ));
}
