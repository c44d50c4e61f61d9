//! A device in an emulator, which boots the disks of the tests.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::build::Build;
use crate::boot::bare::BarePc;
use crate::boot::disk::{BOOT, Disk, Partition, SYS_DATA};
use crate::boot::emulator::Emulator;
use crate::boot::kernel::Kernel;
use crate::boot::slot::Slot;
use crate::failure::{Failure, Outcome};
use crate::task::Task;
use crate::terminal::Terminal;
use crate::workspace::Workspace;

/// The partitions of a disk, as the wks files of the layer lay them out. The labels are those that the initramfs and the policy
/// know.
pub(super) const PARTITIONS: [Partition; 4] = [
    Partition { label: BOOT, size: 1 },
    Partition { label: Slot::A.label(), size: 64 },
    Partition { label: Slot::B.label(), size: 64 },
    Partition { label: SYS_DATA, size: 64 },
];

/// The device.
#[derive(Debug)]
pub(super) struct Guest {
    kernel: Kernel,
    emulator: Emulator,
    logs: PathBuf,
}

/// What is booted, and what is to come of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Boot<'b> {
    /// What is said of it, and the name of its log.
    pub(super) name: &'b str,
    pub(super) disk: &'b Path,
    pub(super) slot: Slot,
    pub(super) initramfs: &'b Path,
    pub(super) event: &'b str,
    /// How often a program of the image has counted in its state.
    pub(super) count: u32,
}

impl Guest {
    pub(super) fn prepare(build: &Build, workspace: &Workspace, terminal: Terminal) -> Outcome<Self> {
        let emulator = Emulator::fetch(workspace, terminal)?;
        // For virtual machines: ext4 and nvme are built in.
        let kernel = Kernel::fetch(workspace, terminal)?;
        Ok(Self { kernel, emulator, logs: build.log("boot") })
    }

    /// Boots a slot to the end that the test images make of it. Fails unless all came out as it has to.
    pub(super) fn boot(&self, boot: &Boot<'_>, terminal: Terminal) -> Outcome {
        let Boot { name, disk, slot, initramfs, event, count } = *boot;
        let title = format!("boot {name}");
        let mut task = Task::start(terminal, &title);
        let log = name.replace(|character: char| !character.is_ascii_alphanumeric(), "-");
        let console = self.logs.with_extension(format!("{log}.txt"));
        let shown = self.pc(initramfs, &console).boot(disk, None, &command_line(slot), &mut task)?;
        let wanted = [
            format!("\"event\": \"{event}\""),
            "test: status 0".to_owned(),
            format!("test: count {count}"),
            "test: end".to_owned(),
        ];
        for needed in wanted {
            if !shown.contains(&needed) {
                return Err(Failure::with_output(format!("the console does not have `{needed}`"), shown));
            }
        }
        if shown.contains("test: /etc is writable") {
            return Err(Failure::with_output("a path that nobody declared is writable", shown));
        }
        task.finish(&format!("{event}, written {count} times"));
        Ok(())
    }

    /// The command that boots slot A of a disk to a shell on its standard input and output.
    pub(super) fn shell(&self, disk: &Path, initramfs: &Path) -> Outcome<Command> {
        let command_line = format!("{} test.shell", command_line(Slot::A));
        self.pc(initramfs, Path::new("")).on_terminal(disk, &command_line)
    }

    fn pc<'a>(&'a self, initramfs: &'a Path, console: &'a Path) -> BarePc<'a> {
        BarePc { emulator: &self.emulator, kernel: self.kernel.image(), initramfs, console }
    }
}

/// What the boot loader says to the kernel.
fn command_line(slot: Slot) -> String {
    // Partition 1 is the boot loader's.
    let partition = if slot == Slot::A { 2 } else { 3 };
    format!("loglevel=4 panic=-1 ro root=/dev/nvme0n1p{partition} rootfstype=ext4 sysota.slot={slot}")
}

/// Puts an image into both slots.
pub(super) fn install(disk: &Disk, root_fs: &Path) -> Outcome {
    for slot in [Slot::A, Slot::B] {
        disk.install(slot, root_fs)?;
    }
    Ok(())
}
