//! Opening what somebody else may have put there.
//!
//! sys-data is written by the running system, so a compromised service may have left anything on it. All of
//! it is opened here: beneath a directory that is open already, through no link and into no other mount, and
//! only as what it has to be.

use core::ffi::CStr;

use rustix::fd::OwnedFd;
use rustix::fs::{FileType, Mode, OFlags, ResolveFlags, Stat};
use state_schema::Kind;

use crate::failure::{Failure, Finding};
use crate::path::PathBuf;
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
pub(crate) fn open(step: &Step<'_>, dir: &OwnedFd, path: &CStr, flags: OFlags) -> Result<OwnedFd, Failure> {
    step.open(dir, path, flags, Mode::empty(), RESOLVE)
}

/// Opens `path` beneath `dir`, if there is something.
pub(crate) fn open_existing(
    step: &Step<'_>,
    dir: &OwnedFd,
    path: &CStr,
    flags: OFlags,
) -> Result<Option<OwnedFd>, Failure> {
    step.open_existing(dir, path, flags, RESOLVE)
}

/// Opens the directory at `path` beneath `dir`.
pub(crate) fn open_directory(step: &Step<'_>, dir: &OwnedFd, path: &CStr) -> Result<OwnedFd, Failure> {
    open(step, dir, path, DIRECTORY)
}

/// Opens the regular file at `path` beneath `dir` for reading.
///
/// Looks before it opens, since opening a FIFO or a device does something, and once more afterwards.
pub(crate) fn open_file(step: &Step<'_>, dir: &OwnedFd, path: &CStr) -> Result<OwnedFd, Failure> {
    let place = open(step, dir, path, OFlags::PATH)?;
    let seen = step.stat(&place)?;
    if let Some(finding) = misfit(&seen, Kind::File) {
        return Err(step.found(finding));
    }
    let file = open(step, dir, path, OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY)?;
    if same(&seen, &step.stat(&file)?) { Ok(file) } else { Err(step.found(Finding::NotA(Kind::File))) }
}

/// Opens the directory `name` in `dir`, made and set right where it is not: root's, with `mode`.
pub(crate) fn ensure_directory(dir: &OwnedFd, name: &CStr, mode: Mode) -> Result<OwnedFd, Failure> {
    let step = Step::new("make the directory", name.to_bytes());
    step.make_missing_directory(dir, name, mode)?;
    let opened = open_directory(&step, dir, name)?;
    let stat = step.stat(&opened)?;
    if stat.st_uid != 0 || stat.st_gid != 0 {
        step.change_owner(&opened, c"", 0, 0)?;
    }
    if stat.st_mode & 0o7777 != mode.as_raw_mode() {
        step.change_mode(&opened, mode.as_raw_mode())?;
    }
    Ok(opened)
}

/// Opens the directory which `path` lies in, beneath `dir`, and makes what is missing of it: root's, 0755.
pub(crate) fn ensure_parent(dir: &OwnedFd, path: &str) -> Result<OwnedFd, Failure> {
    let step = Step::new("make the directories above", path.as_bytes());
    let (parents, _) = split(path);
    ensure_path(&step, parents, &|path| step.open_existing(dir, path, DIRECTORY, RESOLVE))
}

/// Opens the directory at `path` with `open`, and makes what is missing of it: root's, 0755.
pub(crate) fn ensure_path(
    step: &Step<'_>,
    path: &str,
    open: &dyn Fn(&CStr) -> Result<Option<OwnedFd>, Failure>,
) -> Result<OwnedFd, Failure> {
    let missing = || step.failed("openat2", rustix::io::Errno::NOENT);
    let mut buffer = PathBuf::new();
    let whole = step.path(&mut buffer, &[path.as_bytes()])?;
    if let Some(found) = open(whole)? {
        return Ok(found);
    }
    let mut at = open(c".")?.ok_or_else(missing)?;
    let mut prefix = PathBuf::new();
    for name in path.split('/') {
        prefix.push(name.as_bytes()).map_err(|errno| step.failed("openat2", errno))?;
        // By the whole path each time: what it leads through can be mounts, which a descriptor of the
        // directory above does not always see.
        let mut found = open(prefix.as_c_str())?;
        if found.is_none() {
            let mut buffer = PathBuf::new();
            step.make_directory(&at, step.path(&mut buffer, &[name.as_bytes()])?, PARENT)?;
            found = open(prefix.as_c_str())?;
        }
        at = found.ok_or_else(missing)?;
    }
    Ok(at)
}

/// A relative path in two: the directory that it lies in, and its last name.
pub(crate) fn split(path: &str) -> (&str, &str) {
    // By bytes: the search for a character takes five times the space.
    let slash = path.bytes().rposition(|byte| byte == b'/');
    slash.and_then(|at| Some((path.get(..at)?, path.get(at.checked_add(1)?..)?))).unwrap_or((".", path))
}

/// What keeps a file from being state of this kind, or a file that we read.
#[inline(never)]
pub(crate) fn misfit(stat: &Stat, kind: Kind) -> Option<Finding> {
    if file_type(stat) != type_of(kind) {
        return Some(Finding::NotA(kind));
    }
    // A second name may lie where a service can write that must not write here, or read what is not its own.
    (kind == Kind::File && stat.st_nlink != 1).then_some(Finding::HardLinked)
}

pub(crate) fn type_of(kind: Kind) -> FileType {
    match kind {
        Kind::Directory => FileType::Directory,
        Kind::File => FileType::RegularFile,
    }
}

/// What a file is.
#[inline]
pub(crate) fn file_type(stat: &Stat) -> FileType {
    FileType::from_raw_mode(stat.st_mode)
}

/// Whether both are the same file.
pub(crate) fn same(one: &Stat, other: &Stat) -> bool {
    one.st_dev == other.st_dev && one.st_ino == other.st_ino
}
