//! Copies of trees, with all that belongs to them.

use core::mem::MaybeUninit;

use rustix::fd::OwnedFd;
use rustix::fs::{
    AtFlags, FileType, Mode, OFlags, RawDir, ResolveFlags, SeekFrom, Stat, Timespec, Timestamps, chmodat,
    mknodat, readlinkat_raw, utimensat,
};

use crate::ancestors::{Ancestor, Ancestors, Identity};
#[cfg(feature = "system")]
use crate::batch::Batch;
use crate::beneath::{DIRECTORY, file_type, open_directory};
use crate::content::Means;
use crate::failure::{Failure, Finding};
use crate::hard_links::HardLinks;
use crate::memory::Memory;
use crate::path::Room;
use crate::step::Step;
use crate::trail::Trail;
use crate::work::is_dot;
use crate::xattr::{self, Node};

/// Bytes of directory entries that are read at once. After each directory inside, what of them lies behind it
/// is read once more, so that more would be slower where there are many directories.
const ENTRIES: usize = 4096;

/// Longest target of a symlink with a terminating NUL, in bytes: `PATH_MAX`.
const TARGET: usize = 4096;

/// What is copied from.
#[derive(Clone, Copy)]
pub(crate) struct Source {
    /// What is done, as it follows "cannot": `copy the image's`.
    pub(crate) operation: &'static str,
    /// How what lies in it is opened. Where somebody may change it at the same time, its mount should also
    /// allow no devices: between the look at a name and its opening, a device may have taken the name.
    pub(crate) resolve: ResolveFlags,
}

/// What at a path is not copied.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Omission {
    Nothing,
    /// Something that lies beneath.
    Beneath,
    All,
}

/// Whether a directory holds others.
#[cfg(feature = "system")]
#[derive(Clone, Copy, PartialEq, Eq)]
enum Directories {
    None,
    Some,
}

/// Says what at a path is not copied.
type Omit<'o> = dyn Fn(&[u8]) -> Omission + 'o;

/// Copies files and directories: content with its holes, owner, mode, times of access and change, extended
/// attributes, and which names are one file. Sockets are left out.
///
/// Everything is opened by one name in a directory that is open, through no link, and looked at once more when
/// it is. What changes in the meantime is an error, and leads nowhere else.
pub(crate) struct Copier {
    source: Source,
    trail: Trail,
    ancestors: Ancestors,
    means: Means,
    /// For whatever is read: content, attributes, the targets of symlinks.
    buffer: Memory,
    sockets: u64,
}

/// A directory and its copy.
struct Place {
    from: OwnedFd,
    /// Of `from`, before anything in it was read.
    stat: Stat,
    to: OwnedFd,
    copy: Identity,
}

impl Copier {
    /// A copier for what lies at `path`.
    pub(crate) fn new(source: Source, path: &[u8]) -> Result<Self, Failure> {
        let trail = Trail::new(source.operation, path)?;
        let memory = Ancestors::new().and_then(|ancestors| Ok((ancestors, Memory::of_len(xattr::BUFFER)?)));
        let (ancestors, buffer) = memory.map_err(|errno| trail.step().failed("mmap", errno))?;
        Ok(Self { source, trail, ancestors, means: Means::Share, buffer, sockets: 0 })
    }

    /// How many sockets were left out so far: they mean nothing without the process that listens on them.
    pub(crate) fn sockets(&self) -> u64 {
        self.sockets
    }

    /// Copies the content of a file, which `stat` is of, into an empty one.
    pub(crate) fn copy_content(&mut self, from: &OwnedFd, to: &OwnedFd, stat: &Stat) -> Result<(), Failure> {
        self.means.copy(&self.trail.step(), from, to, stat, self.buffer.bytes_mut())
    }

    /// Copies the extended attributes of what is open.
    pub(crate) fn copy_attributes(&mut self, from: &OwnedFd, to: &OwnedFd) -> Result<(), Failure> {
        xattr::copy(&self.trail.step(), Node::Open(from), Node::Open(to), self.buffer.bytes_mut())
    }

    /// Copies everything in the directory `from` into the directory `to`, which is empty, except what `omit`
    /// says of its path. It is asked about nothing that lies beneath a path of which it says
    /// [`Omission::Nothing`], so that files cost nothing where there is nothing to omit.
    ///
    /// No recursion, and no more than two directories open, however deep it goes; see [`Ancestors`].
    #[inline(never)]
    pub(crate) fn copy_children(
        &mut self,
        from: &OwnedFd,
        to: &OwnedFd,
        omit: &Omit<'_>,
    ) -> Result<(), Failure> {
        let mut links = HardLinks::new(from, to);
        let mut here = Place::enter(&self.trail.step(), self.source.resolve, from, to, b".")?;
        #[cfg(feature = "system")]
        let mut is_new = true;
        // How many levels, from the topmost on, have something to omit.
        let mut asked = 1_usize;
        loop {
            let depth = self.ancestors.depth();
            let omit: Option<&Omit<'_>> = (depth < asked).then_some(omit);
            #[cfg(feature = "system")]
            let is_done = is_new && self.copy_files(&here, &mut links, omit)? == Directories::None;
            #[cfg(not(feature = "system"))]
            let is_done = false;
            let entered = if is_done { None } else { self.copy_entries(&here, &mut links, omit)? };
            #[cfg(feature = "system")]
            {
                is_new = entered.is_some();
            }
            if let Some((child, position, omission)) = entered {
                let ancestor = Ancestor { position, from: Identity::of(&here.stat), to: here.copy };
                let pushed = self.ancestors.push(ancestor);
                pushed.ok_or_else(|| self.trail.step().found(Finding::TooDeep))?;
                if omission == Omission::Beneath {
                    asked = asked.saturating_add(1);
                }
                here = child;
                continue;
            }
            let Some(ancestor) = self.ancestors.pop() else { break };
            let step = self.trail.step();
            copy_metadata(&step, &here.from, &here.to, &here.stat, &mut self.buffer)?;
            here = here.leave(&step, self.source.resolve, &ancestor)?;
            self.trail.pop();
            asked = asked.min(depth);
        }
        links.discard(&self.trail.step())
    }

    /// Copies what is in a directory, but for directories, and says whether there are some. It is to be read from its beginning
    /// then.
    ///
    /// In the order of inodes, many at a time: in that, ext4 finds their content on a disk one behind the other, while the order of a
    /// directory is that of a hash.
    #[cfg(feature = "system")]
    #[inline(never)]
    fn copy_files(
        &mut self,
        here: &Place,
        links: &mut HardLinks<'_>,
        omit: Option<&Omit<'_>>,
    ) -> Result<Directories, Failure> {
        let mut found = Directories::None;
        let mut batch = Batch::new();
        let mut buffer = [MaybeUninit::uninit(); ENTRIES];
        let mut entries = RawDir::new(&here.from, &mut buffer);
        loop {
            let entry = entries.next();
            if let Some(Ok(entry)) = &entry {
                let name = entry.file_name().to_bytes();
                if is_dot(name) {
                    continue;
                }
                let kind = self.kind_of(here, name, entry.file_type())?;
                if kind == FileType::Directory {
                    found = Directories::Some;
                    continue;
                }
                if batch.take(entry.ino(), kind, name) {
                    continue;
                }
            }
            for (name, kind) in batch.in_order() {
                self.copy_file(here, name, kind, links, omit)?;
            }
            batch.clear();
            match entry {
                Some(Ok(entry)) => {
                    batch.take(entry.ino(), entry.file_type(), entry.file_name().to_bytes());
                }
                Some(Err(errno)) => return Err(self.trail.step().failed("getdents64", errno)),
                None => break,
            }
        }
        if found == Directories::Some {
            self.trail.step().seek(&here.from, SeekFrom::Start(0))?;
        }
        Ok(found)
    }

    /// What `name` is, which the directory says is of type `expected`: some file systems do not say.
    #[cfg(feature = "system")]
    fn kind_of(&self, here: &Place, name: &[u8], expected: FileType) -> Result<FileType, Failure> {
        if expected != FileType::Unknown {
            return Ok(expected);
        }
        let stat = self.trail.step().stat_name(&here.from, name)?;
        Ok(stat.map_or(expected, |stat| file_type(&stat)))
    }

    #[cfg(feature = "system")]
    fn copy_file(
        &mut self,
        here: &Place,
        name: &[u8],
        kind: FileType,
        links: &mut HardLinks<'_>,
        omit: Option<&Omit<'_>>,
    ) -> Result<(), Failure> {
        self.trail.push(name);
        if omit.map_or(Omission::Nothing, |omit| omit(self.trail.path())) != Omission::All {
            self.copy_node(here, name, kind, links)?;
        }
        self.trail.pop();
        Ok(())
    }

    /// Copies what is left to read of a directory, up to the next directory in it. Returns this, which the
    /// trail leads to then, and where to read on after it.
    #[inline(never)]
    fn copy_entries(
        &mut self,
        here: &Place,
        links: &mut HardLinks<'_>,
        omit: Option<&Omit<'_>>,
    ) -> Result<Option<(Place, u64, Omission)>, Failure> {
        let mut buffer = [MaybeUninit::uninit(); ENTRIES];
        let mut entries = RawDir::new(&here.from, &mut buffer);
        while let Some(entry) = entries.next() {
            let entry = entry.map_err(|errno| self.trail.step().failed("getdents64", errno))?;
            let name = entry.file_name().to_bytes();
            if is_dot(name) {
                continue;
            }
            // All else was copied before.
            #[cfg(feature = "system")]
            if self.kind_of(here, name, entry.file_type())? != FileType::Directory {
                continue;
            }
            self.trail.push(name);
            let omission = omit.map_or(Omission::Nothing, |omit| omit(self.trail.path()));
            if omission != Omission::All && self.copy_node(here, name, entry.file_type(), links)? {
                let child =
                    Place::enter(&self.trail.step(), self.source.resolve, &here.from, &here.to, name)?;
                return Ok(Some((child, entry.next_entry_cookie(), omission)));
            }
            self.trail.pop();
        }
        Ok(None)
    }

    /// Copies what `name` is, which the directory says is of type `expected`. Of a directory, only an empty
    /// one is made; says whether it is one.
    #[inline(never)]
    fn copy_node(
        &mut self,
        here: &Place,
        name: &[u8],
        expected: FileType,
        links: &mut HardLinks<'_>,
    ) -> Result<bool, Failure> {
        let step = self.trail.step();
        let look = || step.stat_name(&here.from, name)?.ok_or_else(|| step.found(Finding::Changed));
        // Some file systems do not say what an entry is.
        let kind = if expected == FileType::Unknown { file_type(&look()?) } else { expected };
        if kind == FileType::Directory {
            step.make_directory(&here.to, name, Mode::RWXU)?;
            return Ok(true);
        }
        let mut file = None;
        if kind == FileType::RegularFile {
            let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY;
            file = Some(step.open(&here.from, name, flags, Mode::empty(), self.source.resolve)?);
        }
        let stat = &file.as_ref().map_or_else(look, |file| step.stat(file))?;
        if file_type(stat) != kind {
            return Err(step.found(Finding::Changed));
        }
        let has_other_names = stat.st_nlink > 1;
        if has_other_names && links.link(&step, stat, &here.to, name)? {
            return Ok(false);
        }
        match (kind, &file) {
            (FileType::Socket, _) => {
                self.sockets = self.sockets.saturating_add(1);
                return Ok(false);
            }
            (_, Some(from)) => {
                let made = create_file(&step, &here.to, name)?;
                self.means.copy(&step, from, &made, stat, self.buffer.bytes_mut())?;
                copy_metadata(&step, from, &made, stat, &mut self.buffer)?;
            }
            (FileType::Symlink, _) => {
                copy_target(&step, here, name, &mut self.buffer)?;
                copy_named_metadata(&step, here, name, stat, &mut self.buffer)?;
            }
            _ => {
                mknodat(&here.to, Room::new().terminated(name), kind, Mode::RUSR, stat.st_rdev)
                    .map_err(|errno| step.failed("mknodat", errno))?;
                copy_named_metadata(&step, here, name, stat, &mut self.buffer)?;
            }
        }
        if has_other_names {
            links.keep(&step, stat, &here.to, name)?;
        }
        Ok(false)
    }
}

impl Place {
    /// Opens the directory `name` on both sides.
    fn enter(
        step: &Step<'_>,
        resolve: ResolveFlags,
        from: &OwnedFd,
        to: &OwnedFd,
        name: &[u8],
    ) -> Result<Self, Failure> {
        let from = step.open(from, name, DIRECTORY, Mode::empty(), resolve)?;
        let stat = step.stat(&from)?;
        let to = open_directory(step, to, name)?;
        let copy = Identity::of(&step.stat(&to)?);
        Ok(Self { from, stat, to, copy })
    }

    /// Goes back to the directory above, which has to be the one that it was entered from.
    fn leave(&self, step: &Step<'_>, resolve: ResolveFlags, above: &Ancestor) -> Result<Self, Failure> {
        let open =
            |dir| step.open(dir, b"..", DIRECTORY, Mode::empty(), resolve.difference(ResolveFlags::BENEATH));
        let (from, to) = (open(&self.from)?, open(&self.to)?);
        let stat = step.stat(&from)?;
        let copy = Identity::of(&step.stat(&to)?);
        if Identity::of(&stat) != above.from || copy != above.to {
            return Err(step.found(Finding::Changed));
        }
        step.seek(&from, SeekFrom::Start(above.position))?;
        Ok(Self { from, stat, to, copy })
    }
}

/// Makes a symlink with the target of the original's.
fn copy_target(step: &Step<'_>, here: &Place, name: &[u8], buffer: &mut Memory) -> Result<(), Failure> {
    let buffer = buffer.bytes_mut().get_mut(..TARGET).unwrap_or_default();
    let len = readlinkat_raw(&here.from, Room::new().terminated(name), &mut *buffer)
        .map_err(|errno| step.failed("readlinkat", errno))?;
    // No target fills the buffer: it is one byte longer than the longest.
    step.make_link(buffer.get(..len).unwrap_or_default(), &here.to, name)
}

/// Owner first, since a change of owner drops privileged bits and capabilities; times last, since everything
/// else sets them.
#[inline(never)]
fn copy_metadata(
    step: &Step<'_>,
    from: &OwnedFd,
    to: &OwnedFd,
    stat: &Stat,
    buffer: &mut Memory,
) -> Result<(), Failure> {
    step.change_owner(to, b"", stat.st_uid, stat.st_gid)?;
    xattr::copy(step, Node::Open(from), Node::Open(to), buffer.bytes_mut())?;
    step.change_mode(to, stat.st_mode & 0o7777)?;
    step.set_times(to, &times(stat))
}

/// The same for what cannot be opened without effect.
#[inline(never)]
fn copy_named_metadata(
    step: &Step<'_>,
    here: &Place,
    name: &[u8],
    stat: &Stat,
    buffer: &mut Memory,
) -> Result<(), Failure> {
    step.change_owner(&here.to, name, stat.st_uid, stat.st_gid)?;
    xattr::copy(step, Node::Named(&here.from, name), Node::Named(&here.to, name), buffer.bytes_mut())?;
    // A symlink has no mode of its own.
    if file_type(stat) != FileType::Symlink {
        chmodat(
            &here.to,
            Room::new().terminated(name),
            Mode::from_raw_mode(stat.st_mode & 0o7777),
            AtFlags::empty(),
        )
        .map_err(|errno| step.failed("fchmodat", errno))?;
    }
    utimensat(&here.to, Room::new().terminated(name), &times(stat), AtFlags::SYMLINK_NOFOLLOW)
        .map_err(|errno| step.failed("utimensat", errno))
}

/// Makes a file that only root can open until it has its owner and mode.
pub(crate) fn create_file(step: &Step<'_>, dir: &OwnedFd, name: &[u8]) -> Result<OwnedFd, Failure> {
    step.create(dir, name, Mode::RUSR | Mode::WUSR)
}

/// Times of access and of change of content, to the nanosecond.
#[allow(
    clippy::cast_possible_wrap,
    clippy::cast_lossless,
    clippy::unnecessary_cast,
    reason = "nanoseconds are below 1e9; their type has another sign in the backend that Miri runs, and another width on 32 bits"
)]
pub(crate) fn times(stat: &Stat) -> Timestamps {
    Timestamps {
        last_access: Timespec { tv_sec: stat.st_atime, tv_nsec: stat.st_atime_nsec as i64 },
        last_modification: Timespec { tv_sec: stat.st_mtime, tv_nsec: stat.st_mtime_nsec as i64 },
    }
}
