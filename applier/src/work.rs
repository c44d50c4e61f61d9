//! Discarding work in progress.

use core::mem::MaybeUninit;

use rustix::fd::OwnedFd;
use rustix::fs::{AtFlags, FileType, IFlags, OFlags, RawDir, SeekFrom, ioctl_getflags, ioctl_setflags};
use rustix::io::Errno;

use crate::beneath::{self, file_type, open_directory};
use crate::failure::Failure;
use crate::path::NumberName;
use crate::step::{self, Step};

const DISCARD: &str = "discard the unfinished work";

/// Bytes of directory entries that are read at once. One entry has at most 280.
pub(crate) const ENTRIES: usize = 2048;

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

/// Removes `name` from `dir`, though it be immutable: a service may have made its state so, and that is copied no further, but must
/// not stay for ever.
fn remove(dir: &OwnedFd, name: &[u8], kind: FileType) -> Result<Removed, Failure> {
    remove_plain(dir, name, kind).or_else(|failure| {
        let account = failure.account();
        if unlock(dir, name) { remove_plain(dir, name, kind) } else { Err(account.fail()) }
    })
}

/// Takes the flags off `dir` and `name` in it that keep them from being removed. Says whether there were any.
#[cold]
#[inline(never)]
fn unlock(dir: &OwnedFd, name: &[u8]) -> bool {
    let step = Step::new(DISCARD, name);
    let was_locked = unlock_opened(dir);
    // Nothing else has such flags, and nothing else is opened.
    let found = step.stat_name(dir, name).ok().flatten();
    let is_file_or_directory =
        found.is_some_and(|stat| matches!(file_type(&stat), FileType::RegularFile | FileType::Directory));
    if !is_file_or_directory {
        return was_locked;
    }
    let opened = beneath::open(&step, dir, name, OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY);
    opened.is_ok_and(|opened| unlock_opened(&opened)) || was_locked
}

/// Takes the flags off what is open. Says whether there were any.
#[inline(never)]
pub(crate) fn unlock_opened(fd: &OwnedFd) -> bool {
    const LOCKED: IFlags = IFlags::IMMUTABLE.union(IFlags::APPEND);
    ioctl_getflags(fd)
        .is_ok_and(|flags| flags.intersects(LOCKED) && ioctl_setflags(fd, flags.difference(LOCKED)).is_ok())
}

fn remove_plain(dir: &OwnedFd, name: &[u8], kind: FileType) -> Result<Removed, Failure> {
    let step = Step::new(DISCARD, name);
    if kind != FileType::Directory {
        match step::remove(dir, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => return Ok(Removed::Gone),
            // Some file systems do not say what an entry is.
            Err(Errno::ISDIR | Errno::PERM) if kind == FileType::Unknown => {}
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
            Err(Errno::PERM) if unlock(from, name) => {}
            Err(errno) => return Err(Step::new(DISCARD, name).failed("renameat2", errno)),
        }
    }
}

/// Whether a directory entry is the directory itself or its parent.
pub(crate) fn is_dot(name: &[u8]) -> bool {
    matches!(name, b"." | b"..")
}
