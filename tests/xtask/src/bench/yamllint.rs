//! yamllint, which people run over YAML today: what `statec` is compared with.

use std::path::PathBuf;
use std::process::Command;

use crate::failure::Outcome;
use crate::task::Task;
use crate::terminal::Terminal;
use crate::tool;
use crate::workspace::Workspace;

/// As pip names it, with the version that was current when the comparison was written.
const PACKAGE: &str = "yamllint==1.37.1";

/// Installs it once, in a Python environment below the build directory.
pub(crate) fn ensure(workspace: &Workspace, terminal: Terminal) -> Outcome<PathBuf> {
    let environment = workspace.target().join("tools").join(PACKAGE);
    let program = environment.join("bin/yamllint");
    if program.exists() {
        return Ok(program);
    }
    tool::ensure(&[tool::PYTHON], workspace, terminal)?;
    let mut task = Task::start(terminal, "install yamllint");
    let log = workspace.scratch("log")?.join("yamllint.txt");
    let mut venv = Command::new("python3");
    if let Err(failure) = task.run(venv.args(["-m", "venv"]).arg(&environment), &log) {
        return Err(failure.and("\nOn Debian: apt-get install python3-venv"));
    }
    let mut pip = Command::new(environment.join("bin/pip"));
    task.run(pip.args(["install", "--quiet", "--disable-pip-version-check", PACKAGE]), &log)?;
    task.finish("with pip, in an environment of its own");
    Ok(program)
}
