//! `large-seed`

use super::{Example, Rule, Scene};
use crate::diagnostic::{Diagnostic, Findings, Severity, quote};
use crate::fragment::{How, Lifetime, Seed};
use crate::resolve::Subject;

pub(crate) static RULE: Rule = Rule {
    code: "large-seed",
    severity: Severity::Warning,
    rejects: "A path seeded from more than 64 MiB of the image.",
    why: "All of it is copied: at every boot for an ephemeral path, into memory; on the first boot, and for each update, for a \
          persistent one.",
    fix: "Declare only the directories below it that programs write to, or use `how: overlay`, which copies what changes.",
    bad: Example::in_image(
        &[("data.yaml", b"version: 1\nstate: {/srv/data: persistent}\n")],
        "sparse /srv/data/maps 67108865\n",
    ),
    good: Example::in_image(
        &[("data.yaml", b"version: 1\nstate: {/srv/data: {lifetime: persistent, how: overlay}}\n")],
        "sparse /srv/data/maps 67108865\n",
    ),
};

/// Largest seed that is nothing to wonder at, in bytes.
const LARGE: u64 = 64 << 20;

pub(crate) fn check(subject: &Subject, scene: Scene<'_>, findings: &mut Findings) {
    let (Some(rootfs), Some(found)) = (scene.rootfs, &subject.in_image) else { return };
    if subject.seed.value != Seed::Image || subject.how.value != How::Bind {
        return;
    }
    let size = rootfs.content_size(subject.state_path(), found, scene.resolved.declared_beneath(subject));
    if size <= LARGE {
        return;
    }
    let when = match subject.lifetime.value {
        Lifetime::Ephemeral => "into memory at every boot",
        Lifetime::Persistent => "to the data partition on the first boot, and for each update",
    };
    findings.add(Diagnostic::new(
        &RULE,
        format!("{} is seeded with {} MiB of the image", quote(&subject.path.value), size >> 20),
        subject.path.span,
        "copied as a whole",
        format!("it is copied {when}: declare less, use `how: overlay`, or say `seed: empty`"),
    ));
}
