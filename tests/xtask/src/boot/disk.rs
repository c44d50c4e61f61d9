//! The machine's disk: a file with partitions. Nothing is mounted, and no loop device is needed.

use std::fs::{self, File};
use std::io::{self, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::call;
use super::slot::Slot;
use crate::failure::{OrFail as _, Outcome};

const MIB: u64 = 1 << 20;

/// A partition, known by the label that it has in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Partition {
    label: &'static str,
    /// In MiB.
    start: u64,
    /// In MiB.
    size: u64,
}

/// What boot loaders keep. The harness is the boot loader, so nothing is in it.
const BOOT: Partition = Partition { label: "x-boot", start: 1, size: 15 };
const SYS_A: Partition = Partition { label: "x-sys-a", start: 16, size: 240 };
const SYS_B: Partition = Partition { label: "x-sys-b", start: 256, size: 240 };

/// The partition that holds all state.
const SYS_DATA: Partition = Partition { label: "x-sys-data", start: 496, size: 512 };

impl Partition {
    /// The one that holds the image of `slot`.
    fn of(slot: Slot) -> Self {
        match slot {
            Slot::A => SYS_A,
            Slot::B => SYS_B,
        }
    }
}

/// In MiB: after the last partition, there is room for the second copy of the table.
const SIZE: u64 = SYS_DATA.start + SYS_DATA.size + 1;

/// A disk. It is sparse: what nobody has written takes no room.
#[derive(Debug)]
pub(super) struct Disk {
    file: PathBuf,
}

impl Disk {
    /// Makes a disk with an empty sys-data and nothing in its slots. What `file` was before is gone.
    pub(super) fn create(file: PathBuf) -> Outcome<Self> {
        let place = || format!("create {}", file.display());
        let _ = fs::remove_file(&file);
        File::create(&file).and_then(|disk| disk.set_len(SIZE * MIB)).or_fail(place)?;
        let lines = [BOOT, SYS_A, SYS_B, SYS_DATA].map(|Partition { label, start, size }| {
            format!("start={start}MiB, size={size}MiB, name={label}")
        });
        let table = format!("label: gpt\n{}\n", lines.join("\n"));
        let mut sfdisk = Command::new("sfdisk");
        call::expect(sfdisk.arg("--quiet").arg(&file), table.as_bytes())?;
        let mut mkfs = Command::new("mkfs.ext4");
        mkfs.args(["-q", "-F", "-E", &format!("offset={}", SYS_DATA.start * MIB)]);
        call::expect(mkfs.arg(&file).arg(format!("{}M", SYS_DATA.size)), &[])?;
        Ok(Self { file })
    }

    pub(super) fn file(&self) -> &Path {
        &self.file
    }

    /// Writes a root file system into a slot, as an updater would.
    pub(super) fn install(&self, slot: Slot, root_fs: &Path) -> Outcome {
        let partition = Partition::of(slot);
        let place = || format!("write {} into {}", root_fs.display(), partition.label);
        let write = || -> io::Result<u64> {
            let mut source = File::open(root_fs)?;
            if source.metadata()?.len() > partition.size * MIB {
                return Err(io::Error::other(format!("it has {} MiB", partition.size)));
            }
            let mut disk = fs::OpenOptions::new().write(true).open(&self.file)?;
            disk.seek(SeekFrom::Start(partition.start * MIB))?;
            io::copy(&mut source, &mut disk)
        };
        write().map(|_| ()).or_fail(place)
    }

    /// Copies a directory of sys-data, with owners, modes and times, into the directory `to`. The machine is to be off.
    pub(super) fn dump(&self, path: &str, to: &Path) -> Outcome {
        if to.exists() {
            fs::remove_dir_all(to).or_fail(|| format!("remove {}", to.display()))?;
        }
        fs::create_dir_all(to).or_fail(|| format!("create {}", to.display()))?;
        let mut debugfs = Command::new("debugfs");
        debugfs.arg("-R").arg(format!("rdump {path} \"{}\"", to.display()));
        call::expect(debugfs.arg(self.sys_data()), &[])?;
        Ok(())
    }

    /// Fails unless the file system of sys-data is whole. The machine is to be off.
    pub(super) fn check(&self) -> Outcome {
        let mut e2fsck = Command::new("e2fsck");
        call::expect(e2fsck.args(["-f", "-n"]).arg(self.sys_data()), &[])?;
        Ok(())
    }

    /// sys-data, as programs of e2fsprogs take a file system that lies inside a file.
    fn sys_data(&self) -> String {
        format!("{}?offset={}", self.file.display(), SYS_DATA.start * MIB)
    }
}
