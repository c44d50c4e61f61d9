//! Programs that come as packages of Python.

use std::path::PathBuf;
use std::process::Command;

use crate::failure::Outcome;
use crate::task::Task;
use crate::terminal::Terminal;
use crate::tool;
use crate::workspace::Workspace;

/// Installs the program `name` of a package, as pip names that, once, in an environment below the build directory.
pub(crate) fn ensure(
    name: &str,
    package: &str,
    workspace: &Workspace,
    terminal: Terminal,
) -> Outcome<PathBuf> {
    let environment = workspace.target().join("tools").join(package);
    let program = environment.join("bin").join(name);
    if program.exists() {
        return Ok(program);
    }
    tool::ensure(&[tool::PYTHON], workspace, terminal)?;
    let title = format!("install {name}");
    let mut task = Task::start(terminal, &title);
    let log = workspace.scratch("log")?.join(format!("{name}-install.txt"));
    let mut venv = Command::new("python3");
    if let Err(failure) = task.run(venv.args(["-m", "venv"]).arg(&environment), &log) {
        return Err(failure.and("\nOn Debian: apt-get install python3-venv"));
    }
    let mut pip = Command::new(environment.join("bin/pip"));
    task.run(pip.args(["install", "--quiet", "--disable-pip-version-check", package]), &log)?;
    task.finish("with pip, in an environment of its own");
    Ok(program)
}
