//! A program that is watched at each of its system calls.
//!
//! `ptrace(2)` by our own hand: one run under strace for each of thousands of points would take too long, and what was
//! opened by which descriptor is known here while the call is made. x86-64 only, as the names of registers are.

use std::fs;
use std::io::Read as _;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use nix::errno::Errno;
use nix::libc::user_regs_struct;
use nix::sys::ptrace::{self, Options};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{Pid, alarm};
use syscalls::Sysno;

/// Seconds that a run may take. One takes about a hundredth of one.
const TIME_LIMIT: u32 = 60;

/// Who is asked about each system call, and told what came of it.
pub trait Watch {
    /// The program is about to make this call.
    fn enter(&mut self, call: &Call) -> Action;

    /// The call was made.
    fn leave(&mut self, _call: &Call) {}
}

/// What happens to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// The kernel does it.
    Pass,
    /// The kernel does it, and the program goes on unwatched.
    Leave,
    /// It returns this error, nothing is done, and the program goes on unwatched.
    Fail(Errno),
    /// The program ends before it.
    Kill,
}

/// The system call that a program waits for. Its registers are read when they are asked for, since most calls of most
/// runs are only counted.
#[derive(Debug)]
pub struct Call {
    pid: Pid,
}

/// How a program ended.
#[derive(Debug)]
pub struct Ended {
    /// Its exit status; `None` when it was killed.
    pub status: Option<i32>,
    /// What it wrote to standard error.
    pub stderr: String,
}

/// Runs `command` and lets `watch` decide about each of its system calls.
///
/// # Panics
///
/// When the program cannot be run or watched, when it ends by a signal that `watch` did not ask for, and when it does
/// not end.
pub fn trace(command: &mut Command, watch: &mut dyn Watch) -> Ended {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    // SAFETY: between fork and exec, two system calls are made, and no memory is allocated.
    #[expect(unsafe_code, reason = "only the new process can ask to be traced from its first instruction on")]
    unsafe {
        command.pre_exec(|| {
            // The alarm outlives exec, and nobody handles it.
            alarm::set(TIME_LIMIT);
            Ok(ptrace::traceme()?)
        });
    }
    #[expect(clippy::zombie_processes, reason = "`follow` waits for it, as whoever traces it has to")]
    let mut child = command.spawn().expect("the program runs");
    let pid = Pid::from_raw(child.id().try_into().expect("a process id"));
    let status = follow(pid, watch);
    let mut stderr = String::new();
    child.stderr.take().expect("a pipe").read_to_string(&mut stderr).expect("UTF-8");
    Ended { status, stderr }
}

/// Follows the program from its start to its end.
fn follow(pid: Pid, watch: &mut dyn Watch) -> Option<i32> {
    assert_eq!(waitpid(pid, None), Ok(WaitStatus::Stopped(pid, Signal::SIGTRAP)), "it stops as it starts");
    // A program may become another one, which is the same process.
    let options = Options::PTRACE_O_TRACESYSGOOD | Options::PTRACE_O_EXITKILL | Options::PTRACE_O_TRACEEXEC;
    ptrace::setoptions(pid, options).expect("ptrace");
    let call = Call { pid };
    // What happens to the call that is being made.
    let mut current = None;
    loop {
        ptrace::syscall(pid, None).expect("ptrace");
        match waitpid(pid, None).expect("waitpid") {
            WaitStatus::PtraceSyscall(_) => {}
            WaitStatus::PtraceEvent(..) => continue,
            WaitStatus::Exited(_, status) => return Some(status),
            end => panic!("{end:?}; SIGALRM comes after {TIME_LIMIT} s"),
        }
        match current.take() {
            Some(Action::Fail(errno)) => {
                call.set(|registers| registers.rax = (-i64::from(errno as i32)).cast_unsigned());
                return Some(leave(pid));
            }
            Some(_) => {
                watch.leave(&call);
                continue;
            }
            None => {}
        }
        let action = watch.enter(&call);
        match action {
            Action::Pass => {}
            Action::Leave => return Some(leave(pid)),
            // No call has this number, so the kernel does nothing.
            Action::Fail(_) => call.set(|registers| registers.orig_rax = u64::MAX),
            Action::Kill => {
                kill(pid, Signal::SIGKILL).expect("kill");
                assert_eq!(waitpid(pid, None), Ok(WaitStatus::Signaled(pid, Signal::SIGKILL, false)));
                return None;
            }
        }
        current = Some(action);
    }
}

/// Lets the program run to its end.
fn leave(pid: Pid) -> i32 {
    ptrace::detach(pid, None).expect("ptrace");
    match waitpid(pid, None).expect("waitpid") {
        WaitStatus::Exited(_, status) => status,
        end => panic!("{end:?}; SIGALRM comes after {TIME_LIMIT} s"),
    }
}

impl Call {
    fn registers(&self) -> user_regs_struct {
        ptrace::getregs(self.pid).expect("ptrace")
    }

    fn set(&self, change: impl FnOnce(&mut user_regs_struct)) {
        let mut registers = self.registers();
        change(&mut registers);
        ptrace::setregs(self.pid, registers).expect("ptrace");
    }

    /// Which one it is.
    ///
    /// # Panics
    ///
    /// When it is none.
    #[must_use]
    pub fn number(&self) -> Sysno {
        usize::try_from(self.registers().orig_rax).ok().and_then(Sysno::new).expect("a system call")
    }

    /// Whether it can return an error to its caller.
    #[must_use]
    pub fn can_fail(&self) -> bool {
        self.number() != Sysno::exit_group
    }

    /// Whether it returned an error, once it was made.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.registers().rax.cast_signed() < 0
    }

    /// The argument with this index.
    ///
    /// # Panics
    ///
    /// When there is none.
    #[must_use]
    pub fn argument(&self, index: usize) -> u64 {
        let r = self.registers();
        [r.rdi, r.rsi, r.rdx, r.r10, r.r8, r.r9][index]
    }

    /// The most memory that the program has had resident at once, in KiB.
    ///
    /// # Panics
    ///
    /// When the kernel does not say.
    #[must_use]
    pub fn peak_memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid)).expect("/proc");
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB"));
        peak.and_then(|peak| peak.parse().ok()).expect("VmHWM")
    }

    /// Where the file behind the descriptor with this index lies, and the device of its file system.
    #[must_use]
    pub fn file(&self, index: usize) -> Option<(PathBuf, u64)> {
        // Descriptors are 32 bits; what is above is left over in the register.
        let link = format!("/proc/{}/fd/{}", self.pid, self.argument(index) & 0xffff_ffff);
        Some((fs::read_link(&link).ok()?, fs::metadata(&link).ok()?.dev()))
    }

    /// The number that the argument with this index points to.
    ///
    /// # Panics
    ///
    /// When it points to none.
    #[must_use]
    pub fn word(&self, index: usize) -> u64 {
        let mut bytes = [0; 8];
        self.memory().read_exact_at(&mut bytes, self.argument(index)).expect("its memory");
        u64::from_le_bytes(bytes)
    }

    fn memory(&self) -> fs::File {
        fs::File::open(format!("/proc/{}/mem", self.pid)).expect("its memory")
    }

    /// The text that the argument with this index points to.
    ///
    /// # Panics
    ///
    /// When it points to none.
    #[must_use]
    pub fn text(&self, index: usize) -> String {
        let mut bytes = [0; 4096];
        // A page may end before that many bytes.
        let len = self.memory().read_at(&mut bytes, self.argument(index)).expect("its memory");
        let end = bytes[..len].iter().position(|&byte| byte == 0).expect("a text that ends");
        String::from_utf8_lossy(&bytes[..end]).into_owned()
    }
}
