//! yamllint, which people run over YAML today: what `statec` is compared with.

use std::path::PathBuf;

use crate::failure::Outcome;
use crate::python_program;
use crate::terminal::Terminal;
use crate::workspace::Workspace;

/// As pip names it, with the version that was current when the comparison was written.
const PACKAGE: &str = "yamllint==1.37.1";

/// Installs it once.
pub(crate) fn ensure(workspace: &Workspace, terminal: Terminal) -> Outcome<PathBuf> {
    python_program::ensure("yamllint", PACKAGE, workspace, terminal)
}
