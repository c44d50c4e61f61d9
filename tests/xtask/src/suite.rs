//! `cargo xtask test`: what must hold before a change is merged, the quickest to fail first.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use clap::ValueEnum;

use crate::cross::Architecture;
use crate::example::Example;
use crate::failure::{Failure, OrFail as _, Outcome};
use crate::faults::{self, Share};
use crate::fuzz::{self, Target};
use crate::image::Image;
use crate::task::Task;
use crate::terminal::Terminal;
use crate::tool;
use crate::workspace::{Workspace, require_root};
use crate::{boot, cross, demo, elf, expected_plan, layer, licences};

/// The cases that are run in the emulator: those as root, on its own kernel. `cargo xtask cross` runs all.
const CROSS_CASES: &str = "root::";

/// One step of the tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Step {
    /// The sources are formatted.
    Format,
    /// The compiler and clippy have nothing to say.
    Lint,
    /// Neither about the freestanding stated.
    LintInitrd,
    /// The documentation builds, and its links lead somewhere.
    Doc,
    /// Licences, duplicates and sources of what we depend on.
    Deny,
    /// The freestanding programs are static and within their budgets.
    Size,
    /// Unit, user interface, blob, mount, update and hostile tests.
    Unit,
    /// Boots that are disturbed at their system calls recover; a sample of all points.
    Faults,
    /// The BitBake layer is as its conventions, its fragments and the classes' tests want it.
    Layer,
    /// No input that libFuzzer comes upon in two minutes breaks a promise.
    Fuzz,
    /// The freestanding stated builds for 64-bit ARM, and passes mount tests in an emulator.
    Cross,
    /// The examples compile to their expected plans.
    Examples,
    /// The demonstration sees what the fragments promise.
    Demo,
    /// A real system boots, is used, updated, and gone back from; power cuts and defects are survived.
    Boot,
}

impl Step {
    fn name(self) -> &'static str {
        match self {
            Self::Format => "format",
            Self::Lint => "lint",
            Self::LintInitrd => "lint-initrd",
            Self::Doc => "doc",
            Self::Deny => "deny",
            Self::Size => "size",
            Self::Unit => "unit",
            Self::Faults => "faults",
            Self::Layer => "layer",
            Self::Fuzz => "fuzz",
            Self::Cross => "cross",
            Self::Examples => "examples",
            Self::Demo => "demo",
            Self::Boot => "boot",
        }
    }
}

/// Runs the steps that are asked for, or all, until one fails.
pub(crate) fn run(workspace: &Workspace, terminal: Terminal, asked: &[Step], advisories: bool) -> Outcome {
    require_root("test")?;
    tool::ensure(&tool::OF_TESTS, workspace, terminal)?;
    let steps = Step::value_variants().iter().filter(|step| asked.is_empty() || asked.contains(step));
    let steps: Vec<Step> = steps.copied().collect();
    let mut passed = Vec::new();
    for &step in &steps {
        let started = Instant::now();
        let result = run_step(step, workspace, terminal, advisories);
        let took = started.elapsed();
        match result {
            Ok(()) => passed.push((step, took)),
            Err(failure) => {
                println!("\n{}", terminal.red(&failure.to_string()));
                show_result(terminal, &passed, Some((step, took)), steps.len());
                let name = step.name();
                return Err(Failure::new(format!("To run it alone: cargo xtask test {name}")));
            }
        }
    }
    show_result(terminal, &passed, None, steps.len());
    Ok(())
}

/// A line for each step that was run, and one that counts them.
fn show_result(
    terminal: Terminal,
    passed: &[(Step, Duration)],
    failed: Option<(Step, Duration)>,
    asked: usize,
) {
    println!();
    let line = |mark: &str, step: Step, took: Duration| {
        println!("  {mark} {:<12} {:>7.1} s", step.name(), took.as_secs_f64());
    };
    for &(step, took) in passed {
        line(&terminal.green("✓"), step, took);
    }
    if let Some((step, took)) = failed {
        line(&terminal.red("✗"), step, took);
    }
    let failed = usize::from(failed.is_some());
    let rest = match asked - passed.len() - failed {
        0 => String::new(),
        rest => format!(", {rest} not run"),
    };
    println!("\n{} passed, {failed} failed{rest}", passed.len());
}

fn run_step(step: Step, workspace: &Workspace, terminal: Terminal, advisories: bool) -> Outcome {
    // These show their own parts.
    match step {
        Step::Cross => return cross::run(workspace, terminal, &[Architecture::Aarch64], Some(CROSS_CASES)),
        Step::Examples => return check_examples(workspace, terminal),
        Step::Demo => return run_demo(workspace, terminal),
        Step::Layer => return layer::check(workspace, terminal),
        Step::Boot => return run_boot(workspace, terminal),
        _ => {}
    }
    let mut task = Task::start(terminal, step.name());
    let what = run_quiet(step, workspace, &mut task, advisories)?;
    task.finish(&what);
    Ok(())
}

/// Runs a step whose output matters only if it fails. Returns what it has shown.
fn run_quiet(step: Step, workspace: &Workspace, task: &mut Task<'_>, advisories: bool) -> Outcome<String> {
    let log = workspace.scratch("log")?.join(step.name()).with_extension("txt");
    let mut cargo = workspace.cargo();
    match step {
        Step::Format => {
            task.run(cargo.args(["fmt", "--all", "--check", "--", "--color=never"]), &log)?;
            Ok("the sources are formatted".to_owned())
        }
        Step::Lint => {
            task.run(cargo.args(["clippy", "--workspace", "--all-targets", "--", "--deny=warnings"]), &log)?;
            Ok("clippy has nothing to say about the workspace".to_owned())
        }
        Step::LintInitrd => {
            for features in [&["--no-default-features", "--features=initrd"][..], &["--features=initrd"]] {
                let mut cargo = workspace.cargo();
                cargo.args(["clippy", "--profile=initrd", "--package=stated"]).args(features);
                task.run(cargo.args(["--", "--deny=warnings"]), &log)?;
            }
            Ok("nor about the freestanding stated, for an initramfs or an image".to_owned())
        }
        Step::Doc => {
            cargo.args(["doc", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "--deny=warnings");
            task.run(&mut cargo, &log)?;
            Ok("the documentation builds without a warning".to_owned())
        }
        Step::Deny => {
            licences::check(workspace, task, advisories)?;
            let also = if advisories { ", advisories" } else { "" };
            Ok(format!("licences, bans, sources{also} of dependencies"))
        }
        Step::Size => {
            let stated = workspace.build_stated(task)?;
            let size = elf::check_freestanding(&stated, elf::SIZE_BUDGET)?;
            let system = workspace.build_system(task)?;
            let of_system = elf::check_freestanding(&system, elf::SYSTEM_SIZE_BUDGET)?;
            Ok(format!(
                "stated is static, {size} of {} bytes, and {of_system} of {} for images",
                elf::SIZE_BUDGET,
                elf::SYSTEM_SIZE_BUDGET
            ))
        }
        Step::Faults => faults::disturb(Share::Sample, workspace, task, &log),
        Step::Fuzz => fuzz::try_all(Target::value_variants(), fuzz::SECONDS, workspace, task),
        _ => {
            // The mount tests run the freestanding programs.
            workspace.build_stated(task)?;
            workspace.build_system(task)?;
            cargo.args(["test", "--workspace", "--no-fail-fast"]);
            let count = run_tests(task, &mut cargo, &log)?;
            Ok(format!("{count} unit, user interface, blob, mount, update and hostile tests"))
        }
    }
}

/// Runs tests with cargo. Returns how many passed, which is not none.
pub(crate) fn run_tests(task: &mut Task<'_>, cargo: &mut Command, log: &Path) -> Outcome<usize> {
    let result = task.run(cargo, log);
    let output = fs::read_to_string(log).or_fail(|| format!("read {}", log.display()))?;
    if let Err(failure) = result {
        return Err(failure.and(failed_tests(&output)));
    }
    match count_tests(&output) {
        0 => Err(Failure::with_output("no test was run", output)),
        count => Ok(count),
    }
}

fn check_examples(workspace: &Workspace, terminal: Terminal) -> Outcome {
    for example in Example::all(workspace)? {
        let heading = format!("{} {}", Step::Examples.name(), example.name());
        println!("\n{}", terminal.bold(&heading));
        let image = Image::build(&example, workspace, terminal)?;
        let task = Task::start(terminal, "compare its plan");
        expected_plan::check(&example, &image, workspace)?;
        task.finish("the plan is the expected one");
    }
    Ok(())
}

fn run_demo(workspace: &Workspace, terminal: Terminal) -> Outcome {
    println!();
    demo::run(workspace, terminal)
}

fn run_boot(workspace: &Workspace, terminal: Terminal) -> Outcome {
    println!();
    let parts = [boot::Part::Lives, boot::Part::Failures, boot::Part::Power, boot::Part::Hosts];
    boot::run(workspace, terminal, &parts, boot::Share::Brief, boot::SEED)
}

/// The names of failed tests in what test programs print: "test name ... FAILED". Empty if it did not come to that.
pub(crate) fn failed_tests(output: &str) -> String {
    let results = output.lines().filter_map(|line| line.strip_prefix("test ")?.strip_suffix(" ... FAILED"));
    let names: Vec<_> = results.map(|name| format!("\n  - {}", name.trim_end())).collect();
    if names.is_empty() { String::new() } else { format!("; failed tests:{}", names.concat()) }
}

/// How many tests passed, as test programs sum it up: "test result: ok. 12 passed; …".
fn count_tests(output: &str) -> usize {
    let sums = output.lines().filter_map(|line| line.strip_prefix("test result: ok. "));
    sums.filter_map(|sum| sum.split(' ').next()?.parse::<usize>().ok()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adds_up_the_tests_of_all_programs() {
        let output = "running 2 tests\ntest result: ok. 2 passed; 0 failed; 0 ignored\n\ntest result: ok. 40 passed; 0\n";
        assert_eq!(count_tests(output), 42);
    }

    #[test]
    fn names_the_tests_that_failed() {
        let output = "test a::b ... ok\ntest a::c     ... FAILED\ntest d ... FAILED\n";
        assert_eq!(failed_tests(output), "; failed tests:\n  - a::c\n  - d");
        assert_eq!(failed_tests("error: could not compile"), "");
    }

    #[test]
    fn the_quickest_come_first() {
        assert_eq!(Step::value_variants().first(), Some(&Step::Format));
        assert_eq!(Step::value_variants().last(), Some(&Step::Boot));
    }
}
