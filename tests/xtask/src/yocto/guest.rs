//! A device in an emulator: a disk with two slots and a data partition.

use std::path::{Path, PathBuf};

use super::IMAGE;
use super::build::Build;
use crate::boot::bare::BarePc;
use crate::boot::disk::{Disk, Partition, SYS_DATA};
use crate::boot::emulator::Emulator;
use crate::boot::kernel::Kernel;
use crate::boot::slot::Slot;
use crate::failure::Outcome;
use crate::task::Task;
use crate::terminal::Terminal;
use crate::workspace::Workspace;

/// Its disk: the labels are those that the initramfs and the policy know.
const PARTITIONS: [Partition; 3] = [
    Partition { label: Slot::A.label(), size: 64 },
    Partition { label: Slot::B.label(), size: 64 },
    Partition { label: SYS_DATA, size: 64 },
];

/// The device.
#[derive(Debug)]
pub(super) struct Guest {
    disk: Disk,
    kernel: Kernel,
    emulator: Emulator,
    logs: PathBuf,
}

impl Guest {
    /// Makes its disk: the image in both slots, and no state.
    pub(super) fn prepare(build: &Build, workspace: &Workspace, terminal: Terminal) -> Outcome<Self> {
        let emulator = Emulator::fetch(workspace, terminal)?;
        // For virtual machines: ext4 and nvme are built in.
        let kernel = Kernel::fetch(workspace, terminal)?;
        let task = Task::start(terminal, "make a disk");
        let disk = Disk::create(build.directory().join("disk"), &PARTITIONS)?;
        let root = build.deployed(IMAGE).file("ext4")?;
        for slot in [Slot::A, Slot::B] {
            disk.install(slot, &root)?;
        }
        task.finish("two slots with the image, and a data partition");
        Ok(Self { disk, kernel, emulator, logs: build.log("boot") })
    }

    /// Boots a slot to the end that the image makes of it. Returns what was on the console.
    pub(super) fn boot(
        &self,
        number: usize,
        slot: &str,
        initramfs: &Path,
        task: &mut Task<'_>,
    ) -> Outcome<String> {
        let partition = if slot == "A" { 1 } else { 2 };
        let pc = BarePc {
            emulator: &self.emulator,
            kernel: self.kernel.image(),
            initramfs,
            console: &self.logs.with_extension(format!("{number}.txt")),
        };
        let command_line = format!(
            "loglevel=4 panic=-1 ro root=/dev/nvme0n1p{partition} rootfstype=ext4 sysota.slot={slot}"
        );
        pc.boot(self.disk.file(), None, &command_line, task)
    }
}
