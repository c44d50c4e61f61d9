//! The block devices that the kernel knows, as it shows them in `/sys`.

use core::mem::MaybeUninit;

use rustix::fd::OwnedFd;
use rustix::fs::{Mode, OFlags, RawDir, ResolveFlags, SeekFrom, openat2};

use crate::beneath::DIRECTORY;
use crate::failure::Failure;
use crate::file::{self, open_directory};
use crate::partition_table::read_uuid;
use crate::path::{PathBuf, Room};
use crate::step::Step;
use crate::work::{ENTRIES, is_dot};

/// Where there is a symlink for each, to the device's directory, which for a partition lies in that of its disk.
const DEVICES: &[u8] = b"/sys/class/block";

const LIST: &str = "list the block devices in";

/// Most bytes that are read of what the kernel says of a device: a handful of lines, the longest one with a label of 36
/// characters.
const MAX: usize = 1024;

/// The directory of all of them.
pub(crate) struct BlockDevices(OwnedFd);

impl BlockDevices {
    pub(crate) fn open() -> Result<Self, Failure> {
        let dir = open_directory(DEVICES).map_err(|errno| Step::new(LIST, DEVICES).failed("open", errno))?;
        Ok(Self(dir))
    }

    /// Shows each to `visit`. One that goes meanwhile is left out.
    pub(crate) fn each(&self, visit: &mut dyn FnMut(&BlockDevice<'_>)) -> Result<(), Failure> {
        let step = Step::new(LIST, DEVICES);
        step.seek(&self.0, SeekFrom::Start(0))?;
        let mut buffer = [MaybeUninit::uninit(); ENTRIES];
        let mut entries = RawDir::new(&self.0, &mut buffer);
        while let Some(entry) = entries.next() {
            let entry = entry.map_err(|errno| step.failed("getdents64", errno))?;
            let name = entry.file_name().to_bytes();
            if is_dot(name) {
                continue;
            }
            if let Some(device) = BlockDevice::open(&self.0, name) {
                visit(&device);
            }
        }
        Ok(())
    }
}

/// What the kernel says of a device, one `KEY=value` on each line.
struct Uevent {
    said: [u8; MAX],
    len: usize,
}

impl Uevent {
    fn read(dir: &OwnedFd, path: &[u8]) -> Option<Self> {
        let mut said = [0; MAX];
        let len = file::read_up_to(&find(dir, path, OFlags::RDONLY)?, &mut said).ok()?;
        Some(Self { said, len })
    }

    fn value(&self, key: &[u8]) -> Option<&[u8]> {
        let said = self.said.get(..self.len)?;
        said.split(|&byte| byte == b'\n').find_map(|line| line.strip_prefix(key)?.strip_prefix(b"="))
    }
}

/// A block device.
pub(crate) struct BlockDevice<'n> {
    /// As the kernel calls it: `nvme0n1p2`.
    pub(crate) name: &'n [u8],
    dir: OwnedFd,
    uevent: Uevent,
}

impl<'n> BlockDevice<'n> {
    fn open(devices: &OwnedFd, name: &'n [u8]) -> Option<Self> {
        let dir = find(devices, name, DIRECTORY)?;
        let uevent = Uevent::read(&dir, b"uevent")?;
        Some(Self { name, dir, uevent })
    }

    /// The label of the partition.
    pub(crate) fn label(&self) -> Option<&[u8]> {
        self.uevent.value(b"PARTNAME")
    }

    /// Whether `wanted` is the unique id of the partition.
    pub(crate) fn has_uuid(&self, wanted: &[u8]) -> bool {
        self.with_uuid(&mut |uuid| uuid.eq_ignore_ascii_case(wanted)) == Some(true)
    }

    /// What `look` makes of the partition's unique id: as the kernel says it, where it does (6.12 does not); else as the
    /// disk's table has it.
    pub(crate) fn with_uuid<T>(&self, look: &mut dyn FnMut(&[u8]) -> T) -> Option<T> {
        if let Some(uuid) = self.uevent.value(b"PARTUUID") {
            return Some(look(uuid));
        }
        let number = str::from_utf8(self.uevent.value(b"PARTN")?).ok()?.parse().ok()?;
        read_uuid(&self.open_disk()?, self.block_size()?, number).map(|uuid| look(uuid.bytes()))
    }

    /// Its size in bytes.
    pub(crate) fn size(&self) -> Option<u64> {
        // In units of 512 bytes, whatever the device's own are.
        self.number(b"size")?.checked_mul(512)
    }

    /// Whether anything is in it: no card in a reader, and loop devices of nothing, are empty.
    pub(crate) fn is_empty(&self) -> bool {
        self.size().is_none_or(|size| size == 0)
    }

    /// The disk that this is a partition of.
    fn open_disk(&self) -> Option<OwnedFd> {
        let uevent = Uevent::read(&self.dir, b"../uevent")?;
        file::read(node(uevent.value(b"DEVNAME")?)?.bytes()).ok()
    }

    /// Bytes of a block of its disk.
    fn block_size(&self) -> Option<u64> {
        self.number(b"../queue/logical_block_size")
    }

    fn number(&self, file: &[u8]) -> Option<u64> {
        let mut digits = [0; 24];
        let len = file::read_up_to(&find(&self.dir, file, OFlags::RDONLY)?, &mut digits).ok()?;
        str::from_utf8(digits.get(..len)?).ok()?.trim_ascii().parse().ok()
    }
}

/// The place of the device that the kernel calls `name`, which may have a `!` where the node has a directory.
pub(crate) fn node(name: &[u8]) -> Option<PathBuf> {
    let mut path = PathBuf::new();
    path.append(b"/dev").ok()?;
    for part in name.split(|&byte| byte == b'!') {
        path.push(part).ok()?;
    }
    Some(path)
}

/// Opens what the kernel shows, and is trusted.
fn find(dir: &OwnedFd, path: &[u8], flags: OFlags) -> Option<OwnedFd> {
    let resolve = ResolveFlags::NO_MAGICLINKS;
    openat2(dir, Room::new().terminated(path), flags | OFlags::CLOEXEC, Mode::empty(), resolve).ok()
}
