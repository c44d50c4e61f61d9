//! Namespaces of our own: mounts and processes, and users where the caller is not root.

use std::ffi::OsString;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Command, ExitStatus};
use std::{env, fs, io};

use nix::errno::Errno;
use nix::sched::{CloneFlags, unshare};
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::{SigSet, Signal};
use nix::unistd::geteuid;

use crate::trial::ids::Ids;

/// The search path of a system that has just booted.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// There are no namespaces to be had.
#[derive(Debug, thiserror::Error)]
pub enum NamespaceError {
    /// The kernel refuses.
    #[error("cannot make namespaces: {errno}{}", advice(*errno))]
    Refused {
        /// Why.
        errno: Errno,
    },
    /// The users of the namespace could not be declared.
    #[error("cannot declare the users of the namespace: {0}")]
    Ids(io::Error),
    /// So could those of the one that the command runs in.
    #[error("cannot declare the users of the command's namespace: the shell that does it ended with {0}")]
    Declarer(ExitStatus),
    /// The process inside could not be started, or waited for.
    #[error("cannot run statec inside the namespaces: {0}")]
    Run(io::Error),
    /// The process that started the one inside has ended already.
    #[error("the statec that started this trial has ended")]
    Abandoned,
}

/// What allows namespaces where the host forbids them: how to recognise it, and what to do.
const SWITCHES: [(&str, &str, &str); 3] = [
    (
        "/proc/sys/user/max_user_namespaces",
        "0",
        "this host allows no user namespaces: raise the sysctl user.max_user_namespaces, or run statec as root",
    ),
    (
        "/proc/sys/kernel/unprivileged_userns_clone",
        "0",
        "this host allows user namespaces to root only: set the sysctl kernel.unprivileged_userns_clone to 1, or run \
         statec as root",
    ),
    (
        "/proc/sys/kernel/apparmor_restrict_unprivileged_userns",
        "1",
        "AppArmor restricts user namespaces on this host: set the sysctl \
         kernel.apparmor_restrict_unprivileged_userns to 0, give statec a profile with `userns,`, or run it as root",
    ),
];

/// What to do about a refusal, as the end of a sentence; empty where it is none.
pub(super) fn advice(errno: Errno) -> String {
    if !matches!(errno, Errno::EPERM | Errno::EACCES | Errno::ENOSPC) {
        return String::new();
    }
    let is_set = |file: &str, value: &str| fs::read_to_string(file).is_ok_and(|text| text.trim() == value);
    let found = SWITCHES.iter().find(|(file, value, _)| is_set(file, value));
    let advice = found.map_or(
        "a container or a chroot may forbid it: run statec outside, or as root with CAP_SYS_ADMIN",
        |(.., advice)| advice,
    );
    format!("; {advice}")
}

/// The namespaces that this process has entered; what it starts next is the first process in them.
pub(super) struct Entered(());

/// Parts with the host.
pub(super) fn enter() -> Result<Entered, NamespaceError> {
    let own = CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWPID;
    if geteuid().is_root() {
        match unshare(own) {
            Ok(()) => return Ok(Entered(())),
            // Root of a container, which has no privileges but may still have a namespace of users.
            Err(Errno::EPERM) => {}
            Err(errno) => return Err(NamespaceError::Refused { errno }),
        }
    }
    let users = Ids::users();
    let groups = Ids::groups();
    // They have to be outside, so they are started before, and wait.
    let [by_users, by_groups] = [users.ask_helper(), groups.ask_helper()];
    unshare(own | CloneFlags::CLONE_NEWUSER).map_err(|errno| NamespaceError::Refused { errno })?;
    users.declare(by_users)?;
    groups.declare(by_groups)?;
    Ok(Entered(()))
}

impl Entered {
    /// Runs this program as the first process in the namespaces, with the environment of a system that has just booted,
    /// and returns its exit status. Its arguments are `inside`, what it has to give to [`end_with`], and `arguments`.
    #[expect(
        clippy::unused_self,
        reason = "the process has the namespaces, and the value shows that it does"
    )]
    pub(super) fn run(self, inside: &[&str], arguments: Vec<OsString>) -> Result<u8, NamespaceError> {
        let own_id = own_status("Pid").map_err(NamespaceError::Run)?;
        let mut command = Command::new("/proc/self/exe");
        command.arg0("statec").args(inside).arg(own_id.to_string()).args(arguments);
        command.env_clear().env("PATH", PATH).env("HOME", "/root");
        command.envs([("USER", "root"), ("LOGNAME", "root")]);
        // What belongs to the person at the terminal; which shell of theirs is there is seen inside.
        for name in ["TERM", "SHELL"] {
            command.envs(env::var_os(name).map(|value| (name, value)));
        }
        let mut child = command.spawn().map_err(NamespaceError::Run)?;
        // From here on, a key that interrupts is meant for the command.
        let keys = SigSet::from_iter([Signal::SIGINT, Signal::SIGQUIT]);
        keys.thread_block().map_err(|errno| NamespaceError::Run(errno.into()))?;
        child.wait().map(status).map_err(NamespaceError::Run)
    }
}

/// Has this process, the first in its namespaces, end with the one that started it, and all others inside with it: nobody
/// waits for them any more.
///
/// `starter` is that process's identifier.
pub(super) fn end_with(starter: u32) -> Result<(), NamespaceError> {
    set_pdeathsig(Signal::SIGKILL).map_err(|errno| NamespaceError::Run(errno.into()))?;
    // The signal tells of an end to come, not of one that was before. The kernel gives an orphan its new parent and the
    // signal in one go, so whoever still has the old parent by now will get the signal.
    if own_status("PPid").map_err(NamespaceError::Run)? == starter {
        Ok(())
    } else {
        Err(NamespaceError::Abandoned)
    }
}

/// A number of this process's `/proc/self/status`, as `Pid` and `PPid`: those hold where `/proc` was mounted, inside as
/// outside, whereas getpid(2) and getppid(2) give the first process in a namespace 1 and 0. See proc(5).
fn own_status(name: &str) -> io::Result<u32> {
    let status = fs::read_to_string("/proc/self/status")?;
    let value = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    let number = value.and_then(|value| value.trim().parse().ok());
    number.ok_or_else(|| io::Error::other(format!("/proc/self/status has no {name}")))
}

/// The exit status as shells give it: a signal's number is added to 128.
pub(super) fn status(status: ExitStatus) -> u8 {
    let number = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
    number.and_then(|number| u8::try_from(number).ok()).unwrap_or(u8::MAX)
}
