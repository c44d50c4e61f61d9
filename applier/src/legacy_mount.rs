//! Mounts on kernels without `mount_setattr`, before Linux 5.12: with `mount(2)`.
//!
//! All of that is in this file, so that it can go with the last of these kernels. `mount(2)` makes attached mounts
//! only. So each is made on a *stage*, a private tmpfs in the run directory, gets its options there, and is moved
//! to its target when it is complete, as a detached one would be: there it is never without its options. What is
//! opened is named to `mount(2)` by `/proc/self/fd`, so that no path is walked a second time.

use core::ffi::CStr;
use core::mem::ManuallyDrop;

use linux_raw_sys::general::{
    MS_BIND, MS_MOVE, MS_NOATIME, MS_NODEV, MS_NOEXEC, MS_NOSUID, MS_NOSYMFOLLOW, MS_PRIVATE, MS_RDONLY,
    MS_REC, MS_REMOUNT,
};
use rustix::fd::OwnedFd;
use rustix::fs::{AtFlags, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;
use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};
use state_schema::{Kind, MountOptions};

use crate::failure::Failure;
use crate::path::{NumberName, PathBuf, Room};
use crate::step::Step;
use crate::store::PRIVATE;

/// In the run directory: where the stage is, as long as this program runs.
const STAGE: &[u8] = b"stage";

/// On the stage: where mounts of directories are made, of files, and where the image's content stays.
const DIRECTORY: &[u8] = b"directory";
const FILE: &[u8] = b"file";
const FACTORY: &[u8] = b"factory";

/// What each option is called by `mount(2)`, and by `statfs(2)` where that is another bit (`ST_NOSYMFOLLOW`).
const FLAGS: [(MountOptions, u32, u32); 5] = [
    (MountOptions::NOSUID, MS_NOSUID, MS_NOSUID),
    (MountOptions::NODEV, MS_NODEV, MS_NODEV),
    (MountOptions::NOEXEC, MS_NOEXEC, MS_NOEXEC),
    (MountOptions::NOATIME, MS_NOATIME, MS_NOATIME),
    (MountOptions::NOSYMFOLLOW, MS_NOSYMFOLLOW, SHOWN_NOSYMFOLLOW),
];
const SHOWN_NOSYMFOLLOW: u32 = 0x2000;

/// Where mounts are made on a kernel that cannot make them detached.
pub(crate) struct Stage {
    root: ManuallyDrop<OwnedFd>,
}

impl Stage {
    /// Sets the stage in the run directory.
    pub(crate) fn set(run: &OwnedFd) -> Result<Self, Failure> {
        let step = Step::new("stage mounts, which needs /proc, in", STAGE);
        step.make_missing_directory(run, STAGE, PRIVATE)?;
        let open = || open(&step, run, STAGE);
        // A run that was killed may have left one; usually there is nothing to unmount.
        let _ = detach(&step, &open()?);
        call(&step, b"sysota", &open()?, c"tmpfs", 0, b"mode=0700")?;
        let root = open()?;
        // What is mounted where mounts are shared can neither be moved away nor made in private.
        call(&step, b"", &root, c"", MS_PRIVATE, b"")?;
        step.make_directory(&root, DIRECTORY, PRIVATE)?;
        step.make_directory(&root, FACTORY, PRIVATE)?;
        step.create(&root, FILE, PRIVATE)?;
        Ok(Self { root: ManuallyDrop::new(root) })
    }

    /// Takes the stage away, with what was not moved from it.
    pub(crate) fn clear(&self, run: &OwnedFd) -> Result<(), Failure> {
        let step = Step::new("clear", STAGE);
        detach(&step, &self.root)?;
        step.remove(run, STAGE, AtFlags::REMOVEDIR)
    }

    /// A mount of what is opened.
    pub(crate) fn clone_mount(&self, step: &Step<'_>, source: &OwnedFd) -> Result<OwnedFd, Failure> {
        let is_directory = step.look(source)?.is_a(Kind::Directory);
        self.bind(step, source, if is_directory { DIRECTORY } else { FILE }, MS_BIND)
    }

    /// A private, read-only mount of the image's root, with what is mounted inside it if that is wanted. It
    /// stays on the stage: without a place, it would lose what is mounted inside.
    ///
    /// Those inner mounts are as writable as they are in the image; nothing writes through this one.
    pub(crate) fn clone_tree(
        &self,
        step: &Step<'_>,
        root: &OwnedFd,
        is_recursive: bool,
    ) -> Result<OwnedFd, Failure> {
        let tree = self.bind(step, root, FACTORY, if is_recursive { MS_BIND | MS_REC } else { MS_BIND })?;
        remount(step, &tree, MS_RDONLY)?;
        call(step, b"", &tree, c"", MS_PRIVATE | MS_REC, b"")?;
        Ok(tree)
    }

    /// Adds `options` to those of a mount on the stage, and makes it private.
    #[expect(clippy::unused_self, reason = "without a stage there is none")]
    pub(crate) fn set_options(
        &self,
        step: &Step<'_>,
        mount: &OwnedFd,
        options: MountOptions,
    ) -> Result<(), Failure> {
        let (add, shown) = FLAGS
            .iter()
            .filter(|(option, ..)| options.contains(*option))
            .fold((0, 0), |(add, shown), (_, flag, as_shown)| (add | flag, shown | as_shown));
        remount(step, mount, add)?;
        // Kernels ignore what they do not know: `nosymfollow` before Linux 5.10.
        if step.mount_flags(mount)? & shown != shown {
            return Err(step.failed("mount", Errno::OPNOTSUPP));
        }
        call(step, b"", mount, c"", MS_PRIVATE, b"")
    }

    /// Moves a mount from the stage to an opened place.
    #[expect(clippy::unused_self, reason = "without a stage there is none")]
    pub(crate) fn attach(&self, step: &Step<'_>, mount: &OwnedFd, place: &OwnedFd) -> Result<(), Failure> {
        call(step, NumberName::of_descriptor(mount).bytes(), place, c"", MS_MOVE, b"")
    }

    fn bind(&self, step: &Step<'_>, source: &OwnedFd, name: &[u8], flags: u32) -> Result<OwnedFd, Failure> {
        self.mount(step, NumberName::of_descriptor(source).bytes(), name, c"", flags, b"")
    }

    /// Makes a mount at a place of the stage, and opens it.
    fn mount(
        &self,
        step: &Step<'_>,
        source: &[u8],
        name: &[u8],
        fstype: &CStr,
        flags: u32,
        options: &[u8],
    ) -> Result<OwnedFd, Failure> {
        call(step, source, &open(step, &self.root, name)?, fstype, flags, options)?;
        open(step, &self.root, name)
    }
}

/// A file system that is being configured.
pub(crate) struct FileSystem<'s> {
    stage: &'s Stage,
    fstype: &'s CStr,
    /// As `mount(2)` takes them: `key=value,` for each.
    options: PathBuf,
}

impl<'s> FileSystem<'s> {
    pub(crate) fn new(stage: &'s Stage, fstype: &'s CStr) -> Self {
        Self { stage, fstype, options: PathBuf::new() }
    }

    pub(crate) fn set(&mut self, step: &Step<'_>, key: &CStr, value: &[u8]) -> Result<(), Failure> {
        [key.to_bytes(), b"=", value, b","]
            .iter()
            .try_for_each(|part| self.options.append(part))
            .map_err(|errno| step.failed("mount", errno))
    }

    /// Makes the file system and a mount of it.
    pub(crate) fn mount(&self, step: &Step<'_>, source: &[u8]) -> Result<OwnedFd, Failure> {
        self.stage.mount(step, source, DIRECTORY, self.fstype, 0, self.options.bytes())
    }
}

/// Adds flags to those of a mount. How it treats access times stays as it is unless they say so.
#[inline(never)]
fn remount(step: &Step<'_>, mount: &OwnedFd, add: u32) -> Result<(), Failure> {
    let shown = step.mount_flags(mount)?;
    let mut had = shown & (MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC);
    if shown & SHOWN_NOSYMFOLLOW != 0 {
        had |= MS_NOSYMFOLLOW;
    }
    call(step, b"", mount, c"", MS_REMOUNT | MS_BIND | had | add, b"")
}

/// Opens what is on top at a name of ours, be it mounted there.
#[inline(never)]
fn open(step: &Step<'_>, dir: &OwnedFd, name: &[u8]) -> Result<OwnedFd, Failure> {
    step.open(dir, name, OFlags::PATH, Mode::empty(), ResolveFlags::NO_SYMLINKS)
}

#[inline(never)]
fn detach(step: &Step<'_>, place: &OwnedFd) -> Result<(), Failure> {
    let mut room = Room::new();
    unmount(room.terminated(NumberName::of_descriptor(place).bytes()), UnmountFlags::DETACH)
        .map_err(|errno| step.failed("umount2", errno))
}

/// `mount(2)` on what is opened.
#[inline(never)]
fn call(
    step: &Step<'_>,
    source: &[u8],
    place: &OwnedFd,
    fstype: &CStr,
    flags: u32,
    options: &[u8],
) -> Result<(), Failure> {
    let mut rooms = [Room::new(), Room::new(), Room::new()];
    let [source_room, place_room, options_room] = &mut rooms;
    let place = place_room.terminated(NumberName::of_descriptor(place).bytes());
    let (source, options) = (source_room.terminated(source), options_room.terminated(options));
    // They are wider in the backend that Miri runs.
    mount(source, place, fstype, MountFlags::from_bits_retain(flags as _), options)
        .map_err(|errno| step.failed("mount", errno))
}
