//! `below-file`

use state_schema::Kind;

use super::{Example, Rule, Scene};
use crate::diagnostic::{Diagnostic, Findings, Severity, quote};
use crate::resolve::Subject;

pub(crate) static RULE: Rule = Rule {
    code: "below-file",
    severity: Severity::Error,
    rejects: "A path beneath one that is declared as a file.",
    why: "Nothing can lie beneath a file.",
    fix: "Correct the path, or the `type` of the one above it.",
    bad: Example::of(&[(
        "below.yaml",
        b"version: 1\nstate:\n  /etc/app:\n    lifetime: persistent\n    type: file\n  /etc/app/conf.d: persistent\n",
    )]),
    good: Example::of(&[(
        "beside.yaml",
        b"version: 1\nstate:\n  /etc/app.conf:\n    lifetime: persistent\n    type: file\n  /etc/app.conf.d: persistent\n",
    )]),
};

pub(crate) fn check(subject: &Subject, scene: Scene<'_>, findings: &mut Findings) {
    let Some(above) = scene.resolved.above(subject) else { return };
    if above.kind.value == Kind::File {
        let finding = Diagnostic::new(
            &RULE,
            format!("{} lies beneath {}, which is a file", quote(&subject.path.value), quote(&above.path.value)),
            subject.path.span,
            "this path",
            format!("correct one of the paths, or declare {} as `type: directory`", quote(&above.path.value)),
        );
        findings.add(finding.with(above.kind.by.unwrap_or(above.path.span), "is a file"));
    }
}
