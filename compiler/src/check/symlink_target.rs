//! `symlink-target`

use state_schema::Kind;

use super::{Example, Rule, Scene};
use crate::diagnostic::{Diagnostic, Findings, Severity, quote};
use crate::fragment::{How, Lifetime, Word};
use crate::resolve::Subject;

pub(crate) static RULE: Rule = Rule {
    code: "symlink-target",
    severity: Severity::Error,
    rejects: "A symlink that leads to itself, and one whose `to` does not lie in a directory that is bound and lives as \
              long. The latter is checked where an image is given: the directory may be another package's.",
    why: "The file could not be written there, or would not last as long as its declaration says.",
    fix: "Declare the directory of `to`, with the same lifetime.",
    bad: Example::in_image(
        &[(
            "nowhere.yaml",
            b"version: 1\nstate:\n  /etc/hostname:\n    lifetime: persistent\n    how: symlink\n    to: /etcrw/hostname\n",
        )],
        "symlink /etc/hostname /etcrw/hostname\ndirectory /etcrw\nfile /usr/share/factory/etc/hostname device\\n",
    ),
    good: Example::in_image(
        &[(
            "declared.yaml",
            b"version: 1\nstate:\n  /etcrw: persistent\n  /etc/hostname:\n    lifetime: persistent\n    how: symlink\n    \
              to: /etcrw/hostname\n",
        )],
        "symlink /etc/hostname /etcrw/hostname\ndirectory /etcrw\nfile /usr/share/factory/etc/hostname device\\n",
    ),
};

pub(crate) fn check(subject: &Subject, scene: Scene<'_>, findings: &mut Findings) {
    let (Some(to), How::Symlink) = (&subject.to, subject.how.value) else { return };
    let target = to.value.as_path();
    if target == subject.state_path() || target.is_beneath(subject.state_path()) {
        findings.add(Diagnostic::new(
            &RULE,
            "the symlink leads to itself".to_owned(),
            to.span,
            "its own place",
            "name a place in another directory, one that is declared as writable".to_owned(),
        ));
        return;
    }
    if scene.rootfs.is_none() {
        return;
    }
    let directory = scene.resolved.nearest_above(target).filter(|above| above.kind.value == Kind::Directory);
    let Some(directory) = directory.filter(|above| above.how.value == How::Bind) else {
        let parent = target.parent().map_or_else(|| "a directory above it".to_owned(), |parent| quote(parent.as_str()));
        findings.add(Diagnostic::new(
            &RULE,
            format!("{} lies in no directory that is made writable", quote(&to.value)),
            to.span,
            "could not be written",
            format!("declare {parent} as `{}`", subject.lifetime.value.word()),
        ));
        return;
    };
    if subject.lifetime.value == Lifetime::Persistent && directory.lifetime.value == Lifetime::Ephemeral {
        let finding = Diagnostic::new(
            &RULE,
            format!("{} lies in an ephemeral directory", quote(&to.value)),
            to.span,
            "would be lost at reboot",
            "declare the directory as `persistent`, or the file as `ephemeral`".to_owned(),
        );
        findings.add(finding.with(directory.lifetime.span, "declared here"));
    }
}
