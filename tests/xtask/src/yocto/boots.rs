//! The images that were built boot, and their state is taken over by the other slot, and found again in the first.

use super::build::Build;
use super::guest::{Boot, Guest, PARTITIONS, install};
use super::{IMAGE, IMAGE_FOR_MBR, MODULAR, SINGLE};
use crate::boot::disk::Disk;
use crate::boot::slot::Slot;
use crate::failure::Outcome;
use crate::task::Task;
use crate::terminal::Terminal;

/// The signature of a disk without labels: `SYSOTA_DISK_ID`.
pub(super) const SIGNATURE: &str = "73797341";

/// What an initramfs needs to know of such a disk.
pub(super) const FOR_MBR: &str = "SYSOTA_SYS_DATA_DEVICE = \"PARTUUID=${SYSOTA_DISK_ID}-04\"";

/// A boot: its name, its slot, its initramfs, what has to come of it, and how often a program has counted in its state by then.
type Turn<'t> = (&'t str, Slot, &'t str, &'t str, u32);

/// Boots from a disk whose partitions have labels, by either initramfs.
pub(super) fn by_labels(build: &Build, guest: &Guest, terminal: Terminal) -> Outcome {
    let task = Task::start(terminal, "make a disk");
    let disk = Disk::create(build.directory().join("disk"), &PARTITIONS)?;
    install(&disk, &build.deployed(IMAGE).file("ext4")?)?;
    task.finish("two slots with the image, and a data partition");
    let turns = [
        ("slot A (module)", Slot::A, MODULAR, "first-boot", 1),
        ("slot A (one file)", Slot::A, SINGLE, "same", 2),
        ("slot B (module)", Slot::B, MODULAR, "update", 3),
        // Slot A has not seen what slot B has counted.
        ("old slot (one file)", Slot::A, SINGLE, "rollback", 3),
    ];
    boot_in_turn(&turns, &disk, build, guest, terminal)
}

/// Boots from a disk that has a signature instead, with a kernel that does not say the partitions' unique ids.
pub(super) fn by_signature(build: &Build, guest: &Guest, terminal: Terminal) -> Outcome {
    let mut task = Task::start(terminal, "build for MBR");
    build.bitbake_with(&mut task, FOR_MBR, &[IMAGE_FOR_MBR, MODULAR])?;
    let disk = Disk::create_with_mbr(build.directory().join("disk-mbr"), &PARTITIONS, SIGNATURE)?;
    install(&disk, &build.deployed(IMAGE_FOR_MBR).file("ext4")?)?;
    task.finish(&format!("a disk whose data partition is PARTUUID={SIGNATURE}-04"));
    let turns = [
        ("MBR, A (module)", Slot::A, MODULAR, "first-boot", 1),
        ("MBR, B (one file)", Slot::B, SINGLE, "update", 2),
    ];
    boot_in_turn(&turns, &disk, build, guest, terminal)
}

fn boot_in_turn(
    turns: &[Turn<'_>],
    disk: &Disk,
    build: &Build,
    guest: &Guest,
    terminal: Terminal,
) -> Outcome {
    for &(name, slot, image, event, count) in turns {
        let initramfs = &build.deployed(image).file("cpio.gz")?;
        guest.boot(&Boot { name, disk: disk.file(), slot, initramfs, event, count }, terminal)?;
    }
    Ok(())
}
