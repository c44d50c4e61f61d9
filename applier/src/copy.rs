//! Copies of the image's files, with all that belongs to them.

use core::ffi::CStr;
use core::mem::MaybeUninit;

use rustix::fd::OwnedFd;
use rustix::fs::{
    AtFlags, FileType, Mode, OFlags, RawDir, ResolveFlags, Stat, Timespec, Timestamps, copy_file_range,
    mknodat, readlinkat_raw, symlinkat, utimensat,
};
use rustix::io::Errno;

use crate::beneath::DIRECTORY;
use crate::failure::{Failure, Finding};
use crate::path::PathBuf;
use crate::plan::Item;
use crate::step::Step;
use crate::work::is_dot;
use crate::xattr::{self, Node};

const COPY: &str = "copy the image's";

/// Levels of directories that are copied. Each takes two descriptors and two KiB of stack.
const MAX_DEPTH: usize = 64;

/// Bytes of directory entries that are read at once. One entry has at most 280.
const ENTRIES: usize = 1024;

/// Bytes that are copied at once where the kernel does not do it itself.
const CHUNK: usize = 16384;

/// How both sides are opened: what has just been looked at, or made.
const RESOLVE: ResolveFlags = ResolveFlags::NO_SYMLINKS;

/// Where nested entries are, seen from a path.
#[derive(PartialEq, Eq)]
enum Near {
    None,
    Here,
    Beneath,
}

/// Copies what lies in a directory of the image.
pub(crate) struct Copier<'i, 'a> {
    item: &'i Item<'a>,
    /// Where it is, as a path of the image.
    at: PathBuf,
}

impl<'i, 'a> Copier<'i, 'a> {
    /// A copier for the directory at the entry's path. What nested entries take care of is left out.
    pub(crate) fn new(item: &'i Item<'a>) -> Result<Self, Failure> {
        let path = item.entry.path.as_str().as_bytes();
        let mut at = PathBuf::new();
        Step::new(COPY, path).path(&mut at, &[path])?;
        Ok(Self { item, at })
    }

    /// Copies everything in `from` into `to`.
    pub(crate) fn copy_children(&mut self, from: &OwnedFd, to: &OwnedFd) -> Result<(), Failure> {
        self.copy_level(from, to, MAX_DEPTH, true)
    }

    /// `has_nested`: nested entries may lie beneath, so that a file costs nothing where none is near.
    fn copy_level(
        &mut self,
        from: &OwnedFd,
        to: &OwnedFd,
        depth: usize,
        has_nested: bool,
    ) -> Result<(), Failure> {
        let depth = depth.checked_sub(1).ok_or_else(|| self.step().found(Finding::TooDeep))?;
        let mut buffer = [MaybeUninit::uninit(); ENTRIES];
        let mut entries = RawDir::new(from, &mut buffer);
        while let Some(entry) = entries.next() {
            let entry = entry.map_err(|errno| self.step().failed("getdents64", errno))?;
            let name = entry.file_name();
            if is_dot(name) {
                continue;
            }
            let before =
                self.at.push(name.to_bytes()).map_err(|errno| self.step().failed("openat2", errno))?;
            let near = if has_nested { self.nested_entries() } else { Near::None };
            if near != Near::Here {
                self.copy_node(from, to, name, depth, near == Near::Beneath)?;
            }
            self.at.truncate(before);
        }
        Ok(())
    }

    /// Where nested entries are, seen from here.
    fn nested_entries(&self) -> Near {
        let mut near = Near::None;
        for nested in self.item.nested() {
            match nested.path.as_str().as_bytes().strip_prefix(self.at.bytes()) {
                Some([]) => return Near::Here,
                Some([b'/', ..]) => near = Near::Beneath,
                _ => {}
            }
        }
        near
    }

    fn copy_node(
        &mut self,
        from: &OwnedFd,
        to: &OwnedFd,
        name: &CStr,
        depth: usize,
        has_nested: bool,
    ) -> Result<(), Failure> {
        let Some(stat) = self.step().stat_name(from, name)? else {
            return Err(self.step().failed("newfstatat", Errno::NOENT));
        };
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory => {
                let step = self.step();
                let from = step.open(from, name, DIRECTORY, Mode::empty(), RESOLVE)?;
                step.make_directory(to, name, Mode::RWXU)?;
                let made = step.open(to, name, DIRECTORY, Mode::empty(), RESOLVE)?;
                self.copy_level(&from, &made, depth, has_nested)?;
                self.copy_metadata(&from, &made, &stat)
            }
            FileType::RegularFile => self.copy_file(from, to, name, &stat),
            FileType::Symlink => self.copy_symlink(from, to, name, &stat),
            FileType::Fifo | FileType::CharacterDevice | FileType::BlockDevice => {
                let kind = FileType::from_raw_mode(stat.st_mode);
                mknodat(to, name, kind, Mode::from_raw_mode(stat.st_mode & 0o7777), stat.st_rdev)
                    .map_err(|errno| self.step().failed("mknodat", errno))?;
                self.copy_named_metadata(from, to, name, &stat)
            }
            // A socket means nothing without the process that listens on it.
            _ => Ok(()),
        }
    }

    fn copy_file(&self, from: &OwnedFd, to: &OwnedFd, name: &CStr, stat: &Stat) -> Result<(), Failure> {
        let step = self.step();
        let from = step.open(from, name, OFlags::RDONLY | OFlags::NONBLOCK, Mode::empty(), RESOLVE)?;
        let made = create_file(&step, to, name)?;
        copy_content(&step, &from, &made)?;
        self.copy_metadata(&from, &made, stat)
    }

    /// Not inlined: its buffers would be there for each level of directories.
    #[inline(never)]
    fn copy_symlink(&self, from: &OwnedFd, to: &OwnedFd, name: &CStr, stat: &Stat) -> Result<(), Failure> {
        let step = self.step();
        let mut target = [0; 4096];
        let len =
            readlinkat_raw(from, name, &mut target).map_err(|errno| step.failed("readlinkat", errno))?;
        let mut buffer = PathBuf::new();
        let target = step.path(&mut buffer, &[target.get(..len).unwrap_or_default()])?;
        symlinkat(target, to, name).map_err(|errno| step.failed("symlinkat", errno))?;
        self.copy_named_metadata(from, to, name, stat)
    }

    /// Owner first, since a change of owner drops privileged bits and capabilities; times last, since
    /// everything else sets them.
    fn copy_metadata(&self, from: &OwnedFd, to: &OwnedFd, stat: &Stat) -> Result<(), Failure> {
        let step = self.step();
        step.change_owner(to, c"", stat.st_uid, stat.st_gid)?;
        copy_xattrs(&step, Node::Open(from), Node::Open(to))?;
        step.change_mode(to, stat.st_mode & 0o7777)?;
        step.set_times(to, &times(stat))
    }

    /// The same for what cannot be opened without effect, and was made with its mode.
    fn copy_named_metadata(
        &self,
        from: &OwnedFd,
        to: &OwnedFd,
        name: &CStr,
        stat: &Stat,
    ) -> Result<(), Failure> {
        let step = self.step();
        step.change_owner(to, name, stat.st_uid, stat.st_gid)?;
        copy_xattrs(&step, Node::Named(from, name), Node::Named(to, name))?;
        utimensat(to, name, &times(stat), AtFlags::SYMLINK_NOFOLLOW)
            .map_err(|errno| step.failed("utimensat", errno))
    }

    fn step(&self) -> Step<'_> {
        Step::new(COPY, self.at.bytes())
    }
}

/// Copies extended attributes.
pub(crate) fn copy_xattrs(step: &Step<'_>, from: Node<'_>, to: Node<'_>) -> Result<(), Failure> {
    xattr::copy(from, to).map_err(|error| step.found(Finding::Attribute(error.name, error.errno)))
}

/// Makes a file that only root can open until it has its owner and mode.
pub(crate) fn create_file(step: &Step<'_>, dir: &OwnedFd, name: &CStr) -> Result<OwnedFd, Failure> {
    step.create(dir, name, Mode::RUSR | Mode::WUSR)
}

/// Copies all bytes; in the kernel, which may share blocks, where both file systems let it.
///
/// Not inlined: its buffer would be there for each level of directories.
#[inline(never)]
pub(crate) fn copy_content(step: &Step<'_>, from: &OwnedFd, to: &OwnedFd) -> Result<(), Failure> {
    loop {
        match copy_file_range(from, None, to, None, 1 << 30) {
            // Some file systems say so of files that are not empty, so the last word is `read`'s.
            Ok(0) | Err(Errno::XDEV | Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => break,
            Ok(_) => {}
            Err(errno) => return Err(step.failed("copy_file_range", errno)),
        }
    }
    let mut chunk = [0; CHUNK];
    loop {
        let len = step.read_up_to(from, &mut chunk)?;
        let Some(bytes) = chunk.get(..len).filter(|bytes| !bytes.is_empty()) else { return Ok(()) };
        step.write(to, bytes)?;
    }
}

/// Times of access and of change of content, to the nanosecond.
pub(crate) fn times(stat: &Stat) -> Timestamps {
    // Nanoseconds are below 1e9, whatever sign the type has.
    let time = |seconds, nanoseconds: u64| Timespec { tv_sec: seconds, tv_nsec: nanoseconds.cast_signed() };
    Timestamps {
        last_access: time(stat.st_atime, stat.st_atime_nsec),
        last_modification: time(stat.st_mtime, stat.st_mtime_nsec),
    }
}
