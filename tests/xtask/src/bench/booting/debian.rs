//! The system that is booted: Debian, with directories below `/srv` to bind.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use state_schema::BLOB_PATH;

use super::means::{Means, target};
use super::stopwatch::UNIT;
use crate::boot::root_fs::pack;
use crate::debian_root::DebianRoot;
use crate::example::Example;
use crate::failure::{OrFail as _, Outcome};
use crate::image::relative;
use crate::task::Task;
use crate::terminal::Terminal;
use crate::workspace::Workspace;

/// The example whose Debian it is.
const EXAMPLE: &str = "debian-server";

/// The root that images are packed of.
pub(super) struct Debian {
    root: PathBuf,
    statec: PathBuf,
    log: PathBuf,
}

impl Debian {
    /// Unpacks it, with `most` directories to bind.
    pub(super) fn prepare(most: usize, workspace: &Workspace, terminal: Terminal) -> Outcome<Self> {
        let archive = DebianRoot::fetch(&Example::open(workspace, EXAMPLE)?, workspace, terminal)?;
        let mut task = Task::start(terminal, "assemble the image");
        let statec = workspace.build_statec(&mut task)?;
        let system = workspace.build_system(&mut task)?;
        let root = workspace.scratch("bench/booting")?.join("root");
        archive.unpack(&root, workspace, &mut task)?;
        let fill = || {
            for number in 0..most {
                fs::create_dir_all(root.join(target(number)))?;
            }
            fs::create_dir_all(root.join("usr/lib/systemd/system/local-fs.target.wants"))?;
            fs::write(root.join("usr/lib/systemd/system/measure.service"), UNIT)?;
            fs::create_dir_all(root.join(relative(BLOB_PATH)).parent().unwrap_or(&root))?;
            // The first boot is this one's.
            fs::copy(&system, root.join(relative(state_schema::PROGRAM_PATH))).map(drop)
        };
        fill().or_fail(|| format!("fill {}", root.display()))?;
        task.finish(&format!("with {most} directories to bind"));
        Ok(Self { root, statec, log: workspace.scratch("log")?.join("bench-booting.txt") })
    }

    /// Packs an image of which `count` paths are bound by `means`, into the file that is returned.
    pub(super) fn pack(
        &self,
        means: Means,
        count: usize,
        workspace: &Workspace,
        task: &mut Task<'_>,
    ) -> Outcome<PathBuf> {
        let directory = workspace.scratch("bench/booting")?;
        means.equip(&self.root, count).or_fail(|| format!("fill {}", self.root.display()))?;
        let fragments = directory.join("state.d");
        let entries: Vec<_> =
            (0..means.entries(count)).map(|number| format!("/{}: persistent", target(number))).collect();
        let fragment = format!("version: 1\nstate: {{{}}}\n", entries.join(", "));
        fs::create_dir_all(&fragments)
            .and_then(|()| fs::write(fragments.join("bench.yaml"), fragment))
            .or_fail(|| format!("write {}", fragments.display()))?;
        let mut compile = Command::new(&self.statec);
        compile.arg("compile").arg(&fragments).arg("--rootfs").arg(&self.root);
        compile.args(["--image-id", "booting-1", "--output"]).arg(self.root.join(relative(BLOB_PATH)));
        task.run(&mut compile, &self.log)?;
        let image = directory.join("root.squashfs");
        pack(&self.root, &image, workspace, task)?;
        Ok(image)
    }
}
