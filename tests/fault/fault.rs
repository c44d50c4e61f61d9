//! What happens to a system call.

use nix::errno::Errno;
use state_tests::tracer::Action;

/// What happens at one system call of a boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) name: &'static str,
    pub(crate) action: Action,
}

/// Everything that is done to every call.
pub(crate) const FAULTS: [Fault; 6] = [
    Fault { name: "SIGKILL", action: Action::Kill },
    Fault { name: "ENOSPC", action: Action::Fail(Errno::ENOSPC) },
    Fault { name: "EIO", action: Action::Fail(Errno::EIO) },
    Fault { name: "ENOMEM", action: Action::Fail(Errno::ENOMEM) },
    Fault { name: "EROFS", action: Action::Fail(Errno::EROFS) },
    Fault { name: "EINTR", action: Action::Fail(Errno::EINTR) },
];
