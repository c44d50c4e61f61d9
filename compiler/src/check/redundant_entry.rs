//! `redundant-entry`

use state_schema::Kind;

use super::{Example, Rule, Scene};
use crate::diagnostic::{Diagnostic, Findings, Severity, quote};
use crate::fragment::{How, Seed};
use crate::resolve::Subject;

pub(crate) static RULE: Rule = Rule {
    code: "redundant-entry",
    severity: Severity::Warning,
    rejects: "A path beneath another one that already makes it what it is declared to be.",
    why: "It costs a mount at every boot and changes nothing.",
    fix: "Remove one of the two: the inner one, or the outer one if only the inner path has to be writable.",
    bad: Example::of(&[("app.yaml", b"version: 1\nstate:\n  /var/lib: persistent\n  /var/lib/app: persistent\n")]),
    good: Example::of(&[(
        "app.yaml",
        b"version: 1\nstate:\n  /var/lib: persistent\n  /var/lib/app:\n    lifetime: persistent\n    on-update: reset\n",
    )]),
};

pub(crate) fn check(subject: &Subject, scene: Scene<'_>, findings: &mut Findings) {
    let Some(above) = scene.resolved.above(subject) else { return };
    let is_the_same = subject.lifetime.value == above.lifetime.value
        && subject.scope.value == above.scope.value
        && subject.on_update.value == above.on_update.value
        && subject.options.value == above.options.value
        && subject.on_failure.value == above.on_failure.value
        && [subject, above].iter().all(|one| one.how.value == How::Bind && one.size.is_none())
        && above.kind.value == Kind::Directory
        && above.seed.value == Seed::Image
        && subject.seed.value == Seed::Image;
    let is_special = subject.owner.is_some() || subject.group.is_some() || subject.mode.is_some();
    // Where the image holds nothing, the inner declaration is what makes the directory.
    let exists = subject.in_image.as_ref().is_none_or(crate::rootfs::Found::exists);
    if is_the_same && !is_special && exists {
        let finding = Diagnostic::new(
            &RULE,
            format!("{} adds nothing to {}", quote(&subject.path.value), quote(&above.path.value)),
            subject.path.span,
            "the same policy",
            "remove one of the two".to_owned(),
        );
        findings.add(finding.with(above.path.span, "as this"));
    }
}
