//! The command, and the first process of the namespace, which waits for it.

use std::ffi::OsString;
use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use nix::errno::Errno;
use nix::sys::signal::SigSet;
use nix::sys::wait::{WaitStatus, wait};

use crate::trial::TRIAL_FAILED;

/// Exit statuses of shells, and of `env`, `timeout` and `chroot`.
const CANNOT_EXECUTE: u8 = 126;
const NOT_FOUND: u8 = 127;

/// The shell of every system.
const SHELL: &str = "/bin/sh";

/// The command did not run.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// There is no such program in the root.
    #[error("the rootfs has no program {}", .0.display())]
    NotFound(PathBuf),
    /// There is one, but not what it is started by.
    #[error("cannot run {}: the rootfs lacks what it is started by, its interpreter or dynamic loader", .0.display())]
    NoInterpreter(PathBuf),
    /// The kernel does not know the format.
    #[error("cannot run {}: {format}", program.display())]
    Format {
        /// The program.
        program: PathBuf,
        /// What it is.
        format: Format,
    },
    /// It cannot be executed for another reason.
    #[error("cannot run {}: {error}", program.display())]
    Execute {
        /// The program.
        program: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// The first process could not wait for it.
    #[error("cannot wait for the command: {0}")]
    Wait(io::Error),
}

impl SessionError {
    pub(super) fn status(&self) -> u8 {
        match self {
            Self::NotFound(_) => NOT_FOUND,
            Self::NoInterpreter(_) | Self::Format { .. } | Self::Execute { .. } => CANNOT_EXECUTE,
            Self::Wait(_) => TRIAL_FAILED,
        }
    }
}

/// What a file is that the kernel cannot execute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A program for another processor: the number of `e_machine` in its ELF header.
    Elf(u16),
    /// Neither a program nor a script.
    Other,
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Elf(machine) = self else {
            return f.write_str("it is no program, and no script that starts with `#!`");
        };
        let name = match machine {
            3 => "x86",
            8 => "MIPS",
            20 => "PowerPC",
            21 => "PowerPC 64",
            22 => "S/390",
            40 => "32-bit ARM",
            62 => "x86-64",
            183 => "AArch64",
            243 => "RISC-V",
            258 => "LoongArch",
            _ => "",
        };
        match name {
            "" => write!(f, "it is a program for another architecture (ELF machine {machine})")?,
            name => write!(f, "it is a program for {name}")?,
        }
        let host = env::consts::ARCH;
        write!(
            f,
            ", and this host is {host}; run it with qemu-user registered in binfmt_misc with the flag F, as Debian's \
             qemu-user-static does"
        )
    }
}

/// Runs `command`, or a shell, and returns its exit status. Other processes of the namespace are waited for as they end;
/// those that are left end with this one.
pub(super) fn run(command: &[OsString]) -> Result<u8, SessionError> {
    // What started us keeps interrupts from itself; the command wants them.
    SigSet::empty().thread_set_mask().map_err(|errno| SessionError::Wait(errno.into()))?;
    let shell = shell();
    let (program, arguments) =
        command.split_first().map_or((&shell, [].as_slice()), |(first, rest)| (first, rest));
    // The search path is the one of our own environment, so that std uses posix_spawn: `execvp` would give a program of
    // another architecture to the shell, as a script.
    let child = Command::new(program).args(arguments).env("SHELL", &shell).spawn();
    let child = child.map_err(|error| explain(Path::new(program), error))?;
    loop {
        let ended = wait().map_err(|errno| SessionError::Wait(errno.into()))?;
        let pid = ended.pid().and_then(|pid| u32::try_from(pid.as_raw()).ok());
        if pid != Some(child.id()) {
            continue;
        }
        match ended {
            WaitStatus::Exited(_, status) => return Ok(u8::try_from(status).unwrap_or(u8::MAX)),
            WaitStatus::Signaled(_, signal, _) => {
                return Ok(u8::try_from(128 + signal as i32).unwrap_or(u8::MAX));
            }
            _ => {}
        }
    }
}

/// The user's own shell where the image has it, else the one that every image has.
fn shell() -> OsString {
    let own =
        env::var_os("SHELL").filter(|shell| Path::new(shell).is_absolute() && Path::new(shell).exists());
    own.unwrap_or_else(|| SHELL.into())
}

fn explain(program: &Path, error: io::Error) -> SessionError {
    let place = find(program);
    let program = program.to_owned();
    match (error.raw_os_error().map(Errno::from_raw), place) {
        (Some(Errno::ENOENT), Some(_)) => SessionError::NoInterpreter(program),
        (Some(Errno::ENOENT | Errno::ENOTDIR), None) => SessionError::NotFound(program),
        (Some(Errno::ENOEXEC), Some(place)) => {
            let format = format(&place).unwrap_or(Format::Other);
            SessionError::Format { program, format }
        }
        _ => SessionError::Execute { program, error },
    }
}

/// Where the search path finds a program.
fn find(program: &Path) -> Option<PathBuf> {
    let exists = |place: &Path| fs::metadata(place).is_ok();
    if program.components().nth(1).is_some() || program.is_absolute() {
        return Some(program.to_owned()).filter(|place| exists(place));
    }
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|directory| directory.join(program)).find(|place| exists(place))
}

fn format(program: &Path) -> io::Result<Format> {
    let mut header = Vec::new();
    File::open(program)?.take(20).read_to_end(&mut header)?;
    let [0x7f, b'E', b'L', b'F', _, order, .., low, high] = header[..] else { return Ok(Format::Other) };
    let big_endian = order == 2;
    Ok(Format::Elf(if big_endian {
        u16::from_be_bytes([low, high])
    } else {
        u16::from_le_bytes([low, high])
    }))
}
