//! One step, and the system calls that it is made of.
//!
//! Each call is compiled once, here, with what has to be said when it fails. In their places, inlined, they
//! took up half the program.

use core::ffi::CStr;

use rustix::fd::{AsRawFd as _, OwnedFd};
use rustix::fs::{
    AtFlags, Mode, OFlags, RenameFlags, ResolveFlags, SeekFrom, Stat, StatFs, Statx, StatxFlags, Timestamps,
    chownat, fchmod, fstat, fstatfs, fsync, futimens, mkdirat, openat2, renameat_with, seek, statat, statx,
    syncfs, unlinkat,
};
use rustix::io::Errno;
use rustix::mount::{MoveMountFlags, OpenTreeFlags, move_mount, open_tree};
use rustix::process::{Gid, Uid};

use crate::failure::{Failure, Finding};
use crate::file;
use crate::legacy_mount::{self, Stage};
use crate::path::{NumberName, PathBuf};

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
    #[cold]
    #[inline(never)]
    pub(crate) fn failed(&self, call: &'static str, errno: Errno) -> Failure {
        Failure::call(self.operation, self.path, call, errno)
    }

    /// The failure when something is not what it has to be.
    #[cold]
    #[inline(never)]
    pub(crate) fn found(&self, finding: Finding) -> Failure {
        Failure::found(self.operation, self.path, finding)
    }

    /// Makes a path for the kernel, of `parts` one after the other, in `path`, which is empty.
    #[inline(never)]
    pub(crate) fn path<'b>(&self, path: &'b mut PathBuf, parts: &[&[u8]]) -> Done<&'b CStr> {
        for part in parts {
            path.append(part).map_err(|errno| self.failed("openat2", errno))?;
        }
        Ok(path.as_c_str())
    }

    /// Makes a path in `path`, which is empty, that names an opened file to calls which take paths only.
    /// Needs `/proc`.
    #[inline(never)]
    pub(crate) fn descriptor<'b>(&self, path: &'b mut PathBuf, fd: &OwnedFd) -> Done<&'b CStr> {
        let number = NumberName::new(u64::from(fd.as_raw_fd().unsigned_abs()));
        self.path(path, &[b"/proc/self/fd/", number.as_c_str().to_bytes()])
    }

    #[inline(never)]
    pub(crate) fn open(
        &self,
        dir: &OwnedFd,
        path: &CStr,
        flags: OFlags,
        mode: Mode,
        resolve: ResolveFlags,
    ) -> Done<OwnedFd> {
        openat2(dir, path, flags | OFlags::NOFOLLOW | OFlags::CLOEXEC, mode, resolve)
            .map_err(|errno| self.failed("openat2", errno))
    }

    /// Opens what may not be there.
    #[inline(never)]
    pub(crate) fn open_existing(
        &self,
        dir: &OwnedFd,
        path: &CStr,
        flags: OFlags,
        resolve: ResolveFlags,
    ) -> Done<Option<OwnedFd>> {
        match openat2(dir, path, flags | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty(), resolve) {
            Ok(fd) => Ok(Some(fd)),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(self.failed("openat2", errno)),
        }
    }

    #[inline(never)]
    pub(crate) fn stat(&self, fd: &OwnedFd) -> Done<Stat> {
        fstat(fd).map_err(|errno| self.failed("fstat", errno))
    }

    /// Looks at a name without following it; `None` when there is nothing.
    #[inline(never)]
    pub(crate) fn stat_name(&self, dir: &OwnedFd, name: &CStr) -> Done<Option<Stat>> {
        match statat(dir, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(stat)),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(self.failed("newfstatat", errno)),
        }
    }

    /// Looks at an opened file with its mount.
    #[inline(never)]
    pub(crate) fn statx(&self, fd: &OwnedFd) -> Done<Statx> {
        statx(fd, c"", AtFlags::EMPTY_PATH, StatxFlags::BASIC_STATS | StatxFlags::MNT_ID)
            .map_err(|errno| self.failed("statx", errno))
    }

    #[inline(never)]
    pub(crate) fn statfs(&self, fd: &OwnedFd) -> Done<StatFs> {
        fstatfs(fd).map_err(|errno| self.failed("fstatfs", errno))
    }

    #[inline(never)]
    pub(crate) fn make_directory(&self, dir: &OwnedFd, name: &CStr, mode: Mode) -> Done {
        mkdirat(dir, name, mode).map_err(|errno| self.failed("mkdirat", errno))
    }

    /// Makes a directory unless there is something of its name.
    #[inline(never)]
    pub(crate) fn make_missing_directory(&self, dir: &OwnedFd, name: &CStr, mode: Mode) -> Done {
        match mkdirat(dir, name, mode) {
            Ok(()) | Err(Errno::EXIST) => Ok(()),
            Err(errno) => Err(self.failed("mkdirat", errno)),
        }
    }

    /// Makes a new file.
    #[inline(never)]
    pub(crate) fn create(&self, dir: &OwnedFd, name: &CStr, mode: Mode) -> Done<OwnedFd> {
        self.open(dir, name, OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL, mode, ResolveFlags::BENEATH)
    }

    #[inline(never)]
    pub(crate) fn write(&self, file: &OwnedFd, bytes: &[u8]) -> Done {
        file::write_all(file, bytes).map_err(|errno| self.failed("write", errno))
    }

    #[inline(never)]
    pub(crate) fn read_up_to(&self, file: &OwnedFd, buffer: &mut [u8]) -> Done<usize> {
        file::read_up_to(file, buffer).map_err(|errno| self.failed("read", errno))
    }

    #[inline(never)]
    pub(crate) fn sync(&self, file: &OwnedFd) -> Done {
        fsync(file).map_err(|errno| self.failed("fsync", errno))
    }

    #[inline(never)]
    pub(crate) fn sync_file_system(&self, of: &OwnedFd) -> Done {
        syncfs(of).map_err(|errno| self.failed("syncfs", errno))
    }

    /// Moves `name` in `from` to `new_name` in `to`, where nothing may be.
    #[inline(never)]
    pub(crate) fn rename(&self, from: &OwnedFd, name: &CStr, to: &OwnedFd, new_name: &CStr) -> Done {
        renameat_with(from, name, to, new_name, RenameFlags::NOREPLACE)
            .map_err(|errno| self.failed("renameat2", errno))
    }

    /// Removes a file, or with the flag a directory; there may be none.
    #[inline(never)]
    pub(crate) fn remove(&self, dir: &OwnedFd, name: &CStr, flags: AtFlags) -> Done {
        match unlinkat(dir, name, flags) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(errno) => Err(self.failed("unlinkat", errno)),
        }
    }

    /// Sets the owner of an opened file, or of `name` in an opened directory.
    #[inline(never)]
    pub(crate) fn change_owner(&self, dir: &OwnedFd, name: &CStr, uid: u32, gid: u32) -> Done {
        let flags = AtFlags::EMPTY_PATH | AtFlags::SYMLINK_NOFOLLOW;
        chownat(dir, name, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)), flags)
            .map_err(|errno| self.failed("fchownat", errno))
    }

    #[inline(never)]
    pub(crate) fn change_mode(&self, file: &OwnedFd, mode: u32) -> Done {
        fchmod(file, Mode::from_raw_mode(mode)).map_err(|errno| self.failed("fchmod", errno))
    }

    #[inline(never)]
    pub(crate) fn set_times(&self, file: &OwnedFd, times: &Timestamps) -> Done {
        futimens(file, times).map_err(|errno| self.failed("utimensat", errno))
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
        if stage.is_some() {
            return legacy_mount::attach(self, mount, place);
        }
        let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH;
        move_mount(mount, c"", place, c"", flags).map_err(|errno| self.failed("move_mount", errno))
    }
}
