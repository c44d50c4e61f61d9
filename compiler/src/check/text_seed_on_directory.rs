//! `text-seed-on-directory`

use state_schema::Kind;

use super::{Example, Rule, Scene};
use crate::diagnostic::{Diagnostic, Findings, Severity};
use crate::fragment::Seed;
use crate::resolve::Subject;

pub(crate) static RULE: Rule = Rule {
    code: "text-seed-on-directory",
    severity: Severity::Error,
    rejects: "`seed: {text: …}` for a directory.",
    why: "Text is the content of a file.",
    fix: "Say `type: file`, or seed the directory from the image.",
    bad: Example::of(&[(
        "directory.yaml",
        b"version: 1\nstate:\n  /etc/app:\n    lifetime: persistent\n    type: directory\n    seed: {text: \"on\\n\"}\n",
    )]),
    good: Example::of(&[(
        "file.yaml",
        b"version: 1\nstate:\n  /etc/app.conf:\n    lifetime: persistent\n    seed: {text: \"on\\n\"}\n",
    )]),
};

pub(crate) fn check(subject: &Subject, _: Scene<'_>, findings: &mut Findings) {
    let Seed::Text(_) = subject.seed.value else { return };
    if subject.kind.value == Kind::File {
        return;
    }
    let finding = Diagnostic::new(
        &RULE,
        "a directory cannot be seeded with text".to_owned(),
        subject.seed.by.unwrap_or(subject.path.span),
        "the content of a file",
        "say `type: file`, or seed the directory with `image` or `empty`".to_owned(),
    );
    findings.add(finding.with(subject.kind.by.unwrap_or(subject.path.span), "this is a directory"));
}
