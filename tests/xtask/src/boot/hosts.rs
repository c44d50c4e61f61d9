//! `cargo xtask boot hosts`: initramfs that others make, with `stated apply` called from what they make.
//!
//! The layer's module is called by busybox. What `applier/initramfs` has for generators is installed in a Debian that has
//! them all, and each makes an initramfs. All start a small image four times on a disk of its own: for the first time,
//! again, spoilt, and without sys-data.

mod framework;
mod generators;
mod host;
mod small_image;
mod start;

use std::fs;
use std::path::Path;

use super::Share;
use super::bare::BarePc;
use super::disk::Disk;
use super::emulator::Emulator;
use super::kernel::Kernel;
use super::machine::PARTITIONS;
use super::slot::Slot;
use crate::failure::{OrFail as _, Outcome};
use crate::task::Task;
use crate::terminal::Terminal;
use crate::tool;
use crate::workspace::Workspace;
use generators::Generators;
use host::Host;
use small_image::SmallImage;
use start::Start;

/// Only errors of the kernel's are shown, so that its words do not tear those of others apart. A kernel without a process 1
/// restarts.
const PARAMETERS: &str = "loglevel=4 panic=1 ro";

/// Starts the image by each of them; in brief, only by the one that nothing has to be fetched for.
pub(super) fn run(workspace: &Workspace, terminal: Terminal, share: Share) -> Outcome {
    tool::ensure(&tool::OF_BOOTS, workspace, terminal)?;
    let emulator = Emulator::fetch(workspace, terminal)?;
    let kernel = Kernel::fetch(workspace, terminal)?;
    let image = SmallImage::build(workspace, terminal)?;
    let mut task = Task::start(terminal, "build stated");
    let stated = workspace.build_stated(&mut task)?;
    task.finish("for the initramfs");
    let starts = Starts { emulator: &emulator, image: &image, workspace, terminal };

    println!("\n{}", terminal.bold("busybox, and the module of the BitBake layer"));
    let task = Task::start(terminal, MAKE);
    let initramfs = framework::make(&stated, image.fstab(), &kernel, workspace)?;
    task.finish(&size_of(&initramfs)?);
    starts.try_all(framework::NAME, kernel.image(), &initramfs, "sysota.wait=5")?;
    if share == Share::Brief {
        return Ok(());
    }

    let generators = Generators::fetch(workspace, terminal)?;
    for host in Host::ALL {
        println!("\n{}", terminal.bold(host.title()));
        let mut task = Task::start(terminal, MAKE);
        generators.install(host, &stated, image.fstab(), workspace)?;
        let initramfs = generators.make(host, workspace, &mut task)?;
        task.finish(&size_of(&initramfs)?);
        starts.try_all(host.name(), generators.kernel(), &initramfs, host.restarts())?;
    }
    Ok(())
}

/// What making an initramfs is called.
const MAKE: &str = "make an initramfs";

fn size_of(initramfs: &Path) -> Outcome<String> {
    let size = fs::metadata(initramfs).or_fail(|| format!("look at {}", initramfs.display()))?.len();
    Ok(format!("{} KiB", size / 1024))
}

/// What it takes to start the image.
struct Starts<'a> {
    emulator: &'a Emulator,
    image: &'a SmallImage,
    workspace: &'a Workspace,
    terminal: Terminal,
}

impl Starts<'_> {
    /// Starts it four times on a disk of its own, by an initramfs that is called `name`.
    fn try_all(&self, name: &str, kernel: &Path, initramfs: &Path, parameters: &str) -> Outcome {
        let file = self.workspace.scratch("boot/hosts")?.join(name).with_extension("img");
        let disk = Disk::create(file, &PARTITIONS)?;
        disk.install(Slot::A, self.image.file())?;
        disk.install(Slot::B, self.image.spoilt())?;
        for start in Start::ALL {
            let mut task = Task::start(self.terminal, start.title());
            start.prepare(&disk)?;
            let console = self.workspace.scratch("log")?.join(format!("hosts-{name}-{}.txt", start.name()));
            let pc = BarePc { emulator: self.emulator, kernel, initramfs, console: &console };
            let command_line = format!("{PARAMETERS} root=PARTLABEL={} {parameters}", start.slot().label());
            let seen = pc.boot(disk.file(), None, &command_line, &mut task)?;
            start.check(&seen, &console)?;
            task.finish(start.promise());
        }
        Ok(())
    }
}
