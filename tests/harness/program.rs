//! The programs under test, built as their users build them.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The compiler. Built on first use.
///
/// # Panics
///
/// When the build fails.
pub fn statec() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| build(&["build", "--quiet", "--package", "statec"], "debug/statec"))
}

/// Names the applier that is to be tested instead of this machine's own: one for another architecture.
const STATED: &str = "STATED";

/// Is the path of the program that runs it.
const EMULATOR: &str = "STATED_EMULATOR";

/// The emulator that the applier is to be run in, if any.
#[must_use]
pub fn emulator() -> Option<PathBuf> {
    std::env::var_os(EMULATOR).map(PathBuf::from)
}

/// The applier for an initramfs. Built on first use, unless another is named.
///
/// # Panics
///
/// When the build fails.
pub fn stated() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    let named = || std::env::var_os(STATED).map(PathBuf::from);
    BUILT.get_or_init(|| named().unwrap_or_else(|| build(&["initrd", "--quiet"], "initrd/stated")))
}

/// The applier that an image carries. Built on first use.
///
/// # Panics
///
/// When the build fails.
pub fn system() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| build(&["system", "--quiet"], "system/stated"))
}

/// The top of the workspace.
#[must_use]
pub fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("/"))
}

/// Where cargo builds: a relative `CARGO_TARGET_DIR` counts from where cargo runs, which is the top.
#[must_use]
pub fn target_directory() -> PathBuf {
    let directory = std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| OsString::from("target"));
    workspace().join(directory)
}

fn build(arguments: &[&str], product: &str) -> PathBuf {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let status = Command::new(cargo).args(arguments).current_dir(workspace()).status();
    assert!(status.is_ok_and(|status| status.success()), "cargo {} failed", arguments.join(" "));
    target_directory().join(product)
}
