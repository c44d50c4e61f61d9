//! Shell scripts of the layers, in the words of the shell that runs them on a device.

use std::fs;
use std::process::Command;

use super::Files;
use crate::failure::{Failure, OrFail as _, Outcome};
use crate::task::Task;
use crate::workspace::Workspace;

/// Fails if there is anything to say about a file that begins as a shell script does. Returns how many there are.
pub(super) fn check(files: &Files, workspace: &Workspace, task: &mut Task<'_>) -> Outcome<usize> {
    let log = workspace.scratch("log")?.join("layer-scripts.txt");
    let mut scripts = Vec::new();
    for path in &files.paths {
        let content = fs::read(files.root.join(path)).or_fail(|| format!("read {}", path.display()))?;
        if content.starts_with(b"#!/bin/sh\n") {
            scripts.push(path);
        }
    }
    if scripts.is_empty() {
        return Err(Failure::new("no file begins as a shell script does"));
    }
    let mut shellcheck = Command::new("shellcheck");
    // A module of the initramfs reads variables that the framework sets, and sets some that a later module reads.
    shellcheck.args(["--shell=dash", "--exclude=SC2154,SC2034"]).args(&scripts).current_dir(&files.root);
    task.run(&mut shellcheck, &log)?;
    for script in &scripts {
        task.run(Command::new("busybox").args(["ash", "-n"]).arg(files.root.join(script)), &log)?;
    }
    Ok(scripts.len())
}
