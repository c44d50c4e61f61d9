//! The image's root, and reading files.

use core::ffi::CStr;

use rustix::fd::OwnedFd;
use rustix::fs::{Mode, OFlags, ResolveFlags, open};
use rustix::io::Errno;

use crate::beneath::{DIRECTORY, ensure_path};
use crate::failure::Failure;
use crate::step::Step;

/// Where the image is mounted.
pub(crate) struct Root {
    fd: OwnedFd,
}

/// What the way to a mount point may not lead through: any link, so that no mount lands outside its entry.
const TARGET: ResolveFlags =
    ResolveFlags::IN_ROOT.union(ResolveFlags::NO_SYMLINKS).union(ResolveFlags::NO_MAGICLINKS);

impl Root {
    pub(crate) fn open(path: &CStr) -> Result<Self, Failure> {
        let step = Step::new("open the root", path.to_bytes());
        let fd = open(path, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
            .map_err(|errno| step.failed("open", errno))?;
        Ok(Self { fd })
    }

    pub(crate) fn as_fd(&self) -> &OwnedFd {
        &self.fd
    }

    /// Opens a place for a mount, if there is one.
    pub(crate) fn target(&self, step: &Step<'_>, path: &CStr) -> Result<Option<OwnedFd>, Failure> {
        step.open_existing(self.as_fd(), path, OFlags::PATH, TARGET)
    }

    /// Opens the directory at `path`, and makes what is missing of it: root's, 0755.
    pub(crate) fn ensure_directory(&self, path: &str) -> Result<OwnedFd, Failure> {
        let step = Step::new("make the directories", path.as_bytes());
        ensure_path(&step, path, &|path| step.open_existing(self.as_fd(), path, DIRECTORY, TARGET))
    }

    /// Opens a file of the image for reading. The image's own links may be followed, within the image.
    pub(crate) fn read(&self, path: &CStr) -> Result<OwnedFd, Errno> {
        let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
        rustix::fs::openat2(&self.fd, path, READ, Mode::empty(), resolve)
    }
}

/// How files are opened that may turn out to be something else: without waiting for a FIFO's other end.
const READ: OFlags = OFlags::RDONLY.union(OFlags::NONBLOCK).union(OFlags::NOCTTY).union(OFlags::CLOEXEC);

/// Opens a file that the caller names.
pub(crate) fn read(path: &CStr) -> Result<OwnedFd, Errno> {
    open(path, READ, Mode::empty())
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
