//! The rules of `deny.toml` for what we depend on.

use std::path::PathBuf;
use std::process::Command;

use crate::failure::Outcome;
use crate::task::Task;
use crate::tool;
use crate::workspace::Workspace;

/// Checks licences, bans and sources; where asked, also advisories, for which a database is fetched.
pub(crate) fn check(workspace: &Workspace, task: &mut Task<'_>, advisories: bool) -> Outcome {
    let cargo_deny = ensure_cargo_deny(workspace, task)?;
    let mut command = Command::new(cargo_deny);
    command.current_dir(workspace.root()).args([
        "check",
        "--hide-inclusion-graph",
        "licenses",
        "bans",
        "sources",
    ]);
    if advisories {
        command.arg("advisories");
    }
    task.run(&mut command, &workspace.scratch("log")?.join("deny.txt"))
}

fn ensure_cargo_deny(workspace: &Workspace, task: &mut Task<'_>) -> Outcome<PathBuf> {
    if let Some(installed) = tool::find("cargo-deny") {
        return Ok(installed);
    }
    let tools = workspace.target().join("tools");
    let program = tools.join("bin/cargo-deny");
    if !program.exists() {
        let mut install = workspace.cargo();
        install
            .args(["install", "cargo-deny", "--version=^0.20", "--locked", "--no-default-features", "--root"])
            .arg(&tools);
        // It runs for a second: the minutes that link-time optimisation takes are never earned back.
        install.env("CARGO_PROFILE_RELEASE_LTO", "off");
        task.run(&mut install, &workspace.scratch("log")?.join("install-cargo-deny.txt"))?;
    }
    Ok(program)
}
