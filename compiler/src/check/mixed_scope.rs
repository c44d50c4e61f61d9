//! `mixed-scope`

use state_schema::Scope;

use super::{Example, Rule, Scene};
use crate::diagnostic::{Diagnostic, Findings, Severity, quote};
use crate::fragment::Lifetime;
use crate::resolve::Subject;

pub(crate) static RULE: Rule = Rule {
    code: "mixed-scope",
    severity: Severity::Warning,
    rejects: "A path in common state beneath one in slot state, or the reverse, that gives no `reason`.",
    why: "After a rollback one of the two goes back and the other does not. A program that keeps both in one directory \
          meets an old half and a new half.",
    fix: "Give both paths one scope, or say in `reason` why they differ.",
    bad: Example::of(&[(
        "app.yaml",
        b"version: 1\nstate:\n  /var/lib/app: persistent\n  /var/lib/app/history:\n    lifetime: persistent\n    scope: common\n",
    )]),
    good: Example::of(&[(
        "app.yaml",
        b"version: 1\nstate:\n  /var/lib/app: persistent\n  /var/lib/app/history:\n    lifetime: persistent\n    \
          scope: common\n    reason: the updater reads here that a rollback occurred\n",
    )]),
};

pub(crate) fn check(subject: &Subject, scene: Scene<'_>, findings: &mut Findings) {
    let Some(above) = scene.resolved.above(subject) else { return };
    let are_persistent = [subject, above].iter().all(|one| one.lifetime.value == Lifetime::Persistent);
    if !are_persistent || subject.scope.value == above.scope.value || subject.reason.is_some() {
        return;
    }
    let goes_back = match subject.scope.value {
        Scope::Common => "a rollback takes back what lies around it, and not this",
        Scope::Slot => "a rollback takes this back, and not what lies around it",
    };
    let finding = Diagnostic::new(
        &RULE,
        format!("{} is {} state beneath {}, which is not", quote(&subject.path.value), subject.scope.value.word(), quote(&above.path.value)),
        subject.scope.by.unwrap_or(subject.path.span),
        goes_back,
        "give both one scope, or say in `reason` why they differ".to_owned(),
    );
    findings.add(finding.with(above.scope.by.unwrap_or(above.path.span), "beneath this"));
}
