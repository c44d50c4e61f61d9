//! The image's root, and reading files.

use core::mem::ManuallyDrop;

use rustix::fd::OwnedFd;
use rustix::fs::{Mode, OFlags, ResolveFlags, mkdir, openat2};
use rustix::io::Errno;

use crate::beneath::{DIRECTORY, PARENT, ensure_path};
use crate::failure::Failure;
use crate::path::Room;
use crate::step::Step;

/// Where the image is mounted.
pub(crate) struct Root {
    fd: ManuallyDrop<OwnedFd>,
}

/// What the way to a mount point may not lead through: any link, so that no mount lands outside its entry.
const TARGET: ResolveFlags =
    ResolveFlags::IN_ROOT.union(ResolveFlags::NO_SYMLINKS).union(ResolveFlags::NO_MAGICLINKS);

impl Root {
    pub(crate) fn open(path: &[u8]) -> Result<Self, Failure> {
        let step = Step::new("open the root", path);
        let fd = open(path, OFlags::PATH | OFlags::DIRECTORY).map_err(|errno| step.failed("open", errno))?;
        Ok(Self { fd: ManuallyDrop::new(fd) })
    }

    pub(crate) fn as_fd(&self) -> &OwnedFd {
        &self.fd
    }

    /// Opens a place for a mount, if there is one.
    pub(crate) fn target(&self, step: &Step<'_>, path: &[u8]) -> Result<Option<OwnedFd>, Failure> {
        step.open_existing(self.as_fd(), path, OFlags::PATH, TARGET)
    }

    /// Opens the directory at `path`, and makes what is missing of it: root's, 0755.
    pub(crate) fn ensure_directory(&self, path: &[u8]) -> Result<OwnedFd, Failure> {
        let step = Step::new("make the directories", path);
        ensure_path(&step, path, &|path| step.open_existing(self.as_fd(), path, DIRECTORY, TARGET))
    }

    /// Opens a file of the image for reading. The image's own links may be followed, within the image.
    pub(crate) fn read(&self, path: &[u8]) -> Result<OwnedFd, Errno> {
        self.open_following(path, READ)
    }

    /// Finds a file of the image, likewise.
    #[cfg(not(feature = "system"))]
    pub(crate) fn find(&self, path: &[u8]) -> Result<OwnedFd, Errno> {
        self.open_following(path, OFlags::PATH)
    }

    fn open_following(&self, path: &[u8], flags: OFlags) -> Result<OwnedFd, Errno> {
        let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
        let flags = flags | OFlags::CLOEXEC;
        openat2(self.as_fd(), Room::new().terminated(path), flags, Mode::empty(), resolve)
    }
}

/// How files are opened that may turn out to be something else: without waiting for a FIFO's other end.
const READ: OFlags = OFlags::RDONLY.union(OFlags::NONBLOCK).union(OFlags::NOCTTY);

/// Opens a file that the caller names.
pub(crate) fn read(path: &[u8]) -> Result<OwnedFd, Errno> {
    open(path, READ)
}

/// Opens a directory that the caller names.
pub(crate) fn open_directory(path: &[u8]) -> Result<OwnedFd, Errno> {
    open(path, DIRECTORY)
}

#[inline(never)]
pub(crate) fn open(path: &[u8], flags: OFlags) -> Result<OwnedFd, Errno> {
    rustix::fs::open(Room::new().terminated(path), flags | OFlags::CLOEXEC, Mode::empty())
}

/// Makes a directory that the caller names, unless it is there.
#[inline(never)]
pub(crate) fn make_directory(step: &Step<'_>, path: &[u8]) -> Result<(), Failure> {
    match mkdir(Room::new().terminated(path), PARENT) {
        Ok(()) | Err(Errno::EXIST) => Ok(()),
        Err(errno) => Err(step.failed("mkdir", errno)),
    }
}

/// Reads until `buffer` is full or the file ends, and returns how many bytes came.
pub(crate) fn read_up_to(fd: &OwnedFd, buffer: &mut [u8]) -> Result<usize, Errno> {
    let mut len = 0_usize;
    while let Some(rest) = buffer.get_mut(len..).filter(|rest| !rest.is_empty()) {
        match rustix::io::read(fd, rest)? {
            0 => break,
            more => len = len.saturating_add(more),
        }
    }
    Ok(len)
}

/// Writes all of `bytes`.
pub(crate) fn write_all(fd: &OwnedFd, mut bytes: &[u8]) -> Result<(), Errno> {
    while !bytes.is_empty() {
        let written = rustix::io::write(fd, bytes)?;
        bytes = bytes.get(written..).filter(|_| written > 0).ok_or(Errno::IO)?;
    }
    Ok(())
}
