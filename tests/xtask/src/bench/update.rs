//! A device that has run in one slot and boots an update in the other.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::namespace::in_namespace;
use super::tree::{Tree, count_files};
use super::usage::Usage;
use super::volume::{FileSystem, Volume};
use crate::failure::{Failure, OrFail as _, Outcome};
use crate::mounts;
use crate::task::Task;

/// The one path with state, relative to the root.
const STATE: &str = "srv";

/// What people write instead: `$1` goes to `$2`, and is on the disk then.
const COPY: &str = r#"cp -a --reflink=auto "$1" "$2" && sync -f "$2""#;

/// The programs that are needed.
pub(super) struct Programs {
    pub(super) statec: PathBuf,
    pub(super) stated: PathBuf,
}

/// An image, twice under different names, and sys-data with the state of slot A on a file system of its own.
pub(super) struct Update {
    directory: PathBuf,
    volume: Volume,
    files: usize,
    stated: PathBuf,
    log: PathBuf,
}

impl Drop for Update {
    fn drop(&mut self) {
        // Made anew by the next run in any case.
        let _ = fs::remove_dir_all(&self.directory);
    }
}

impl Update {
    /// Makes all of it below `directory`; what was there before is gone. `tree` becomes the state.
    pub(super) fn prepare(
        directory: &Path,
        file_system: FileSystem,
        tree: Tree,
        programs: &Programs,
        task: &mut Task<'_>,
        log: &Path,
    ) -> Outcome<Self> {
        mounts::require_none_below(directory)?;
        let place = || format!("make a device in {}", directory.display());
        if directory.exists() {
            fs::remove_dir_all(directory).or_fail(place)?;
        }
        fs::create_dir_all(directory).or_fail(place)?;
        let update = Self {
            directory: directory.to_owned(),
            volume: Volume::make(file_system, directory, task, log)?,
            files: tree.files,
            stated: programs.stated.clone(),
            log: log.to_owned(),
        };
        for made in [update.root().join("etc"), update.root().join(STATE), update.fragments()] {
            fs::create_dir_all(made).or_fail(place)?;
        }
        fs::write(update.root().join("etc/passwd"), "root:x:0:0:root:/root:/bin/sh\n").or_fail(place)?;
        fs::write(update.root().join("etc/group"), "root:x:0:\n").or_fail(place)?;
        let fragment = format!("version: 1\nstate:\n  /{STATE}: persistent\n");
        fs::write(update.fragments().join("bench.yaml"), fragment).or_fail(place)?;
        for slot in ["A", "B"] {
            let mut compile = Command::new(&programs.statec);
            compile.arg("compile").arg(update.fragments()).arg("--rootfs").arg(update.root());
            compile.args(["--image-id", &format!("bench-{slot}"), "--output"]).arg(update.blob(slot));
            task.run(&mut compile, log)?;
        }
        in_namespace(|| {
            update.volume.mount_cold()?;
            Usage::of(&mut update.apply("A"), log)?;
            tree.write(&update.state("A")).or_fail(place)
        })?;
        Ok(update)
    }

    /// The first boot of slot B, with all that it does.
    pub(super) fn boot(&self) -> Outcome<Usage> {
        self.measure(|| self.apply("B"), &self.state("B"))
    }

    /// A copy of the same tree by what people use today.
    pub(super) fn copy(&self) -> Outcome<Usage> {
        let copy = || {
            let mut command = Command::new("sh");
            command.args(["-c", COPY, "sh"]).arg(self.state("A")).arg(self.copied());
            command
        };
        self.measure(copy, &self.copied())
    }

    /// Runs a command that is to make a copy in `made`, with nothing of sys-data in memory, and no other copy on it.
    fn measure(&self, command: impl Fn() -> Command + Sync, made: &Path) -> Outcome<Usage> {
        in_namespace(|| {
            self.volume.mount_cold()?;
            for copy in [self.data().join("slots/B"), self.copied()] {
                if copy.exists() {
                    fs::remove_dir_all(&copy).or_fail(|| format!("remove {}", copy.display()))?;
                }
            }
            // The report, which is new in a boot.
            let run = self.run();
            if run.exists() {
                fs::remove_dir_all(&run).or_fail(|| format!("remove {}", run.display()))?;
            }
            self.volume.unmount()?;
            self.volume.mount_cold()?;
            let usage = Usage::of(&mut command(), &self.log)?;
            let count = count_files(made).or_fail(|| format!("read {}", made.display()))?;
            if count == self.files {
                return Ok(usage);
            }
            Err(Failure::new(format!("{count} of {} files were copied to {}", self.files, made.display())))
        })
    }

    fn apply(&self, slot: &str) -> Command {
        let mut command = Command::new(&self.stated);
        command.arg("apply").arg("--root").arg(self.root()).arg("--data").arg(self.data());
        command.args(["--slot", slot, "--blob"]).arg(self.blob(slot)).arg("--run").arg(self.run());
        command
    }

    fn root(&self) -> PathBuf {
        self.directory.join("root")
    }

    fn fragments(&self) -> PathBuf {
        self.directory.join("state.d")
    }

    fn blob(&self, slot: &str) -> PathBuf {
        self.directory.join(format!("{slot}.blob"))
    }

    fn run(&self) -> PathBuf {
        self.directory.join("run")
    }

    fn data(&self) -> &Path {
        self.volume.place()
    }

    fn state(&self, slot: &str) -> PathBuf {
        self.data().join("slots").join(slot).join("tree").join(STATE)
    }

    fn copied(&self) -> PathBuf {
        self.data().join("copied")
    }
}
