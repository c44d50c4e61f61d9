//! The life of a machine: installed, booted, used, updated, used again, and gone back.

use std::mem;
use std::path::PathBuf;

use super::habit::{Expected, Fate, Habit};
use super::look::{look, read_complaints, require_none, start_timers};
use super::machine::Machine;
use super::moment::Moment;
use super::policy::Policy;
use super::root_fs::RootFs;
use super::slot::Slot;
use super::state::State;
use super::system::System;
use crate::example::Example;
use crate::failure::{Failure, Outcome};
use crate::table::{Cell, print_row};
use crate::task::Task;
use crate::terminal::Terminal;
use crate::workspace::Workspace;

/// A machine, what is done to it, and what was seen.
#[derive(Debug)]
pub(super) struct Life {
    policy: Policy,
    habits: Vec<Habit>,
    machine: Machine,
    /// The first image, and the one that it is updated to.
    images: [RootFs; 2],
    /// Where state is copied to when it is compared.
    copy: PathBuf,
    /// What the habits showed when the first boot began, and when it ended.
    first: [Vec<String>; 2],
}

impl Life {
    /// Builds the image of `example` and the next one, and a machine that has the first one in slot A.
    pub(super) fn begin(
        policy: Policy,
        example: &Example,
        workspace: &Workspace,
        terminal: Terminal,
    ) -> Outcome<Self> {
        let mut task = Task::start(terminal, "build stated");
        let stated = workspace.build_system(&mut task)?;
        task.finish("for the initramfs and for the image");
        let machine = Machine::assemble(example.name(), &stated, &[], workspace, terminal)?;
        let build = |example: &Example| {
            RootFs::build(example, &stated, machine.key(), |_| Ok(()), workspace, terminal)
        };
        let images = [build(example)?, build(&example.updated()?)?];
        machine.disk().install(Slot::A, images[0].file())?;
        let copy = workspace.scratch("boot")?.join(example.name()).join("state");
        let first = [Vec::new(), Vec::new()];
        Ok(Self { policy, habits: policy.habits(), machine, images, copy, first })
    }

    /// Lives it to the end, or to the first boot that is not as it has to be.
    pub(super) fn live(&mut self, terminal: Terminal) -> Outcome {
        println!();
        for moment in [Moment::FirstBoot, Moment::Reboot] {
            self.boot(moment, terminal)?;
        }
        let disk = self.machine.disk();
        disk.install(Slot::B, self.images[1].file())?;
        let before = State::read(disk, Slot::A, &self.copy)?;
        self.boot(Moment::Update, terminal)?;
        let after = State::read(self.machine.disk(), Slot::A, &self.copy)?;
        after.require_same(&before, "the update to slot B")?;
        self.boot(Moment::Rollback, terminal)?;
        self.show(terminal);
        Ok(())
    }

    fn boot(&mut self, moment: Moment, terminal: Terminal) -> Outcome {
        let title = moment.title();
        let mut task = Task::start(terminal, &title);
        let mut system = self.machine.start(moment.slot(), "", &title)?;
        let visited = self.visit(&mut system, moment, &mut task);
        let result = visited.map_err(|failure| system.with_last_words(failure))?;
        system.shut_down(&mut task)?;
        self.machine.disk().check()?;
        task.finish(&result);
        Ok(())
    }

    /// Looks at everything, and does what is done in this boot. Returns what came of it in short; fails if anything is not as
    /// it has to be.
    fn visit(&mut self, system: &mut System, moment: Moment, task: &mut Task<'_>) -> Outcome<String> {
        let (took, state) = system.wait_until_up(task)?;
        let image = &self.images[usize::from(moment == Moment::Update)];
        let mut complaints = look(system, moment, image.image_id(), &state, self.policy.conflicts())?;
        complaints.extend(self.watch_habits(system, moment)?);
        complaints.extend(self.change_habits(system, moment)?);
        if moment == Moment::FirstBoot {
            complaints.extend(self.try_refusals(system)?);
        }
        if moment == Moment::Reboot {
            complaints.extend(start_timers(system)?);
        }
        complaints.extend(read_complaints(system)?);
        require_none(&complaints)?;
        Ok(format!("{state} after {:.0} s, {} as it has to be", took.as_secs_f64(), moment.event()))
    }

    /// Looks at what each habit shows when the boot begins. Returns what it should not.
    fn watch_habits(&mut self, system: &System, moment: Moment) -> Outcome<Vec<String>> {
        let begins = self.read_habits(system)?;
        if moment == Moment::FirstBoot {
            self.first = [begins.clone(), begins.clone()];
        }
        let mut complaints = Vec::new();
        for (index, habit) in self.habits.iter().enumerate() {
            let (title, seen) = (habit.title, &begins[index]);
            let expected = match habit.at(moment) {
                Expected::Text(text) => text,
                Expected::AsAtFirst => &self.first[0][index],
                Expected::AsAfterFirst => &self.first[1][index],
            };
            if seen != expected {
                complaints.push(format!("{title}: `{seen}`, and not `{expected}`"));
            }
            // A change that showed before it was made, or an identity that is none, would prove nothing.
            if moment == Moment::FirstBoot && *seen == habit.seen[0] && habit.fate != Fate::Image {
                complaints.push(format!("{title}: `{seen}` before anything was done"));
            }
        }
        Ok(complaints)
    }

    /// What each habit shows.
    fn read_habits(&self, system: &System) -> Outcome<Vec<String>> {
        let scripts: Vec<_> = self.habits.iter().map(|habit| habit.read).collect();
        Ok(run_all(system, &scripts)?.into_iter().map(|(_, output)| output).collect())
    }

    /// Makes the changes of this boot. Returns what they complained about, and which do not show.
    fn change_habits(&mut self, system: &System, moment: Moment) -> Outcome<Vec<String>> {
        let mut changes = self.habits.iter().map(|habit| habit.change(moment)).collect::<Vec<_>>();
        if changes.iter().all(Option::is_none) {
            return Ok(Vec::new());
        }
        let scripts: Vec<_> = changes.iter().map(|change| change.map_or("", |(script, _)| script)).collect();
        let mut complaints = Vec::new();
        for (habit, (is_success, output)) in self.habits.iter().zip(run_all(system, &scripts)?) {
            if !is_success {
                complaints.push(format!("{} fails: {output}", habit.title));
            }
        }
        let ends = self.read_habits(system)?;
        for ((habit, change), seen) in self.habits.iter().zip(changes.drain(..)).zip(&ends) {
            if let Some((_, expected)) = change
                && seen != expected
            {
                complaints.push(format!("{}: `{seen}` after the change, and not `{expected}`", habit.title));
            }
        }
        if moment == Moment::FirstBoot {
            self.first[1] = ends;
        }
        Ok(complaints)
    }

    /// Tries what the image has to refuse. Returns what it does not.
    fn try_refusals(&self, system: &System) -> Outcome<Vec<String>> {
        let refusals = self.policy.refusals();
        let scripts: Vec<_> = refusals.iter().map(|refusal| refusal.script).collect();
        let mut complaints = Vec::new();
        for (refusal, (is_success, output)) in refusals.iter().zip(run_all(system, &scripts)?) {
            if is_success || !output.contains(refusal.says) {
                complaints.push(format!("not refused as `{}`: {}: {output}", refusal.says, refusal.script));
            }
        }
        Ok(complaints)
    }

    /// A table of what became of everything; whatever is in it was seen.
    fn show(&self, terminal: Terminal) {
        let moments = [Moment::FirstBoot, Moment::Reboot, Moment::Update, Moment::Rollback];
        println!();
        for line in 0..2 {
            print_row(terminal, "", &moments.map(|moment| Cell::plain(moment.heading()[line])));
        }
        for habit in &self.habits {
            print_row(terminal, habit.title, &moments.map(|moment| Cell::good(habit.word(moment))));
        }
    }
}

/// Runs all `scripts` in one go, each in a shell of its own. Returns of each whether it succeeded, and what it said.
fn run_all(system: &System, scripts: &[&str]) -> Outcome<Vec<(bool, String)>> {
    let all = scripts.iter().map(|script| format!("( set -e; {script}\n) 2>&1\necho \"{MARK}$?\"\n"));
    let output = system.expect(&all.collect::<String>())?;
    let results: Vec<_> = parse(&output).collect();
    if results.len() == scripts.len() {
        return Ok(results);
    }
    Err(Failure::with_output(format!("not all of {} scripts were run", scripts.len()), output))
}

/// Begins the line after what a script said, which has its exit status.
const MARK: &str = "@@@ exit status ";

fn parse(output: &str) -> impl Iterator<Item = (bool, String)> {
    let mut said = Vec::new();
    output.lines().filter_map(move |line| {
        let Some(status) = line.strip_prefix(MARK) else {
            said.push(line);
            return None;
        };
        Some((status == "0", mem::take(&mut said).join("\n").trim().to_owned()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_scripts_apart() {
        let output = "a\nb\n@@@ exit status 0\n@@@ exit status 1\nc\n";
        let parsed: Vec<_> = parse(output).collect();
        assert_eq!(parsed, [(true, "a\nb".to_owned()), (false, String::new())]);
    }
}
