//! A real Debian, fetched once.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::example::Example;
use crate::failure::{OrFail as _, Outcome};
use crate::mounts;
use crate::task::Task;
use crate::terminal::Terminal;
use crate::tool;
use crate::workspace::Workspace;

/// The tar archive of a Debian with an example's packages, as its packages left it.
#[derive(Debug)]
pub(crate) struct DebianRoot {
    archive: PathBuf,
}

impl DebianRoot {
    /// Takes the archive of an earlier run if it was made of the same packages, else fetches them.
    pub(crate) fn fetch(example: &Example, workspace: &Workspace, terminal: Terminal) -> Outcome<Self> {
        let directory = workspace.scratch(&example.image_id())?;
        let archive = directory.join("debian.tar");
        let key_file = directory.join("debian.key");
        let release = example.release();
        let key = format!("{}\n{}\n", release.name(), example.packages().join("\n"));
        let mut task = Task::start(terminal, "fetch Debian");
        let count = example.packages().len();
        if archive.exists() && fs::read_to_string(&key_file).is_ok_and(|had| had == key) {
            task.finish(&format!("{} with {count} packages asked for: have it already", release.name()));
            return Ok(Self { archive });
        }
        tool::ensure(&[tool::MMDEBSTRAP], workspace, terminal)?;
        // Under its own name only when it is complete: an interrupted run leaves nothing that looks like a cache.
        let partial = directory.join("debian.partial.tar");
        let mut mmdebstrap = release.mmdebstrap("minbase", "tar", example.packages(), &partial);
        task.run(&mut mmdebstrap, &workspace.scratch("log")?.join("mmdebstrap.txt"))?;
        fs::rename(&partial, &archive)
            .and_then(|()| fs::write(&key_file, key))
            .or_fail(|| format!("keep {}", archive.display()))?;
        task.finish(&format!("{} with {count} packages asked for, by mmdebstrap", release.name()));
        Ok(Self { archive })
    }

    /// Unpacks the archive; what was at `root` before is gone.
    pub(crate) fn unpack(&self, root: &Path, workspace: &Workspace, task: &mut Task<'_>) -> Outcome {
        mounts::require_none_below(root)?;
        if root.exists() {
            fs::remove_dir_all(root).or_fail(|| format!("remove {}", root.display()))?;
        }
        fs::create_dir_all(root).or_fail(|| format!("create {}", root.display()))?;
        let mut tar = Command::new("tar");
        tar.args([
            "--extract",
            "--preserve-permissions",
            "--numeric-owner",
            "--xattrs",
            "--xattrs-include=*",
        ]);
        tar.arg("--directory").arg(root).arg("--file").arg(&self.archive);
        task.run(&mut tar, &workspace.scratch("log")?.join("tar.txt"))
    }
}
