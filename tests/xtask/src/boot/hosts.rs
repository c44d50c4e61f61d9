//! `cargo xtask boot hosts`: initramfs generators that others make, with `stated apply` called from what they make.
//!
//! What `applier/initramfs` has for them is installed in a Debian that has them all. Each makes an initramfs, which then
//! starts a small image four times on a disk of its own: for the first time, again, spoilt, and without sys-data.

mod generators;
mod host;
mod small_image;
mod start;

use std::fs;

use super::bare::BarePc;
use super::disk::Disk;
use super::emulator::Emulator;
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

/// Starts the image by each of them.
pub(super) fn run(workspace: &Workspace, terminal: Terminal) -> Outcome {
    tool::ensure(&tool::OF_BOOTS, workspace, terminal)?;
    let emulator = Emulator::fetch(workspace, terminal)?;
    let generators = Generators::fetch(workspace, terminal)?;
    let image = SmallImage::build(workspace, terminal)?;
    let mut task = Task::start(terminal, "build stated");
    let stated = workspace.build_stated(&mut task)?;
    task.finish("for the initramfs");
    for host in Host::ALL {
        println!("\n{}", terminal.bold(host.title()));
        let mut task = Task::start(terminal, "make an initramfs");
        generators.install(host, &stated, image.fstab(), workspace)?;
        let initramfs = generators.make(host, workspace, &mut task)?;
        let size = fs::metadata(&initramfs).or_fail(|| format!("look at {}", initramfs.display()))?.len();
        task.finish(&format!("{} KiB", size / 1024));
        let file = workspace.scratch("boot/hosts")?.join(format!("{}.img", host.name()));
        let disk = Disk::create(file, &PARTITIONS)?;
        disk.install(Slot::A, image.file())?;
        disk.install(Slot::B, image.spoilt())?;
        for start in Start::ALL {
            let mut task = Task::start(terminal, start.title());
            start.prepare(&disk)?;
            let name = format!("hosts-{}-{}.txt", host.name(), start.name());
            let console = workspace.scratch("log")?.join(name);
            let pc = BarePc {
                emulator: &emulator,
                kernel: generators.kernel(),
                initramfs: &initramfs,
                console: &console,
            };
            let (root, restarts) = (start.slot().label(), host.restarts());
            let command_line = format!("{PARAMETERS} root=PARTLABEL={root} {restarts}");
            let seen = pc.boot(disk.file(), None, &command_line, &mut task)?;
            start.check(&seen, &console)?;
            task.finish(start.promise());
        }
    }
    Ok(())
}
