//! A boot that is disturbed at each of its system calls.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use state_tests::tracer::{Action, Call, Watch, trace};
use syscalls::Sysno;

use crate::device::Device;
use crate::fault::Fault;
use crate::outcome::Outcome;
use crate::scenario::Scenario;
use crate::tree::Tree;
use crate::visible::Visible;

/// Which calls are disturbed: each, or one of so many, from this one on.
#[derive(Clone, Copy)]
pub(crate) struct Share {
    pub(crate) first: usize,
    pub(crate) step: usize,
}

/// How many points that did not recover are shown: what breaks one of them breaks many.
const MOST_FAILURES: usize = 20;

/// What was done.
#[derive(Default)]
pub(crate) struct Tally {
    /// Calls of the undisturbed boot of each scenario.
    calls: BTreeMap<&'static str, usize>,
    points: Points,
}

/// Points at which a boot was disturbed.
#[derive(Clone, Copy, Default)]
pub(crate) struct Points {
    /// Calls of the undisturbed boot.
    calls: usize,
    kills: usize,
    errors: usize,
}

impl Points {
    /// As a case tells it.
    pub(crate) fn to_words(self) -> String {
        format!("{} {} {}", self.calls, self.kills, self.errors)
    }
}

impl Tally {
    /// Whether no case was run.
    pub(crate) fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }

    /// Adds what a case told; `None` when it is none of that.
    pub(crate) fn add(&mut self, scenario: &'static str, words: &str) -> Option<()> {
        let numbers: Result<Vec<usize>, _> = words.split_whitespace().map(str::parse).collect();
        let [calls, kills, errors] = numbers.ok()?[..] else { return None };
        self.calls.insert(scenario, calls);
        self.points.kills += kills;
        self.points.errors += errors;
        Some(())
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let calls: usize = self.calls.values().sum();
        let Points { kills, errors, .. } = self.points;
        write!(f, "{calls} calls, {kills} kills, {errors} injected errors, all recovered")
    }
}

/// Notes the calls of a run.
#[derive(Default)]
struct Calls(Vec<Sysno>);

impl Watch for Calls {
    fn enter(&mut self, call: &Call) -> Action {
        self.0.push(call.number());
        Action::Pass
    }
}

/// Does something to the call with this number.
struct Disturb {
    at: usize,
    seen: usize,
    action: Action,
    /// Whether it did.
    done: bool,
}

impl Watch for Disturb {
    fn enter(&mut self, call: &Call) -> Action {
        let is_it = self.seen == self.at;
        self.seen += 1;
        if !is_it || (matches!(self.action, Action::Fail(_)) && !call.can_fail()) {
            return Action::Pass;
        }
        self.done = true;
        self.action
    }
}

/// Disturbs the scenario's boot by `fault`, at one call after the other, and boots again after each.
pub(crate) fn run(scenario: &Scenario, fault: Fault, share: Share) -> Points {
    let mut device = Device::new(scenario.on_sys_data_failure);
    (scenario.prepare)(&mut device);
    device.scene.command_line(&format!("quiet sysota.slot={}", scenario.slot));
    device.save();
    device.restore();
    let before = Tree::of(&device.scene.data(""));
    let mut calls = Calls::default();
    let ended = trace(&mut device.scene.command(), &mut calls);
    let applied = device.scene.applied(ended.status.expect("an exit status"), ended.stderr).expect(0);
    let reference = Outcome::of(&device.scene, applied);
    let matrix = Matrix { device, scenario, before, reference };

    let mut failures = Vec::new();
    let mut points = Points { calls: calls.0.len(), ..Points::default() };
    for (at, call) in calls.0.iter().enumerate().skip(share.first).step_by(share.step) {
        matrix.device.restore();
        match matrix.disturb(at, fault.action) {
            Ok(false) => {}
            Ok(true) if fault.action == Action::Kill => points.kills += 1,
            Ok(true) => points.errors += 1,
            Err(what) => failures.push(format!("{} at call {at}, {call}: {what}", fault.name)),
        }
    }
    let count = failures.len();
    failures.truncate(MOST_FAILURES);
    assert_eq!(count, 0, "points that did not recover; these and more:\n\n{}", failures.join("\n\n"));
    points
}

struct Matrix<'s> {
    device: Device,
    scenario: &'s Scenario,
    /// sys-data before the boot.
    before: Tree,
    /// What comes of it, undisturbed.
    reference: Outcome,
}

impl Matrix<'_> {
    /// Disturbs one call, looks at what is there then, and boots again. Says whether the call could be disturbed.
    fn disturb(&self, at: usize, action: Action) -> Result<bool, String> {
        let scene = &self.device.scene;
        let mut disturb = Disturb { at, seen: 0, action, done: false };
        let ended = trace(&mut scene.command(), &mut disturb);
        let state = match ended.status {
            None => Tree::of(&scene.data("")),
            Some(status) => self.check_end(Outcome::of(scene, scene.applied(status, ended.stderr)))?,
        };
        let visible = Visible {
            slot: self.scenario.slot,
            entries: &self.device.entries,
            before: &self.before,
            after: &self.reference.data,
            afresh: self.scenario.afresh,
        };
        visible.check(&state)?;
        scene.reboot();
        let again = self.device.boot();
        again.expect_same_system(&self.reference).map_err(|what| format!("the next boot: {what}"))?;
        again
            .expect_same_report(&self.reference, state != self.before)
            .map_err(|what| format!("the next boot: {what}"))?;
        self.go_back()?;
        Ok(disturb.done)
    }

    /// Boots the slot again that ran before an update, and checks that its state is byte for byte as it was.
    fn go_back(&self) -> Result<(), String> {
        let Some(back) = &self.scenario.back else { return Ok(()) };
        let scene = &self.device.scene;
        scene.reboot_image(back.image);
        scene.command_line(&format!("quiet sysota.slot={}", back.slot));
        let applied = self.device.try_boot();
        if applied.status != 0 || applied.report["event"] != "rollback" {
            return Err(format!("going back: {}{:#}", applied.stderr, applied.report));
        }
        let place = Path::new("slots").join(back.slot).join("tree");
        let [before, after] = [&self.before, &Tree::of(&scene.data(""))].map(|tree| {
            Tree(tree.beneath(&place).map(|(path, node)| (path.clone(), node.clone())).collect())
        });
        scene.command_line(&format!("quiet sysota.slot={}", self.scenario.slot));
        let difference = after.difference(&before);
        if difference.is_empty() {
            Ok(())
        } else {
            Err(format!("going back finds something else:\n{difference}"))
        }
    }

    /// Checks that a run that went on after an error ended as docs/boot.md says. Returns what is on sys-data.
    fn check_end(&self, outcome: Outcome) -> Result<Tree, String> {
        let applied = &outcome.applied;
        let report = &applied.report;
        let told = || format!("status {}: {}\n{report:#}", applied.status, applied.stderr);
        if report.is_null() && applied.stderr.is_empty() {
            return Err(format!("nothing says what went wrong: {}", told()));
        }
        if !report.is_null() && report["status"] != applied.status {
            return Err(format!("the report has another status: {}", told()));
        }
        let entries = report["entries"].as_array().map(Vec::as_slice).unwrap_or_default();
        let worse = entries.iter().filter(|entry| !entry["reason"].is_null()).count();
        let is_degraded = worse > 0 || report["event"] == "degraded" || report["not-logged"].is_string();
        let is_right = match applied.status {
            0 => {
                // What could not be discarded now is discarded by the next boot.
                outcome.expect_same_system_over(&outcome.data.without_work(), &self.reference)?;
                !is_degraded
            }
            3 => (is_degraded || report.is_null()) && !applied.stderr.is_empty(),
            4 => (report["reason"].is_string() || report.is_null()) && !applied.stderr.is_empty(),
            _ => false,
        };
        if is_right { Ok(outcome.data) } else { Err(told()) }
    }
}
