//! `unknown-account`

use super::{Example, Rule, Scene};
use crate::diagnostic::{Diagnostic, Findings, Severity, Spanned, quote};
use crate::fragment::Account;
use crate::resolve::Subject;
use crate::suggest;

pub(crate) static RULE: Rule = Rule {
    code: "unknown-account",
    severity: Severity::Error,
    rejects: "An `owner` or `group` whose name the image's `/etc/passwd` or `/etc/group` does not have.",
    why: "The target looks no name up, so the number must be known when the image is built.",
    fix: "Correct the name, or let the package create the account (in Yocto: `inherit useradd`).",
    bad: Example::in_image(
        &[("stranger.yaml", b"version: 1\nstate:\n  /var/lib/app:\n    lifetime: persistent\n    owner: mosqitto\n")],
        "file /etc/passwd root:x:0:0::/root:/bin/sh\\nmosquitto:x:990:990::/:/bin/false\\n\ndirectory /var/lib/app\n",
    ),
    good: Example::in_image(
        &[("known.yaml", b"version: 1\nstate:\n  /var/lib/app:\n    lifetime: persistent\n    owner: mosquitto\n")],
        "file /etc/passwd root:x:0:0::/root:/bin/sh\\nmosquitto:x:990:990::/:/bin/false\\n\ndirectory /var/lib/app\n",
    ),
};

pub(crate) fn check(subject: &Subject, scene: Scene<'_>, findings: &mut Findings) {
    let Some(rootfs) = scene.rootfs else { return };
    let accounts = &rootfs.accounts;
    if let Some(Spanned { value: Account::Name(name), span }) = &subject.owner
        && accounts.user(name).is_none()
    {
        let meant = suggest::closest(name, accounts.user_names());
        findings.add(finding("user", "/etc/passwd", &Spanned { value: name, span: *span }, meant));
    }
    if let Some(Spanned { value: Account::Name(name), span }) = &subject.group
        && accounts.group(name).is_none()
    {
        let meant = suggest::closest(name, accounts.group_names());
        findings.add(finding("group", "/etc/group", &Spanned { value: name, span: *span }, meant));
    }
}

fn finding(what: &str, file: &str, name: &Spanned<&String>, meant: Option<&str>) -> Diagnostic {
    let help = match meant {
        Some(meant) => format!("did you mean {}?", quote(meant)),
        None => format!("correct the name, or let the package create the {what}"),
    };
    let message = format!("the image has no {what} {}", quote(name.value));
    Diagnostic::new(&RULE, message, name.span, &format!("not in the image's {file}"), help)
}
