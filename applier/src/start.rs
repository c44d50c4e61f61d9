//! What a C library would do: the entry point, relocation, memory functions, and what the compiler asks for.
//!
//! The program is linked as a static position-independent executable without start files and libraries. The
//! kernel maps it somewhere and jumps to `_start`, which each architecture has in a file of its own.
#![allow(unsafe_code)]

#[cfg(target_arch = "aarch64")]
mod aarch64;
#[cfg(target_arch = "arm")]
mod arm;
#[cfg(not(target_arch = "x86_64"))]
mod memory;
mod relocation;
#[cfg(target_arch = "riscv64")]
mod riscv64;
#[cfg(target_arch = "x86_64")]
mod x86_64;

use core::ffi::{CStr, c_char};
use core::panic::PanicInfo;

#[cfg(not(feature = "system"))]
use rustix::fd::{AsRawFd as _, OwnedFd};
use rustix::io::Errno;
use stated::Process;
use syscalls::{Sysno, syscall};

/// The relocation "base plus addend", the only one that a static program of its own has.
#[cfg(target_arch = "aarch64")]
use self::aarch64::RELATIVE;
#[cfg(target_arch = "arm")]
use self::arm::RELATIVE;
use self::relocation::{Dynamic, relocate};
#[cfg(target_arch = "riscv64")]
use self::riscv64::RELATIVE;
#[cfg(target_arch = "x86_64")]
use self::x86_64::RELATIVE;

/// Exit status of a bug: as a shell shows a process that aborted.
const ABORTED: usize = 134;

/// Relocates the program, then runs it with the arguments on the kernel's stack.
///
/// # Safety
///
/// `stack` is the stack pointer that the kernel passed, `base` where it loaded the program, and `dynamic` the
/// program's dynamic section. Called once, before anything that needs a relocation.
unsafe extern "C" fn start(stack: *const usize, base: usize, dynamic: *const Dynamic) -> ! {
    // SAFETY: `base` and `dynamic` are as `relocate` wants them, and nothing has run yet.
    unsafe { relocate(base, dynamic) };
    // SAFETY: the kernel puts the number of arguments there and behind it as many pointers to C strings,
    // which stay as long as the process.
    let arguments = unsafe { core::slice::from_raw_parts(stack.add(1).cast::<*const c_char>(), *stack) };
    let mut own = Own { stack };
    let arguments = arguments.iter().map(|&argument| {
        // SAFETY: each is a C string, see above.
        unsafe { CStr::from_ptr(argument) }
    });
    exit(stated::run(arguments, &mut own).into())
}

fn exit(status: usize) -> ! {
    loop {
        // SAFETY: takes no pointer, and does not return.
        let _ = unsafe { syscall!(Sysno::exit_group, status) };
    }
}

/// This process. Who closed its standard streams does not want to be told.
struct Own {
    /// What the kernel passed.
    stack: *const usize,
}

impl Process for Own {
    fn output(&mut self, bytes: &[u8]) {
        write(1, bytes);
    }

    fn error(&mut self, bytes: &[u8]) {
        write(2, bytes);
    }

    #[cfg(not(feature = "system"))]
    fn become_program(&mut self, file: &OwnedFd, command: &'static CStr) -> Errno {
        let Some(mut arguments) = self.arguments(0) else { return Errno::TOOBIG };
        if let Some(place) = arguments.get_mut(1) {
            *place = command.as_ptr();
        }
        let flags = linux_raw_sys::general::AT_EMPTY_PATH;
        self.execute_at(file.as_raw_fd(), c"", &arguments, flags)
    }

    #[cfg(feature = "system")]
    fn execute(&mut self, program: &CStr) -> Errno {
        // SAFETY: as in `start`: the first argument is a C string.
        let is_command = unsafe { CStr::from_ptr(*self.stack.add(1).cast()) } != stated::INIT;
        let Some(mut arguments) = self.arguments(usize::from(is_command)) else { return Errno::TOOBIG };
        if let Some(place) = arguments.first_mut() {
            *place = program.as_ptr();
        }
        self.execute_at(linux_raw_sys::general::AT_FDCWD, program, &arguments, 0)
    }
}

/// The kernel starts process 1 with 32 at most, and the one command that becomes another program has fewer, each of its options
/// given twice.
const MAX_ARGUMENTS: usize = 34;

impl Own {
    /// The arguments behind the first `skipped`, and null pointers; nothing if there are more than there may be.
    fn arguments(&self, skipped: usize) -> Option<[*const c_char; MAX_ARGUMENTS]> {
        // SAFETY: as in `start`: a number, and as many pointers.
        let given =
            unsafe { core::slice::from_raw_parts(self.stack.add(1).cast::<*const c_char>(), *self.stack) };
        let given = given.get(skipped..).filter(|given| given.len() < MAX_ARGUMENTS)?;
        let mut arguments = [core::ptr::null(); MAX_ARGUMENTS];
        for (place, &argument) in arguments.iter_mut().zip(given) {
            *place = argument;
        }
        Some(arguments)
    }

    /// Becomes the program at `path` from `dir` on, in the environment that this one has.
    fn execute_at(
        &self,
        dir: i32,
        path: &CStr,
        arguments: &[*const c_char; MAX_ARGUMENTS],
        flags: u32,
    ) -> Errno {
        // SAFETY: as in `start`: behind as many pointers as the number says lies a null pointer, then those of the environment
        // up to a null pointer of their own.
        let environment = unsafe { self.stack.add(*self.stack).add(2) };
        let (path, arguments) = (path.as_ptr(), arguments.as_ptr());
        // SAFETY: the kernel reads a path and two lists of pointers to C strings that end with a null pointer, which are alive
        // during the call. If it succeeds, nothing of this program is left to be unsound.
        let became = unsafe { syscall!(Sysno::execveat, dir, path, arguments, environment, flags) };
        became.map_or_else(|errno| Errno::from_raw_os_error(errno.into_raw()), |_| Errno::NOEXEC)
    }
}

fn write(fd: usize, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        // SAFETY: the kernel reads `bytes`, all of it ours, and keeps nothing.
        let written = unsafe { syscall!(Sysno::write, fd, bytes.as_ptr(), bytes.len()) };
        let Ok(written @ 1..) = written else { return };
        bytes = bytes.get(written..).unwrap_or_default();
    }
}

/// A bug. Where it was costs 6 KB to say.
#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    write(2, b"stated: internal error\n");
    exit(ABORTED)
}

/// The precompiled `core` refers to it, though nothing unwinds here.
#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() {}
