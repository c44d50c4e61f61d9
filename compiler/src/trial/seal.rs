//! A second namespace of users for the command, in which no mount of the trial can be changed.
//!
//! The command is root, and root may make a read-only root writable: boot scripts do. It would then write to the
//! image's tree on the host. The kernel locks what a namespace of users got from another one. It also keeps root from what
//! is not of this namespace: devices, the clock.

use std::io::{Read as _, Write as _};
use std::process::{Child, Command, Stdio};

use nix::sched::{CloneFlags, unshare};

use crate::trial::namespace::NamespaceError;
use crate::trial::owners::Owners;

/// Who can declare the same users and groups again in the second namespace: that takes a process of the first one.
pub(super) struct Seal {
    declarer: Child,
}

/// Says that it has been loaded, from a root that is about to go, and waits for the line that says that the namespace is
/// there. It is the first process of all here that enters it.
const DECLARE: &str =
    "echo && read -r _ && printf %s \"$1\" >/proc/1/uid_map && printf %s \"$2\" >/proc/1/gid_map";

impl Seal {
    /// Starts what will be needed, while the programs of the host are still there.
    pub(super) fn prepare(owners: &Owners) -> Result<Self, NamespaceError> {
        let mut declarer = Command::new("sh")
            .args(["-c", DECLARE, "sh"])
            .args(owners.same_again())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(NamespaceError::Run)?;
        let loaded = declarer.stdout.take().map(|mut output| output.read_exact(&mut [0]));
        loaded.transpose().map_err(NamespaceError::Run)?;
        Ok(Self { declarer })
    }

    /// Locks the mounts as they are now.
    pub(super) fn close(mut self) -> Result<(), NamespaceError> {
        unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNS)
            .map_err(|errno| NamespaceError::Refused { errno })?;
        let told = self.declarer.stdin.take().map(|mut input| input.write_all(b"\n"));
        told.transpose().map_err(NamespaceError::Ids)?;
        let status = self.declarer.wait().map_err(NamespaceError::Ids)?;
        if status.success() { Ok(()) } else { Err(NamespaceError::Declarer(status)) }
    }
}
