//! `persistent-only-field`

use super::{Example, Rule, Scene};
use crate::diagnostic::{Diagnostic, Findings, Severity};
use crate::fragment::Lifetime;
use crate::resolve::Subject;

pub(crate) static RULE: Rule = Rule {
    code: "persistent-only-field",
    severity: Severity::Error,
    rejects: "`scope` or `on-update` on an ephemeral path.",
    why: "What is lost at every reboot belongs to no slot, and no update finds it.",
    fix: "Remove the field, or make the path persistent.",
    bad: Example::of(&[("scope.yaml", b"version: 1\nstate:\n  /tmp:\n    lifetime: ephemeral\n    scope: common\n")]),
    good: Example::of(&[("plain.yaml", b"version: 1\nstate:\n  /tmp: ephemeral\n")]),
};

pub(crate) fn check(subject: &Subject, _: Scene<'_>, findings: &mut Findings) {
    if subject.lifetime.value == Lifetime::Persistent {
        return;
    }
    for (key, by) in [("scope", subject.scope.by), ("on-update", subject.on_update.by)] {
        let Some(span) = by else { continue };
        let finding = Diagnostic::new(
            &RULE,
            format!("`{key}` has no meaning for an ephemeral path"),
            span,
            "this field",
            format!("remove `{key}`, or say `lifetime: persistent`"),
        );
        findings.add(finding.with(subject.lifetime.span, "lost at every reboot"));
    }
}
