//! An image, packed as it is written into a slot.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::key::Key;
use crate::example::Example;
use crate::failure::{OrFail as _, Outcome};
use crate::image::Image;
use crate::task::Task;
use crate::terminal::Terminal;
use crate::workspace::Workspace;

/// A read-only file system that holds an image.
#[derive(Debug)]
pub(crate) struct RootFs {
    image_id: String,
    file: PathBuf,
    blob: PathBuf,
}

impl RootFs {
    /// Builds the image of `example` with `stated` in it, and packs it. As only a test would do, it lets `key` in as root,
    /// and has `equip` do what it wants to the root.
    pub(crate) fn build(
        example: &Example,
        stated: &Path,
        key: &Key,
        equip: impl FnOnce(&Path) -> Outcome,
        workspace: &Workspace,
        terminal: Terminal,
    ) -> Outcome<Self> {
        let image = Image::build(example, workspace, terminal)?;
        let image_id = example.image_id();
        let title = format!("pack {image_id}");
        let mut task = Task::start(terminal, &title);
        image.add_program(stated)?;
        authorize(key, image.root())?;
        equip(image.root())?;
        let file = workspace.scratch(&image_id)?.join("root.squashfs");
        pack(image.root(), &file, workspace, &mut task)?;
        let size = fs::metadata(&file).or_fail(|| format!("look at {}", file.display()))?.len();
        task.finish(&format!("squashfs of {} MiB", size >> 20));
        Ok(Self { image_id, file, blob: image.blob().to_owned() })
    }

    pub(crate) fn image_id(&self) -> &str {
        &self.image_id
    }

    pub(crate) fn file(&self) -> &Path {
        &self.file
    }

    /// The image's control blob, beside the image.
    pub(crate) fn blob(&self) -> &Path {
        &self.blob
    }
}

/// Packs the tree `root` into a squashfs, the file `to`.
pub(crate) fn pack(root: &Path, to: &Path, workspace: &Workspace, task: &mut Task<'_>) -> Outcome {
    let mut mksquashfs = Command::new("mksquashfs");
    mksquashfs.arg(root).arg(to).args(["-noappend", "-quiet", "-no-progress"]);
    // What takes the least work to unpack, which an emulated processor has to do.
    mksquashfs.args(["-comp", "lz4"]);
    task.run(&mut mksquashfs, &workspace.scratch("log")?.join("mksquashfs.txt"))
}

fn authorize(key: &Key, root: &Path) -> Outcome {
    let directory = root.join("root/.ssh");
    let write = || {
        fs::create_dir_all(&directory)?;
        fs::set_permissions(&directory, fs::Permissions::from_mode(0o700))
    };
    write().or_fail(|| format!("create {}", directory.display()))?;
    let file = directory.join("authorized_keys");
    fs::write(&file, key.public()?).or_fail(|| format!("write {}", file.display()))
}
