//! Discarding work in progress.

use core::mem::MaybeUninit;

use rustix::fd::OwnedFd;
use rustix::fs::{AtFlags, FileType, RawDir, SeekFrom};
use rustix::io::Errno;

use crate::beneath::open_directory;
use crate::failure::Failure;
use crate::path::NumberName;
use crate::step::{self, Step};

const DISCARD: &str = "discard the unfinished work";

/// Bytes of directory entries that are read at once. One entry has at most 280.
const ENTRIES: usize = 2048;

/// Removes everything in `dir`, however deep and however much, without following anything.
///
/// No recursion: the children of a directory that is not empty are moved up into `dir` and have their turn
/// there. So each directory is opened by one name, in `dir`, and depth costs nothing.
pub(crate) fn discard_all(dir: &OwnedFd) -> Result<(), Failure> {
    let mut lifted = 0;
    discard_children(dir, &mut |name| {
        let step = Step::new(DISCARD, name);
        let child = open_directory(&step, dir, name)?;
        discard_children(&child, &mut |grandchild| lift(&child, grandchild, dir, &mut lifted))?;
        step.remove(dir, name, AtFlags::REMOVEDIR)
    })
}

/// Removes what is in `dir`, and leaves directories that are not empty to `discard`, after which they must be
/// gone from there.
fn discard_children(
    dir: &OwnedFd,
    discard: &mut dyn FnMut(&[u8]) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let all = Step::new(DISCARD, b"");
    loop {
        let mut removed = false;
        all.seek(dir, SeekFrom::Start(0))?;
        let mut buffer = [MaybeUninit::uninit(); ENTRIES];
        let mut entries = RawDir::new(dir, &mut buffer);
        while let Some(entry) = entries.next() {
            let entry = entry.map_err(|errno| all.failed("getdents64", errno))?;
            let name = entry.file_name().to_bytes();
            if is_dot(name) {
                continue;
            }
            removed = true;
            if remove(dir, name, entry.file_type())? == Removed::NotEmpty {
                discard(name)?;
            }
        }
        if !removed {
            return Ok(());
        }
    }
}

#[derive(PartialEq, Eq)]
enum Removed {
    Gone,
    NotEmpty,
}

fn remove(dir: &OwnedFd, name: &[u8], file_type: FileType) -> Result<Removed, Failure> {
    let step = Step::new(DISCARD, name);
    if file_type != FileType::Directory {
        match step::remove(dir, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => return Ok(Removed::Gone),
            // Some file systems do not say what an entry is.
            Err(Errno::ISDIR | Errno::PERM) if file_type == FileType::Unknown => {}
            Err(errno) => return Err(step.failed("unlinkat", errno)),
        }
    }
    match step::remove(dir, name, AtFlags::REMOVEDIR) {
        Ok(()) | Err(Errno::NOENT) => Ok(Removed::Gone),
        Err(Errno::NOTEMPTY | Errno::EXIST) => Ok(Removed::NotEmpty),
        Err(errno) => Err(step.failed("unlinkat", errno)),
    }
}

/// Moves `name` from `from` into `to` under a name that is free.
fn lift(from: &OwnedFd, name: &[u8], to: &OwnedFd, lifted: &mut u64) -> Result<(), Failure> {
    loop {
        let free = NumberName::new(*lifted);
        *lifted = lifted.wrapping_add(1);
        match step::rename(from, name, to, free.bytes()) {
            Ok(()) => return Ok(()),
            Err(Errno::EXIST) => {}
            Err(errno) => return Err(Step::new(DISCARD, name).failed("renameat2", errno)),
        }
    }
}

/// Whether a directory entry is the directory itself or its parent.
pub(crate) fn is_dot(name: &[u8]) -> bool {
    matches!(name, b"." | b"..")
}
