//! `symlinked-ancestor`

use super::{Example, Rule, Scene};
use crate::diagnostic::{Diagnostic, Findings, Severity, quote};
use crate::resolve::Subject;
use crate::rootfs::Found;

pub(crate) static RULE: Rule = Rule {
    code: "symlinked-ancestor",
    severity: Severity::Error,
    rejects: "A path that leads through a symlink of the image, like `/var/run`.",
    why: "Nothing is ever mounted through a link. Two paths to one place would also be two entries.",
    fix: "Declare the path that the link leads to.",
    bad: Example::in_image(
        &[("linked.yaml", b"version: 1\nstate:\n  /var/log/app: ephemeral\n")],
        "directory /var/volatile/log\nsymlink /var/log volatile/log\n",
    ),
    good: Example::in_image(
        &[("real.yaml", b"version: 1\nstate:\n  /var/volatile/log/app: ephemeral\n")],
        "directory /var/volatile/log/app\nsymlink /var/log volatile/log\n",
    ),
};

pub(crate) fn check(subject: &Subject, _: Scene<'_>, findings: &mut Findings) {
    let Some(Found::BehindSymlink { ancestor, target }) = &subject.in_image else { return };
    let below = subject.path.value.strip_prefix(ancestor.as_str()).unwrap_or_default();
    findings.add(Diagnostic::new(
        &RULE,
        format!("{} is a symlink in the image, to {}", quote(ancestor), quote(target)),
        subject.path.span,
        "leads through it",
        format!("declare the path that it leads to: {}", quote(&format!("{}{below}", resolve(ancestor, target)))),
    ));
}

/// Where a link leads, by its words alone: whoever reads the help knows whether more links follow.
fn resolve(link: &str, target: &str) -> String {
    let mut names: Vec<&str> = if target.starts_with('/') { Vec::new() } else { link.split('/').collect() };
    names.pop();
    for name in target.split('/') {
        match name {
            "" | "." => {}
            ".." => {
                names.pop();
            }
            name => names.push(name),
        }
    }
    format!("/{}", names.into_iter().filter(|name| !name.is_empty()).collect::<Vec<_>>().join("/"))
}
