//! The machine's disk: a file with partitions. Nothing is mounted, and no loop device is needed.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::slot::Slot;
use crate::call;
use crate::failure::{Failure, OrFail as _, Outcome};

const MIB: u64 = 1 << 20;

/// A partition, known by the label that it has in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Partition {
    pub(crate) label: &'static str,
    /// In MiB.
    pub(crate) size: u64,
}

/// The label of the partition that boot loaders keep. We are the boot loader; there is nothing in it but notes in its first
/// sector, and only where somebody else reads them.
pub(crate) const BOOT: &str = "x-boot";

/// In bytes.
const SECTOR: usize = 512;

/// How much is compared at once, in bytes.
const PIECE: usize = 1 << 20;

/// The label of the partition that holds all state.
pub(crate) const SYS_DATA: &str = "x-sys-data";

/// In MiB: where the first partition begins, and as much is behind the last one, for the second copy of the table.
const MARGIN: u64 = 1;

/// A disk. It is sparse: what nobody has written takes no room.
#[derive(Debug)]
pub(crate) struct Disk {
    file: PathBuf,
    partitions: Vec<Partition>,
}

impl Disk {
    /// Makes a disk with an empty file system for state, and nothing in all other partitions. What `file` was before is gone.
    pub(crate) fn create(file: PathBuf, partitions: &[Partition]) -> Outcome<Self> {
        let mut table = "label: gpt\n".to_owned();
        for (Partition { label, size }, number) in partitions.iter().zip(1..) {
            let _ = writeln!(table, "size={size}MiB, name={label}, uuid={}", unique_id(number));
        }
        Self::create_with_table(file, partitions, &table)
    }

    /// The same with a table that has no labels and a signature, of eight hexadecimal digits.
    pub(crate) fn create_with_mbr(file: PathBuf, partitions: &[Partition], signature: &str) -> Outcome<Self> {
        let mut table = format!("label: dos\nlabel-id: 0x{signature}\n");
        for Partition { size, .. } in partitions {
            let _ = writeln!(table, "size={size}MiB");
        }
        Self::create_with_table(file, partitions, &table)
    }

    fn create_with_table(file: PathBuf, partitions: &[Partition], table: &str) -> Outcome<Self> {
        let place = || format!("create {}", file.display());
        let _ = fs::remove_file(&file);
        let size = partitions.iter().map(|partition| partition.size).sum::<u64>() + 2 * MARGIN;
        File::create(&file).and_then(|disk| disk.set_len(size * MIB)).or_fail(place)?;
        let mut sfdisk = Command::new("sfdisk");
        call::expect(sfdisk.arg("--quiet").arg(&file), table.as_bytes())?;
        let disk = Self { file, partitions: partitions.to_vec() };
        let (start, size) = disk.place_of(SYS_DATA)?;
        let mut mkfs = Command::new("mkfs.ext4");
        mkfs.args(["-q", "-F", "-E", &format!("offset={start}")]);
        call::expect(mkfs.arg(&disk.file).arg(format!("{}K", size / 1024)), &[])?;
        Ok(disk)
    }

    /// Where the first partition of this label begins, and how large it is, in bytes.
    pub(crate) fn place_of(&self, label: &str) -> Outcome<(u64, u64)> {
        let mut start = MARGIN;
        for partition in &self.partitions {
            if partition.label == label {
                return Ok((start * MIB, partition.size * MIB));
            }
            start += partition.size;
        }
        Err(Failure::new(format!("{} has no partition {label}", self.file.display())))
    }

    pub(crate) fn file(&self) -> &Path {
        &self.file
    }

    /// Writes a root file system into a slot, as an updater would.
    pub(crate) fn install(&self, slot: Slot, root_fs: &Path) -> Outcome {
        let (start, size) = self.place_of(slot.label())?;
        let write = || -> io::Result<u64> {
            let mut source = File::open(root_fs)?;
            if source.metadata()?.len() > size {
                return Err(io::Error::other(format!("it has {} MiB", size / MIB)));
            }
            let mut disk = fs::OpenOptions::new().write(true).open(&self.file)?;
            disk.seek(SeekFrom::Start(start))?;
            io::copy(&mut source, &mut disk)
        };
        write().map(drop).or_fail(|| format!("write {} into slot {slot}", root_fs.display()))
    }

    /// Whether a slot begins with just this root file system.
    pub(crate) fn holds(&self, slot: Slot, root_fs: &Path) -> Outcome<bool> {
        let (start, _) = self.place_of(slot.label())?;
        let compare = || -> io::Result<bool> {
            let (mut file, mut disk) = (File::open(root_fs)?, File::open(&self.file)?);
            disk.seek(SeekFrom::Start(start))?;
            let (mut expected, mut found) = (vec![0; PIECE], vec![0; PIECE]);
            loop {
                let length = file.read(&mut expected)?;
                disk.read_exact(&mut found[..length])?;
                if length == 0 || expected[..length] != found[..length] {
                    return Ok(length == 0);
                }
            }
        };
        compare().or_fail(|| format!("compare slot {slot} with {}", root_fs.display()))
    }

    /// The text in the first sector of the boot partition.
    pub(crate) fn boot_notes(&self) -> Outcome<String> {
        let (start, _) = self.place_of(BOOT)?;
        let read = || -> io::Result<String> {
            let mut disk = File::open(&self.file)?;
            disk.seek(SeekFrom::Start(start))?;
            let mut sector = [0; SECTOR];
            disk.read_exact(&mut sector)?;
            Ok(String::from_utf8_lossy(&sector).trim_end_matches('\0').to_owned())
        };
        read().or_fail(|| format!("read what is in {BOOT}"))
    }

    /// Puts a text of less than a sector there.
    pub(crate) fn set_boot_notes(&self, notes: &str) -> Outcome {
        let (start, _) = self.place_of(BOOT)?;
        let write = || -> io::Result<()> {
            let mut disk = fs::OpenOptions::new().write(true).open(&self.file)?;
            disk.seek(SeekFrom::Start(start))?;
            let mut sector = notes.as_bytes().to_owned();
            sector.resize(SECTOR, 0);
            disk.write_all(&sector)
        };
        write().or_fail(|| format!("write into {BOOT}"))
    }

    /// Copies a directory of sys-data, with owners, modes and times, into the directory `to`. The machine is to be off.
    pub(crate) fn dump(&self, path: &str, to: &Path) -> Outcome {
        if to.exists() {
            fs::remove_dir_all(to).or_fail(|| format!("remove {}", to.display()))?;
        }
        fs::create_dir_all(to).or_fail(|| format!("create {}", to.display()))?;
        let mut debugfs = Command::new("debugfs");
        debugfs.arg("-R").arg(format!("rdump {path} \"{}\"", to.display()));
        call::expect(debugfs.arg(self.file_system(SYS_DATA)?), &[])?;
        Ok(())
    }

    /// Makes directories in sys-data, by their paths from its top; parents are to come first.
    pub(crate) fn make_directories(&self, paths: &[String]) -> Outcome {
        let commands: String = paths.iter().flat_map(|path| ["mkdir ", path, "\n"]).collect();
        let mut debugfs = Command::new("debugfs");
        debugfs.args(["-w", "-f", "-"]).arg(self.file_system(SYS_DATA)?);
        call::expect(&mut debugfs, commands.as_bytes()).map(drop)
    }

    /// Fails unless the file system of sys-data is whole. The machine is to be off.
    pub(crate) fn check(&self) -> Outcome {
        let mut e2fsck = Command::new("e2fsck");
        call::expect(e2fsck.args(["-f", "-n"]).arg(self.file_system(SYS_DATA)?), &[])?;
        Ok(())
    }

    /// A partition, as programs of e2fsprogs take a file system that lies inside a file.
    pub(crate) fn file_system(&self, label: &str) -> Outcome<String> {
        let (start, _) = self.place_of(label)?;
        Ok(format!("{}?offset={start}", self.file.display()))
    }
}

/// The unique id of a partition, the same on every disk.
pub(crate) fn unique_id(number: u32) -> String {
    format!("5359534f-5441-4449-534b-{number:012x}")
}
