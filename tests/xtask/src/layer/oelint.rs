//! oelint-adv, which knows the conventions of recipes.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Files, LAYER};
use crate::failure::{Failure, Outcome};
use crate::python_program;
use crate::task::Task;
use crate::terminal::Terminal;
use crate::workspace::Workspace;

/// As pip names it.
const PACKAGE: &str = "oelint-adv==9.11.2";

/// Rules that do not hold here, with the reason.
const SUPPRESSED: [&str; 12] = [
    // Asks the network whether the page is there.
    "oelint.vars.homepageping",
    // Knows no variables but OE-Core's.
    "oelint.vars.mispell.unknown",
    // There is no tracker to name, no product in a database of weaknesses, and images have no section.
    "oelint.var.suggestedvar.BUGTRACKER",
    "oelint.var.suggestedvar.CVE_PRODUCT",
    "oelint.var.suggestedvar.SECTION",
    // Only the compiler runs on the host.
    "oelint.var.bbclassextend",
    // The sources are those of the repository that the layer is part of.
    "oelint.vars.fileextrapaths",
    "oelint.vars.outofcontext",
    // Which packages there are follows from the fragments; only an anonymous function can say so.
    "oelint.task.noanonpython",
    // OE-Core's own classes have names with a hyphen.
    "oelint.bbclass.underscores",
    // What the layer has itself is under OE-Core's copy of its license.
    "oelint.var.licenseremotefile",
    // It takes the classes' own variables for changes of other layers' recipes.
    "oelint.vars.noncoreoverride",
];

/// Installs it once.
pub(super) fn ensure(workspace: &Workspace, terminal: Terminal) -> Outcome<PathBuf> {
    python_program::ensure("oelint-adv", PACKAGE, workspace, terminal)
}

/// Fails if there is anything to say. Returns how many recipes it was asked about; it follows them into what they need.
pub(super) fn check(
    oelint: &Path,
    files: &Files,
    workspace: &Workspace,
    task: &mut Task<'_>,
) -> Outcome<usize> {
    let recipes = files.named(|name| [".bb", ".bbappend"].iter().any(|end| name.ends_with(end)));
    let recipes: Vec<_> = recipes.into_iter().filter(|recipe| recipe.starts_with(LAYER)).collect();
    if recipes.is_empty() {
        return Err(Failure::new(format!("{LAYER} has no recipes")));
    }
    let mut command = Command::new(oelint);
    command.arg("--quiet").args(SUPPRESSED.iter().flat_map(|rule| ["--suppress", rule]));
    command.args(&recipes).current_dir(&files.root);
    task.run(&mut command, &workspace.scratch("log")?.join("oelint.txt"))?;
    Ok(recipes.len())
}
