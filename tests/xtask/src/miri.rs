//! `cargo xtask miri`: unit tests in an interpreter that knows every rule of the language.

use std::process::Command;

use crate::failure::{Failure, Outcome};
use crate::suite::run_tests;
use crate::task::Task;
use crate::terminal::Terminal;
use crate::workspace::Workspace;

/// Whose tests are run, and what cargo is told of them. A test that the interpreter cannot run, or not in a minute, says so
/// itself.
const SUBJECTS: [(&str, &[&str]); 3] = [
    ("schema", &["--package=state-schema", "--lib"]),
    ("applier", &["--package=stated", "--lib"]),
    ("blob", &["--package=state-tests", "--test=blob"]),
];

/// Lets tests read the project's files.
const FLAGS: &str = "-Zmiri-disable-isolation";

/// What a person has to do where there is no Miri. A toolchain is never fetched by a command of ours.
const BY_HAND: &str =
    "rustup toolchain install nightly --profile minimal --component miri --component rust-src";

/// Runs them with the nightly toolchain.
pub(crate) fn run(workspace: &Workspace, terminal: Terminal) -> Outcome {
    let has_miri = cargo(workspace).args(["miri", "--version"]).output();
    if !has_miri.is_ok_and(|output| output.status.success()) {
        return Err(Failure::new(format!(
            "Miri is missing: it comes with nightly toolchains only. Install it: {BY_HAND}"
        )));
    }
    for (name, arguments) in SUBJECTS {
        let title = format!("miri {name}");
        let mut task = Task::start(terminal, &title);
        let mut test = cargo(workspace);
        test.args(["miri", "test"]).args(arguments).env("MIRIFLAGS", FLAGS);
        let log = workspace.scratch("log")?.join(format!("miri-{name}.txt"));
        let count = run_tests(&mut task, &mut test, &log)?;
        task.finish(&format!("{count} tests"));
    }
    Ok(())
}

/// cargo of the nightly toolchain: the one that is found by its name, since only rustup's knows toolchains. What the one
/// that runs us has set for its children would keep them on its own.
fn cargo(workspace: &Workspace) -> Command {
    let mut cargo = Command::new("cargo");
    cargo.arg("+nightly").current_dir(workspace.root());
    for variable in ["RUSTUP_TOOLCHAIN", "CARGO", "RUSTC", "RUSTDOC"] {
        cargo.env_remove(variable);
    }
    cargo.env("CARGO_TARGET_DIR", workspace.target().join("miri"));
    cargo
}
