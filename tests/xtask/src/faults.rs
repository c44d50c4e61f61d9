//! `cargo xtask faults`: boots that are disturbed at their system calls.

use std::fs;
use std::path::Path;

use crate::failure::{Failure, OrFail as _, Outcome};
use crate::suite::failed_tests;
use crate::task::Task;
use crate::terminal::Terminal;
use crate::tool;
use crate::workspace::{Workspace, require_root};

/// How much is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Share {
    /// Each fault at each call.
    All,
    /// One of the faults at each call.
    Sample,
}

/// Tries all there is.
pub(crate) fn run(workspace: &Workspace, terminal: Terminal) -> Outcome {
    require_root("faults")?;
    tool::ensure(&tool::OF_TESTS, workspace, terminal)?;
    let mut task = Task::start(terminal, "faults");
    let log = workspace.scratch("log")?.join("all-faults.txt");
    let result = disturb(Share::All, workspace, &mut task, &log)?;
    task.finish(&result);
    Ok(())
}

/// Runs the fault tests, and returns how many points they tried.
pub(crate) fn disturb(
    share: Share,
    workspace: &Workspace,
    task: &mut Task<'_>,
    log: &Path,
) -> Outcome<String> {
    workspace.build_stated(task)?;
    let mut cargo = workspace.cargo();
    cargo.args(["test", "--package=state-tests", "--test=fault"]).env_remove("FAULTS");
    if share == Share::Sample {
        cargo.env("FAULTS", "sample");
    }
    let result = task.run(&mut cargo, log);
    let output = fs::read_to_string(log).or_fail(|| format!("read {}", log.display()))?;
    if let Err(failure) = result {
        return Err(failure.and(failed_tests(&output)));
    }
    let tally = output.lines().find(|line| line.ends_with(", all recovered"));
    tally.map(str::to_owned).ok_or_else(|| Failure::with_output("nothing says how much was tried", output))
}
