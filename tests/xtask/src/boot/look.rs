//! A look at a running system: whether it is as well as it should be.

use super::moment::Moment;
use super::system::System;
use crate::failure::{Failure, Outcome};

/// Errors in the journal that come whatever the image is made of.
const KNOWN_ERRORS: [&str; 1] = [
    // At the first boot. PID 1 has written it by then; it is the directory of the file that cannot be synced, being the
    // image's, whose file system has nothing to sync.
    "Failed to write /etc/machine-id: Invalid argument",
];

/// Starts the services of all timers, since these would show only in days that they cannot write.
const START_TIMERS: &str = "\
for timer in $(systemctl list-units --all --type=timer --plain --no-legend | cut -d ' ' -f 1); do
    service=$(systemctl show --property=Unit --value $timer)
    systemctl start $service > /dev/null 2>&1 || echo $service
done";

/// What is not as it should be, in words; nothing, if all is well. `state` is what systemd says of itself.
pub(super) fn look(
    system: &System,
    moment: Moment,
    image_id: &str,
    state: &str,
    conflicts: &[&str],
) -> Outcome<Vec<String>> {
    let mut complaints = Vec::new();
    let mut compare = |what: &str, expected: &str, seen: &str| {
        if expected != seen {
            complaints.push(format!("{what}: `{seen}`, and not `{expected}`"));
        }
    };
    compare("the system's state", "running", state);
    let report = system.report()?;
    compare("slot in the report", &moment.slot().to_string(), &report.get("slot"));
    compare("event in the report", moment.event(), &report.get("event"));
    compare("image in the report", image_id, &report.get("image-id"));
    compare("status in the report", "0", &report.get("status"));
    let expected: &[&str] = if moment == Moment::Update { conflicts } else { &[] };
    compare("conflicts in the report", &expected.join(", "), &report.conflicts().join(", "));
    let status = system.expect("stated status")?;
    let summary = format!("slot {}, image {image_id}: {}, boot ", moment.slot(), moment.event());
    if !status.starts_with(&summary) {
        complaints.push(format!("`stated status` does not begin with `{summary}`, but says:\n{status}"));
    }
    complaints.extend(report.complaints()?);
    Ok(complaints)
}

/// Fails if there is anything to complain about.
pub(super) fn require_none(complaints: &[String]) -> Outcome {
    if complaints.is_empty() {
        return Ok(());
    }
    let list = complaints.join("\n  - ");
    Err(Failure::new(format!("not everything is as it has to be:\n  - {list}")))
}

/// The services of timers that fail.
pub(super) fn start_timers(system: &System) -> Outcome<Vec<String>> {
    let failed = system.expect(START_TIMERS)?;
    Ok(failed.lines().map(|service| format!("{service} fails")).collect())
}

/// What the system's units and its journal complain about.
pub(super) fn read_complaints(system: &System) -> Outcome<Vec<String>> {
    let failed = system.expect("systemctl --failed --plain --no-legend")?;
    let failed = failed.lines().map(|unit| format!("failed unit: {unit}"));
    let journal = system.expect(
        "journalctl --quiet --boot --output=cat --grep='Read-only file system' --case-sensitive=yes || true
         journalctl --quiet --boot --output=cat --priority=err",
    )?;
    let errors = journal.lines().filter(|line| !KNOWN_ERRORS.contains(line));
    Ok(failed.chain(errors.map(|line| format!("in the journal: {line}"))).collect())
}
