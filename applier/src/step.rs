//! One step, and the system calls that it is made of.
//!
//! Each call is compiled once, here, with what has to be said when it fails. In their places, inlined, they
//! took up half the program.

use rustix::fd::OwnedFd;
use rustix::fs::{
    AtFlags, Mode, OFlags, RenameFlags, ResolveFlags, SeekFrom, Stat, StatxFlags, Timestamps, chownat,
    fchmod, fstat, fstatfs, fsync, futimens, mkdirat, openat2, renameat_with, seek, statat, statx, symlinkat,
    syncfs, unlinkat,
};
use rustix::io::Errno;
use rustix::mount::{MoveMountFlags, OpenTreeFlags, move_mount, open_tree};
use rustix::process::{Gid, Uid};

use crate::beneath::Look;
use crate::failure::{Failure, Finding};
use crate::file;
use crate::legacy_mount::Stage;
use crate::memory::Memory;
use crate::path::Room;

/// What is being done, and to what.
#[derive(Clone, Copy)]
pub(crate) struct Step<'p> {
    /// As it follows "cannot": `open the target`.
    operation: &'static str,
    /// Relative to the root, the store or sys-data, whichever the operation names.
    path: &'p [u8],
}

type Done<T = ()> = Result<T, Failure>;

impl<'p> Step<'p> {
    pub(crate) fn new(operation: &'static str, path: &'p [u8]) -> Self {
        Self { operation, path }
    }

    /// The failure of a call.
    #[inline(never)]
    pub(crate) fn failed(&self, call: &'static str, errno: Errno) -> Failure {
        Failure::call(self.operation, self.path, call, errno)
    }

    /// What came of a call.
    #[inline(never)]
    fn told(&self, call: &'static str, result: Result<(), Errno>) -> Done {
        result.map_err(|errno| self.failed(call, errno))
    }

    /// The failure of copying an extended attribute.
    #[inline(never)]
    pub(crate) fn attribute(&self, name: &[u8], errno: Errno) -> Failure {
        Failure::attribute(self.operation, self.path, name, errno)
    }

    /// The failure when something is not what it has to be.
    #[inline(never)]
    pub(crate) fn found(&self, finding: Finding) -> Failure {
        Failure::found(self.operation, self.path, finding)
    }

    #[inline(never)]
    pub(crate) fn open(
        &self,
        dir: &OwnedFd,
        path: &[u8],
        flags: OFlags,
        mode: Mode,
        resolve: ResolveFlags,
    ) -> Done<OwnedFd> {
        open(dir, path, flags, mode, resolve).map_err(|errno| self.failed("openat2", errno))
    }

    /// Opens what may not be there.
    #[inline(never)]
    pub(crate) fn open_existing(
        &self,
        dir: &OwnedFd,
        path: &[u8],
        flags: OFlags,
        resolve: ResolveFlags,
    ) -> Done<Option<OwnedFd>> {
        match open(dir, path, flags, Mode::empty(), resolve) {
            Ok(fd) => Ok(Some(fd)),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(self.failed("openat2", errno)),
        }
    }

    /// Opens what may not be there, nor a directory on the way to it.
    #[cfg(feature = "system")]
    #[inline(never)]
    pub(crate) fn open_reachable(
        &self,
        dir: &OwnedFd,
        path: &[u8],
        flags: OFlags,
        resolve: ResolveFlags,
    ) -> Done<Option<OwnedFd>> {
        match open(dir, path, flags, Mode::empty(), resolve) {
            Ok(fd) => Ok(Some(fd)),
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => Ok(None),
            Err(errno) => Err(self.failed("openat2", errno)),
        }
    }

    #[inline(never)]
    pub(crate) fn stat(&self, fd: &OwnedFd) -> Done<Stat> {
        fstat(fd).map_err(|errno| self.failed("fstat", errno))
    }

    /// Looks at a name without following it; `None` when there is nothing.
    #[inline(never)]
    pub(crate) fn stat_name(&self, dir: &OwnedFd, name: &[u8]) -> Done<Option<Stat>> {
        match statat(dir, Room::new().terminated(name), AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(stat)),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(self.failed("newfstatat", errno)),
        }
    }

    /// Looks at what is opened, which may have been put there by somebody else.
    #[inline(never)]
    pub(crate) fn look(&self, fd: &OwnedFd) -> Done<Look> {
        match statx(fd, c"", AtFlags::EMPTY_PATH, StatxFlags::BASIC_STATS) {
            Ok(stat) => Ok(Look::of(&stat)),
            Err(errno) => Err(self.failed("statx", errno)),
        }
    }

    /// Whether what is opened is where a mount begins.
    pub(crate) fn is_mount_root(&self, fd: &OwnedFd) -> Done<bool> {
        Ok(self.look(fd)?.is_mount_root)
    }

    /// Whether what is opened lies on a file system of this type.
    #[inline(never)]
    pub(crate) fn is_of_type(&self, fd: &OwnedFd, magic: u32) -> Done<bool> {
        // The type of the field has another width and sign on each architecture.
        fstatfs(fd)
            .map(|stat| i128::from(stat.f_type) == i128::from(magic))
            .map_err(|errno| self.failed("fstatfs", errno))
    }

    /// The flags of the mount that is opened, as `statfs(2)` shows them: all are in the lower half of a field whose
    /// width and sign differ by architecture.
    #[inline(never)]
    pub(crate) fn mount_flags(&self, fd: &OwnedFd) -> Done<u32> {
        fstatfs(fd)
            .map(|stat| u32::try_from(stat.f_flags).unwrap_or_default())
            .map_err(|errno| self.failed("fstatfs", errno))
    }

    #[inline(never)]
    pub(crate) fn make_directory(&self, dir: &OwnedFd, name: &[u8], mode: Mode) -> Done {
        self.told("mkdirat", make_directory(dir, name, mode))
    }

    /// Makes a directory unless there is something of its name.
    #[inline(never)]
    pub(crate) fn make_missing_directory(&self, dir: &OwnedFd, name: &[u8], mode: Mode) -> Done {
        match make_directory(dir, name, mode) {
            Ok(()) | Err(Errno::EXIST) => Ok(()),
            Err(errno) => Err(self.failed("mkdirat", errno)),
        }
    }

    /// Makes a new file.
    #[inline(never)]
    pub(crate) fn create(&self, dir: &OwnedFd, name: &[u8], mode: Mode) -> Done<OwnedFd> {
        self.open(dir, name, OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL, mode, ResolveFlags::BENEATH)
    }

    #[inline(never)]
    pub(crate) fn write(&self, file: &OwnedFd, bytes: &[u8]) -> Done {
        self.told("write", file::write_all(file, bytes))
    }

    #[inline(never)]
    pub(crate) fn read_up_to(&self, file: &OwnedFd, buffer: &mut [u8]) -> Done<usize> {
        file::read_up_to(file, buffer).map_err(|errno| self.failed("read", errno))
    }

    /// Reads the first `len` bytes of a file. What it does not have, if it was shortened, is zeroes.
    #[inline(never)]
    pub(crate) fn read_all(&self, file: &OwnedFd, len: usize) -> Done<Memory> {
        let mut content = Memory::of_len(len).map_err(|errno| self.failed("mmap", errno))?;
        self.read_up_to(file, content.bytes_mut())?;
        Ok(content)
    }

    #[inline(never)]
    pub(crate) fn sync(&self, file: &OwnedFd) -> Done {
        self.told("fsync", fsync(file))
    }

    #[inline(never)]
    pub(crate) fn sync_file_system(&self, of: &OwnedFd) -> Done {
        self.told("syncfs", syncfs(of))
    }

    /// Moves `name` in `from` to `new_name` in `to`, where nothing may be.
    #[inline(never)]
    pub(crate) fn rename(&self, from: &OwnedFd, name: &[u8], to: &OwnedFd, new_name: &[u8]) -> Done {
        self.told("renameat2", rename(from, name, to, new_name))
    }

    /// Moves `name` in `from` to `new_name` in `to`, in place of what is there.
    #[cfg(feature = "system")]
    pub(crate) fn replace(&self, from: &OwnedFd, name: &[u8], to: &OwnedFd, new_name: &[u8]) -> Done {
        let (mut room, mut new_room) = (Room::new(), Room::new());
        let (name, new_name) = (room.terminated(name), new_room.terminated(new_name));
        renameat_with(from, name, to, new_name, RenameFlags::empty())
            .map_err(|errno| self.failed("renameat2", errno))
    }

    /// Makes a symlink.
    #[inline(never)]
    pub(crate) fn make_link(&self, target: &[u8], dir: &OwnedFd, name: &[u8]) -> Done {
        self.told("symlinkat", symlinkat(Room::new().terminated(target), dir, Room::new().terminated(name)))
    }

    /// Removes a file, or with the flag a directory; there may be none.
    #[inline(never)]
    pub(crate) fn remove(&self, dir: &OwnedFd, name: &[u8], flags: AtFlags) -> Done {
        match remove(dir, name, flags) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(errno) => Err(self.failed("unlinkat", errno)),
        }
    }

    /// Sets the owner of an opened file, or of `name` in an opened directory.
    #[inline(never)]
    pub(crate) fn change_owner(&self, dir: &OwnedFd, name: &[u8], uid: u32, gid: u32) -> Done {
        let flags = AtFlags::EMPTY_PATH | AtFlags::SYMLINK_NOFOLLOW;
        let (uid, gid) = (Uid::from_raw(uid), Gid::from_raw(gid));
        self.told("fchownat", chownat(dir, Room::new().terminated(name), Some(uid), Some(gid), flags))
    }

    #[inline(never)]
    pub(crate) fn change_mode(&self, file: &OwnedFd, mode: u32) -> Done {
        self.told("fchmod", fchmod(file, Mode::from_raw_mode(mode)))
    }

    #[inline(never)]
    pub(crate) fn set_times(&self, file: &OwnedFd, times: &Timestamps) -> Done {
        self.told("utimensat", futimens(file, times))
    }

    #[inline(never)]
    pub(crate) fn seek(&self, file: &OwnedFd, to: SeekFrom) -> Done<u64> {
        seek(file, to).map_err(|errno| self.failed("lseek", errno))
    }

    /// A clone of the mount at an opened place, showing this place as its root: detached, or on a stage.
    #[inline(never)]
    pub(crate) fn clone_mount(
        &self,
        stage: Option<&Stage>,
        place: &OwnedFd,
        flags: OpenTreeFlags,
    ) -> Done<OwnedFd> {
        if let Some(stage) = stage {
            return stage.clone_mount(self, place);
        }
        let flags = flags
            | OpenTreeFlags::OPEN_TREE_CLONE
            | OpenTreeFlags::OPEN_TREE_CLOEXEC
            | OpenTreeFlags::AT_EMPTY_PATH;
        open_tree(place, c"", flags).map_err(|errno| self.failed("open_tree", errno))
    }

    /// Attaches a mount that is detached, or on a stage, to an opened place.
    #[inline(never)]
    pub(crate) fn attach(&self, stage: Option<&Stage>, mount: &OwnedFd, place: &OwnedFd) -> Done {
        if let Some(stage) = stage {
            return stage.attach(self, mount, place);
        }
        let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH;
        self.told("move_mount", move_mount(mount, c"", place, c"", flags))
    }
}

// The calls that are also made where it depends on more than one errno what to do.

/// Opens `path` in `dir`, which is no link itself.
#[inline(never)]
fn open(
    dir: &OwnedFd,
    path: &[u8],
    flags: OFlags,
    mode: Mode,
    resolve: ResolveFlags,
) -> Result<OwnedFd, Errno> {
    let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    openat2(dir, Room::new().terminated(path), flags, mode, resolve)
}

#[inline(never)]
fn make_directory(dir: &OwnedFd, name: &[u8], mode: Mode) -> Result<(), Errno> {
    mkdirat(dir, Room::new().terminated(name), mode)
}

/// Moves `name` in `from` to `new_name` in `to`, where nothing may be.
#[inline(never)]
pub(crate) fn rename(from: &OwnedFd, name: &[u8], to: &OwnedFd, new_name: &[u8]) -> Result<(), Errno> {
    let (mut room, mut new_room) = (Room::new(), Room::new());
    let (name, new_name) = (room.terminated(name), new_room.terminated(new_name));
    renameat_with(from, name, to, new_name, RenameFlags::NOREPLACE)
}

/// Removes a file, or with the flag a directory.
#[inline(never)]
pub(crate) fn remove(dir: &OwnedFd, name: &[u8], flags: AtFlags) -> Result<(), Errno> {
    unlinkat(dir, Room::new().terminated(name), flags)
}
