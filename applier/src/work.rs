//! Discarding work in progress.

use core::ffi::CStr;
use core::mem::MaybeUninit;

use rustix::fd::OwnedFd;
use rustix::fs::{AtFlags, FileType, RawDir, RenameFlags, SeekFrom, renameat_with, unlinkat};
use rustix::io::Errno;

use crate::beneath::open_directory;
use crate::failure::Failure;
use crate::path::NumberName;
use crate::step::Step;

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
        let step = Step::new(DISCARD, name.to_bytes());
        let child = open_directory(&step, dir, name)?;
        discard_children(&child, &mut |grandchild| lift(&child, grandchild, dir, &mut lifted))?;
        step.remove(dir, name, AtFlags::REMOVEDIR)
    })
}

/// Removes what is in `dir`, and leaves directories that are not empty to `discard`, after which they must be
/// gone from there.
fn discard_children(
    dir: &OwnedFd,
    discard: &mut dyn FnMut(&CStr) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let all = Step::new(DISCARD, b"");
    loop {
        let mut removed = false;
        all.seek(dir, SeekFrom::Start(0))?;
        let mut buffer = [MaybeUninit::uninit(); ENTRIES];
        let mut entries = RawDir::new(dir, &mut buffer);
        while let Some(entry) = entries.next() {
            let entry = entry.map_err(|errno| all.failed("getdents64", errno))?;
            let name = entry.file_name();
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

fn remove(dir: &OwnedFd, name: &CStr, file_type: FileType) -> Result<Removed, Failure> {
    let step = Step::new(DISCARD, name.to_bytes());
    if file_type != FileType::Directory {
        match unlinkat(dir, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => return Ok(Removed::Gone),
            // Some file systems do not say what an entry is.
            Err(Errno::ISDIR | Errno::PERM) if file_type == FileType::Unknown => {}
            Err(errno) => return Err(step.failed("unlinkat", errno)),
        }
    }
    match unlinkat(dir, name, AtFlags::REMOVEDIR) {
        Ok(()) | Err(Errno::NOENT) => Ok(Removed::Gone),
        Err(Errno::NOTEMPTY | Errno::EXIST) => Ok(Removed::NotEmpty),
        Err(errno) => Err(step.failed("unlinkat", errno)),
    }
}

/// Moves `name` from `from` into `to` under a name that is free.
fn lift(from: &OwnedFd, name: &CStr, to: &OwnedFd, lifted: &mut u64) -> Result<(), Failure> {
    loop {
        let free = NumberName::new(*lifted);
        *lifted = lifted.wrapping_add(1);
        match renameat_with(from, name, to, free.as_c_str(), RenameFlags::NOREPLACE) {
            Ok(()) => return Ok(()),
            Err(Errno::EXIST) => {}
            Err(errno) => return Err(Step::new(DISCARD, name.to_bytes()).failed("renameat2", errno)),
        }
    }
}

/// Whether a directory entry is the directory itself or its parent.
pub(crate) fn is_dot(name: &CStr) -> bool {
    matches!(name.to_bytes(), b"." | b"..")
}
