//! Disks that the layer's wks files make, by the `wic` of OpenEmbedded-Core. Later series have that in a repository of its own.

use std::path::Path;
use std::process::Command;

use super::boots::{FOR_MBR, SIGNATURE};
use super::build::Build;
use super::guest::{Boot, Guest};
use super::{IMAGE, IMAGE_FOR_MBR, MODULAR};
use crate::boot::slot::Slot;
use crate::call;
use crate::failure::{Failure, Outcome};
use crate::task::Task;
use crate::terminal::Terminal;

/// Small ones, and nothing that a boot loader needs. wic wants 16 MiB of a boot partition to stay free.
const SIZES: &str = "SYSOTA_BOOT_SIZE = \"32M\"\nSYSOTA_SLOT_SIZE = \"64M\"\nSYSOTA_SYS_DATA_SIZE = \"32M\"\n\
    WKS_FILE_DEPENDS = \"\"\nIMAGE_FSTYPES:append:pn-sysota-test-image = \" wic\"\n\
    IMAGE_FSTYPES:append:pn-sysota-test-image-mbr = \" wic\"";

/// The partitions of either disk as `sfdisk --dump` tells them, without where they begin.
const WITH_LABELS: [&str; 4] = [
    "size= 65536, type=C12A7328-F81F-11D2-BA4B-00A0C93EC93B, name=\"x-boot\"",
    "size= 131072, type=0FC63DAF-8483-4772-8E79-3D69D8477DE4, name=\"x-sys-a\"",
    "size= 131072, type=0FC63DAF-8483-4772-8E79-3D69D8477DE4, name=\"x-sys-b\"",
    "size= 65536, type=0FC63DAF-8483-4772-8E79-3D69D8477DE4, name=\"x-sys-data\"",
];
const WITH_SIGNATURE: [&str; 4] = [
    "size= 65536, type=c, bootable",
    "size= 131072, type=83",
    "size= 131072, type=83",
    "size= 65536, type=83",
];

/// Whether this release has the program.
pub(super) fn can_be_made(build: &Build) -> bool {
    build.of_oecore("scripts/wic").exists()
}

/// Makes both, looks at their partitions, and boots them.
pub(super) fn make(build: &Build, guest: &Guest, terminal: Terminal) -> Outcome {
    let mut task = Task::start(terminal, "make disk images");
    build.bitbake_with(&mut task, SIZES, &[IMAGE, MODULAR])?;
    let disk = build.deployed(IMAGE).file("wic")?;
    compare(&disk, &WITH_LABELS)?;
    task.finish("sysota-gpt.wks: four partitions, of the right types and sizes");
    let initramfs = build.deployed(MODULAR).file("cpio.gz")?;
    let boot = |name, disk: &Path| {
        let boot = Boot { name, disk, slot: Slot::A, initramfs: &initramfs, event: "first-boot", count: 1 };
        guest.boot(&boot, terminal)
    };
    boot("disk image (labels)", &disk)?;

    let mut task = Task::start(terminal, "make disk images");
    build.bitbake_with(&mut task, &format!("{SIZES}\n{FOR_MBR}"), &[IMAGE_FOR_MBR, MODULAR])?;
    let disk = build.deployed(IMAGE_FOR_MBR).file("wic")?;
    compare(&disk, &WITH_SIGNATURE)?;
    // The signature is one that wic made up.
    let mut sfdisk = Command::new("sfdisk");
    call::expect(sfdisk.arg("--disk-id").arg(&disk).arg(format!("0x{SIGNATURE}")), &[])?;
    task.finish("sysota-mbr.wks: the same");
    boot("disk image (MBR)", &disk)
}

fn compare(disk: &Path, expected: &[&str]) -> Outcome {
    let dump = call::expect(Command::new("sfdisk").arg("--dump").arg(disk), &[])?;
    let dump = String::from_utf8_lossy(&dump);
    if partitions(&dump) == expected {
        return Ok(());
    }
    Err(Failure::with_output("the disk does not have the partitions that it should have", dump))
}

/// What sfdisk says of each partition, but where it begins and its unique id:
/// "a.wic1 : start=        2048, size=       32768, type=83, bootable".
fn partitions(dump: &str) -> Vec<String> {
    let lines = dump.lines().filter_map(|line| line.split_once(" : ")).map(|(_, said)| said);
    let is_told = |part: &&str| !part.starts_with("start=") && !part.starts_with("uuid=");
    lines
        .map(|said| {
            let parts = said.split(", ").map(str::trim).filter(is_told);
            let parts = parts.map(|part| part.split_whitespace().collect::<Vec<_>>().join(" "));
            parts.collect::<Vec<_>>().join(", ")
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::partitions;

    #[test]
    fn reads_what_sfdisk_says() {
        let dump = "label: dos\n\na.wic1 : start=        8192, size=       32768, type=c, bootable\n\
                    a.wic2 : start=       40960, size=      131072, type=83, uuid=1, name=\"x\"\n";
        assert_eq!(partitions(dump), ["size= 32768, type=c, bootable", "size= 131072, type=83, name=\"x\""]);
    }
}
