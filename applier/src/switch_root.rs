//! Leaving the initramfs for the image.

use core::convert::Infallible;

use linux_raw_sys::general::{RAMFS_MAGIC, TMPFS_MAGIC};
use rustix::fd::OwnedFd;
use rustix::fs::{Mode, OFlags, openat};
use rustix::io::Errno;
use rustix::process::{chdir, chroot, fchdir, umask};

use crate::beneath::DIRECTORY;
use crate::failure::{Failure, Finding};
use crate::file::{self, Root};
use crate::path::Room;
use crate::refusal::Refusal;
use crate::run::{Process, say};
use crate::show::Show as _;
use crate::step::Step;
use crate::work::discard_all;

/// What the image gets of the initramfs: where the kernel is talked to, and where this boot's own things are.
pub(crate) const KEPT: [&[u8]; 4] = [b"/dev", b"/proc", b"/sys", b"/run"];

/// Where an image has its first program, in the kernel's order. Without its `/bin/sh`: who wants one asks for it.
const PROGRAMS: [&[u8]; 3] = [b"/sbin/init", b"/etc/init", b"/bin/init"];

/// Makes the root at `place` the root of all, and becomes `init`, or the image's own first program.
pub(crate) fn switch_root(
    place: &[u8],
    init: Option<&[u8]>,
    process: &mut dyn Process,
) -> Result<Infallible, Refusal> {
    let old =
        file::open_directory(b"/").map_err(|errno| Step::new("open the root", b"/").failed("open", errno))?;
    let root = Root::open(place)?;
    for kept in KEPT {
        move_mount(kept, &root)?;
    }
    enter(&root, place)?;
    // The memory that it takes, which nobody finds again.
    if let Err(failure) = discard_initramfs(&old) {
        say(process, |line| failure.account().show(line));
    }
    umask(Mode::from_raw_mode(0o022));
    become_init(init, process)
}

/// Moves a mount to its place in the image.
pub(crate) fn move_mount(path: &[u8], root: &Root) -> Result<(), Failure> {
    let step = Step::new("move to the image's", path);
    let mount = file::open(path, OFlags::PATH).map_err(|errno| step.failed("open", errno))?;
    let target = root.target(&step, path)?.ok_or_else(|| step.found(Finding::Missing))?;
    step.attach(None, &mount, &target)
}

/// Moves the root's mount over the initramfs's, and this process into it.
fn enter(root: &Root, place: &[u8]) -> Result<(), Failure> {
    let step = Step::new("make the root of all", place);
    let failed = |call| move |errno| step.failed(call, errno);
    fchdir(root.as_fd()).map_err(failed("fchdir"))?;
    let above = file::open(b"/", OFlags::PATH).map_err(failed("open"))?;
    step.attach(None, root.as_fd(), &above)?;
    chroot(c".").map_err(failed("chroot"))?;
    chdir(c"/").map_err(failed("chdir"))
}

fn discard_initramfs(old: &OwnedFd) -> Result<(), Failure> {
    let step = Step::new("discard the initramfs", b"");
    // Whatever else the kernel started from is not ours to empty.
    if step.is_of_type(old, RAMFS_MAGIC)? || step.is_of_type(old, TMPFS_MAGIC)? {
        // Opened once more: the one that is held may have been read from.
        let old = openat(old, c".", DIRECTORY | OFlags::CLOEXEC, Mode::empty())
            .map_err(|errno| step.failed("openat", errno))?;
        discard_all(&old)?;
    }
    Ok(())
}

fn become_init(init: Option<&[u8]>, process: &mut dyn Process) -> Result<Infallible, Refusal> {
    let asked = init.map(|init| [init]);
    for program in asked.as_ref().map_or(&PROGRAMS[..], |asked| &asked[..]) {
        match process.execute(Room::new().terminated(program)) {
            Errno::NOENT if init.is_none() => {}
            errno => return Err(Step::new("go on with", program).failed("execve", errno).into()),
        }
    }
    Err(Refusal::NoInit)
}
