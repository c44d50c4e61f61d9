//! Where the sources and the built programs are.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::unistd::geteuid;

use crate::failure::{Failure, OrFail as _, Outcome};
use crate::task::Task;

/// The project's tree and its build directory.
#[derive(Debug)]
pub(crate) struct Workspace {
    root: PathBuf,
    target: PathBuf,
}

impl Workspace {
    pub(crate) fn find() -> Outcome<Self> {
        let manifest_dir = Path::new(env!("CARGO_MANIFEST_DIR"));
        let root = manifest_dir.ancestors().nth(2).unwrap_or(manifest_dir).to_owned();
        // Asking this program where it lies follows CARGO_TARGET_DIR and every other way to say it.
        let program = env::current_exe().or_fail(|| "find this program's own path".to_owned())?;
        let target = program.ancestors().nth(2).unwrap_or(&root).to_owned();
        Ok(Self { root, target })
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Where cargo puts what it builds.
    pub(crate) fn target(&self) -> &Path {
        &self.target
    }

    /// A directory of this crate's own below the build directory; made if missing.
    pub(crate) fn scratch(&self, name: &str) -> Outcome<PathBuf> {
        let directory = self.target.join("xtask").join(name);
        fs::create_dir_all(&directory).or_fail(|| format!("create {}", directory.display()))?;
        Ok(directory)
    }

    /// The host's compiler of fragments, built.
    pub(crate) fn build_statec(&self, task: &mut Task<'_>) -> Outcome<PathBuf> {
        let log = self.scratch("log")?.join("build-statec.txt");
        task.run(self.cargo().args(["build", "--package", "statec"]), &log)?;
        Ok(self.target.join("debug/statec"))
    }

    /// The freestanding applier, built as for an initramfs.
    pub(crate) fn build_stated(&self, task: &mut Task<'_>) -> Outcome<PathBuf> {
        let log = self.scratch("log")?.join("build-stated.txt");
        task.run(self.cargo().arg("initrd"), &log)?;
        Ok(self.target.join("initrd/stated"))
    }

    /// The one that images carry, built.
    pub(crate) fn build_system(&self, task: &mut Task<'_>) -> Outcome<PathBuf> {
        let log = self.scratch("log")?.join("build-system.txt");
        task.run(self.cargo().arg("system"), &log)?;
        Ok(self.target.join("system/stated"))
    }

    /// cargo, the one that runs this program where one does.
    pub(crate) fn cargo(&self) -> Command {
        let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.current_dir(&self.root).env("CARGO_TARGET_DIR", &self.target);
        cargo
    }

    /// A path as shown to people: relative to the project where it lies in it.
    pub(crate) fn show(&self, path: &Path) -> String {
        path.strip_prefix(&self.root).unwrap_or(path).display().to_string()
    }
}

/// Fails unless this program may mount.
pub(crate) fn require_root(command: &str) -> Outcome {
    if geteuid().is_root() {
        return Ok(());
    }
    Err(Failure::new(format!(
        "`cargo xtask {command}` mounts file systems in a private namespace, for which it must be root. \
         Try: sudo env PATH=\"$PATH\" cargo xtask {command}"
    )))
}
