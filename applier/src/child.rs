//! Programs that are run and waited for, by process 1 of an initramfs.
#![allow(unsafe_code)]

use core::ffi::{CStr, c_char};
use core::ptr;

use linux_raw_sys::general::CLONE_NEWNS;
use rustix::fs::OFlags;
use rustix::io::Errno;
use rustix::process::{
    Pid, Signal, WaitOptions, WaitStatus, chroot, fchdir, ioctl_tiocsctty, setsid, waitpid,
};
use syscalls::{Sysno, syscall};

use crate::file::{self, Root};
use crate::switch_root::{KEPT, move_mount};

/// What such programs find in their environment.
const ENVIRONMENT: [&CStr; 3] = [c"PATH=/usr/sbin:/usr/bin:/sbin:/bin", c"HOME=/", c"TERM=linux"];

/// Most words that a command has, its name among them.
const MAX_WORDS: usize = 4;

/// The terminal of process 1.
pub(crate) const CONSOLE: &[u8] = b"/dev/console";

/// Exit status of a child that could not become the program, as shells have it.
const NOT_RUN: usize = 127;

/// A program that is to be run.
pub(crate) struct Command<'c> {
    /// Its path, and the words behind it; what is beyond [`MAX_WORDS`] is not passed.
    pub(crate) words: &'c [&'c CStr],
    /// Where the root is that it sees, if not this process's own, with the mounts that an image gets of an initramfs: in a mount
    /// namespace of its own, so that all is as before when it ends.
    pub(crate) root: Option<&'c [u8]>,
    /// Whether it gets the console as its terminal, so that Ctrl-C reaches it.
    pub(crate) has_terminal: bool,
}

impl Command<'_> {
    /// Runs it to its end.
    pub(crate) fn run(&self) -> Result<WaitStatus, Errno> {
        let space = if self.root.is_some() { CLONE_NEWNS } else { 0 };
        let flags = Signal::CHILD.as_raw().unsigned_abs() | space;
        // SAFETY: with such flags, this is `fork`: the child has a copy of all memory, and this process no second thread whose
        // locks or stacks the copy would lack.
        let child = unsafe { syscall!(Sysno::clone, flags, 0, 0, 0, 0) };
        let child = child.map_err(|errno| Errno::from_raw_os_error(errno.into_raw()))?;
        let Some(child) = i32::try_from(child).ok().and_then(Pid::from_raw) else { self.become_it() };
        loop {
            match waitpid(Some(child), WaitOptions::empty()) {
                Ok(Some((_, status))) => return Ok(status),
                Ok(None) | Err(Errno::INTR) => {}
                Err(errno) => return Err(errno),
            }
        }
    }

    /// In the child.
    fn become_it(&self) -> ! {
        let is_entered = self.root.is_none_or(enter);
        if self.has_terminal {
            // Without, everything works but Ctrl-C.
            let _ = setsid();
            if let Ok(console) = file::open(CONSOLE, OFlags::RDWR) {
                let _ = ioctl_tiocsctty(&console);
            }
        }
        if is_entered {
            let mut words = [ptr::null::<c_char>(); MAX_WORDS + 1];
            for (place, word) in words.iter_mut().take(MAX_WORDS).zip(self.words) {
                *place = word.as_ptr();
            }
            let mut environment = [ptr::null::<c_char>(); ENVIRONMENT.len() + 1];
            for (place, variable) in environment.iter_mut().zip(ENVIRONMENT) {
                *place = variable.as_ptr();
            }
            let path = words.first().copied().unwrap_or(ptr::null());
            // SAFETY: the kernel reads a path and two lists of pointers to C strings that end with a null pointer, all of which
            // are alive during the call. If it succeeds, nothing of this program is left to be unsound.
            let _ = unsafe { syscall!(Sysno::execve, path, words.as_ptr(), environment.as_ptr()) };
        }
        loop {
            // SAFETY: takes no pointer, and does not return.
            let _ = unsafe { syscall!(Sysno::exit_group, NOT_RUN) };
        }
    }
}

/// Makes the root at a path the root, in a mount namespace that is the child's own. What was opened before is of the parent's,
/// where nothing may be moved from here.
fn enter(root: &[u8]) -> bool {
    let Ok(root) = Root::open(root) else { return false };
    let root = &root;
    let moved = KEPT.into_iter().all(|kept| move_mount(kept, root).is_ok());
    moved && fchdir(root.as_fd()).is_ok() && chroot(c".").is_ok()
}

/// Whether `status` is that of a child which could not become its program.
pub(crate) fn was_not_run(status: WaitStatus) -> bool {
    status.exit_status().and_then(|status| usize::try_from(status).ok()) == Some(NOT_RUN)
}
