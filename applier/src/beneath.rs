//! Opening what somebody else may have put there.
//!
//! sys-data is written by the running system, so a compromised service may have left anything on it. All of
//! it is opened here: beneath a directory that is open already, through no link and into no other mount, and
//! only as what it has to be.

use rustix::fd::OwnedFd;
use rustix::fs::{FileType, Mode, OFlags, ResolveFlags, Stat, Statx, StatxAttributes};
use state_schema::Kind;

use crate::failure::{Failure, Finding};
use crate::step::Step;

/// What a path may not lead through.
const RESOLVE: ResolveFlags = ResolveFlags::BENEATH
    .union(ResolveFlags::NO_SYMLINKS)
    .union(ResolveFlags::NO_MAGICLINKS)
    .union(ResolveFlags::NO_XDEV);

/// How directories are opened, to list them and to work in them.
pub(crate) const DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY);

/// Permissions of directories above state that the image does not say any for.
pub(crate) const PARENT: Mode = Mode::from_raw_mode(0o755);

/// Opens `path` beneath `dir`.
pub(crate) fn open(step: &Step<'_>, dir: &OwnedFd, path: &[u8], flags: OFlags) -> Result<OwnedFd, Failure> {
    step.open(dir, path, flags, Mode::empty(), RESOLVE)
}

/// Opens `path` beneath `dir`, if there is something.
pub(crate) fn open_existing(
    step: &Step<'_>,
    dir: &OwnedFd,
    path: &[u8],
    flags: OFlags,
) -> Result<Option<OwnedFd>, Failure> {
    step.open_existing(dir, path, flags, RESOLVE)
}

/// Opens `path` beneath `dir`, if there is something, and nothing but directories on the way to it.
#[cfg(feature = "system")]
pub(crate) fn open_reachable(
    step: &Step<'_>,
    dir: &OwnedFd,
    path: &[u8],
    flags: OFlags,
) -> Result<Option<OwnedFd>, Failure> {
    step.open_reachable(dir, path, flags, RESOLVE)
}

/// Opens the directory at `path` beneath `dir`.
pub(crate) fn open_directory(step: &Step<'_>, dir: &OwnedFd, path: &[u8]) -> Result<OwnedFd, Failure> {
    open(step, dir, path, DIRECTORY)
}

/// Opens the regular file at `path` beneath `dir` for reading.
pub(crate) fn open_file(step: &Step<'_>, dir: &OwnedFd, path: &[u8]) -> Result<OwnedFd, Failure> {
    open_regular(step, &open(step, dir, path, OFlags::PATH)?, dir, path)
}

/// The same, if there is one. What is something else is none.
#[inline(never)]
pub(crate) fn find_file(step: &Step<'_>, dir: &OwnedFd, path: &[u8]) -> Result<Option<OwnedFd>, Failure> {
    let Some(place) = open_existing(step, dir, path, OFlags::PATH)? else { return Ok(None) };
    if step.look(&place)?.misfit(Kind::File).is_some() {
        return Ok(None);
    }
    open_regular(step, &place, dir, path).map(Some)
}

/// Looks before it opens, since opening a FIFO or a device does something, and once more afterwards.
fn open_regular(step: &Step<'_>, place: &OwnedFd, dir: &OwnedFd, path: &[u8]) -> Result<OwnedFd, Failure> {
    let seen = step.look(place)?;
    if let Some(finding) = seen.misfit(Kind::File) {
        return Err(step.found(finding));
    }
    let file = open(step, dir, path, OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY)?;
    if seen.is_of_same(&step.look(&file)?) { Ok(file) } else { Err(step.found(Finding::NotA(Kind::File))) }
}

/// Opens the directory `name` in `dir`, made and set right where it is not: root's, with `mode`.
pub(crate) fn ensure_directory(dir: &OwnedFd, name: &[u8], mode: Mode) -> Result<OwnedFd, Failure> {
    let step = Step::new("make the directory", name);
    step.make_missing_directory(dir, name, mode)?;
    let opened = open_directory(&step, dir, name)?;
    let stat = step.stat(&opened)?;
    if stat.st_uid != 0 || stat.st_gid != 0 {
        step.change_owner(&opened, b"", 0, 0)?;
    }
    if stat.st_mode & 0o7777 != mode.as_raw_mode() {
        step.change_mode(&opened, mode.as_raw_mode())?;
    }
    Ok(opened)
}

/// Opens the directory which `path` lies in, beneath `dir`, and makes what is missing of it: root's, 0755.
pub(crate) fn ensure_parent(dir: &OwnedFd, path: &[u8]) -> Result<OwnedFd, Failure> {
    let step = Step::new("make the directories above", path);
    let (parents, _) = split(path);
    ensure_path(&step, parents, &|path| step.open_existing(dir, path, DIRECTORY, RESOLVE))
}

/// Opens a directory, if there is one.
pub(crate) type Open<'o> = dyn Fn(&[u8]) -> Result<Option<OwnedFd>, Failure> + 'o;

/// Opens the directory at `path` with `open`, and makes what is missing of it: root's, 0755.
pub(crate) fn ensure_path(step: &Step<'_>, path: &[u8], open: &Open<'_>) -> Result<OwnedFd, Failure> {
    let missing = || step.failed("openat2", rustix::io::Errno::NOENT);
    if let Some(found) = open(path)? {
        return Ok(found);
    }
    let mut at = open(b".")?.ok_or_else(missing)?;
    let mut start = 0_usize;
    for name in path.split(|&byte| byte == b'/') {
        let end = start.saturating_add(name.len());
        let prefix = path.get(..end).unwrap_or_default();
        start = end.saturating_add(1);
        // By the whole path each time: what it leads through can be mounts, which a descriptor of the
        // directory above does not always see.
        let mut found = open(prefix)?;
        if found.is_none() {
            step.make_directory(&at, name, PARENT)?;
            found = open(prefix)?;
        }
        at = found.ok_or_else(missing)?;
    }
    Ok(at)
}

/// A relative path in two: the directory that it lies in, and its last name.
#[inline(never)]
pub(crate) fn split(path: &[u8]) -> (&[u8], &[u8]) {
    let slash = path.iter().rposition(|&byte| byte == b'/');
    slash.and_then(|at| Some((path.get(..at)?, path.get(at.checked_add(1)?..)?))).unwrap_or((b".", path))
}

/// How a file looks that somebody else may have put there: what matters of `statx(2)`.
#[derive(Clone, Copy)]
pub(crate) struct Look {
    device: (u32, u32),
    inode: u64,
    size: u64,
    links: u32,
    mode: u32,
    /// Zero where both the owner and the group are root.
    owners: u32,
    /// A mount begins there.
    pub(crate) is_mount_root: bool,
}

impl Look {
    pub(crate) fn of(stat: &Statx) -> Self {
        Self {
            device: (stat.stx_dev_major, stat.stx_dev_minor),
            inode: stat.stx_ino,
            size: stat.stx_size,
            links: stat.stx_nlink,
            mode: stat.stx_mode.into(),
            owners: stat.stx_uid | stat.stx_gid,
            is_mount_root: stat.stx_attributes.contains(StatxAttributes::MOUNT_ROOT),
        }
    }

    pub(crate) fn file_type(&self) -> FileType {
        FileType::from_raw_mode(self.mode)
    }

    /// Whether it is of this kind.
    pub(crate) fn is_a(&self, kind: Kind) -> bool {
        self.file_type()
            == match kind {
                Kind::Directory => FileType::Directory,
                Kind::File => FileType::RegularFile,
            }
    }

    /// What keeps it from being state of this kind, or a file that we read.
    #[inline(never)]
    pub(crate) fn misfit(&self, kind: Kind) -> Option<Finding> {
        if !self.is_a(kind) {
            return Some(Finding::NotA(kind));
        }
        // A second name may lie where a service can write that must not write here, or read what is not its own.
        (kind == Kind::File && self.links != 1).then_some(Finding::HardLinked)
    }

    /// Whether it is root's, with these permissions and no others.
    pub(crate) fn is_roots(&self, mode: u32) -> bool {
        (self.mode & 0o7777 ^ mode) | self.owners == 0
    }

    /// Whether a file has nothing in it.
    pub(crate) fn is_empty(&self) -> bool {
        self.size == 0
    }

    /// Whether both are of the same file.
    pub(crate) fn is_of_same(&self, other: &Self) -> bool {
        self.device == other.device && self.inode == other.inode
    }
}

/// What a file is.
#[inline]
pub(crate) fn file_type(stat: &Stat) -> FileType {
    FileType::from_raw_mode(stat.st_mode)
}
