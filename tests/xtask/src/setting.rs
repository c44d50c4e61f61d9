//! What programs of the image itself keep, and how they are made to.

use std::process::Output;

use crate::device::{System, text};
use crate::failure::Outcome;

/// Something that a program of the image writes, and another reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Setting {
    /// The identity of the SSH server.
    HostKey,
    /// The identity of the device.
    MachineId,
    /// Its name.
    HostName,
    /// Its time zone.
    TimeZone,
}

/// Where the server's keys are: see the example's `image/files`.
const HOST_KEY: &str = "/etc/ssh/keys/ssh_host_ed25519_key";

impl Setting {
    pub(crate) const ALL: [Self; 4] = [Self::HostKey, Self::MachineId, Self::HostName, Self::TimeZone];

    /// Who writes what.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::HostKey => "SSH host key (ssh-keygen)",
            Self::MachineId => "machine id (systemd)",
            Self::HostName => "host name (firstboot)",
            Self::TimeZone => "time zone (firstboot)",
        }
    }

    /// The declared path that holds it, where this is one file.
    pub(crate) fn file(self) -> Option<&'static str> {
        match self {
            Self::HostKey => None,
            Self::MachineId => Some("/etc/machine-id"),
            Self::HostName => Some("/etc/hostname"),
            Self::TimeZone => Some("/etc/localtime"),
        }
    }

    /// What the image's program does at boot, or for an administrator.
    pub(crate) fn make(self, system: &System<'_>) -> Outcome<Output> {
        match self {
            Self::HostKey if !self.read(system)?.is_empty() => system.run(&["true"]),
            Self::HostKey => system.run(&["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", HOST_KEY]),
            Self::MachineId => system.run(&["systemd-machine-id-setup"]),
            Self::HostName => replace_in_etc(system, "--hostname=demo-device"),
            Self::TimeZone => replace_in_etc(system, "--timezone=Asia/Tokyo"),
        }
    }

    /// What the image's programs see of it; empty where there is nothing.
    pub(crate) fn read(self, system: &System<'_>) -> Outcome<String> {
        let output = match self {
            Self::HostKey => system.run(&["ssh-keygen", "-l", "-f", HOST_KEY])?,
            Self::MachineId => system.run(&["cat", "/etc/machine-id"])?,
            Self::HostName => system.run(&["cat", "/etc/hostname"])?,
            Self::TimeZone => system.run(&["date", "+%Z"])?,
        };
        if !output.status.success() {
            return Ok(String::new());
        }
        let output = text(&output.stdout);
        let value = match self {
            // "256 SHA256:… comment (ED25519)"
            Self::HostKey => output.split(' ').nth(1).unwrap_or_default().trim_start_matches("SHA256:"),
            _ => output.trim(),
        };
        Ok(value.to_owned())
    }
}

/// Has a program replace a file of `/etc` by rename, in the view that the image's drop-ins give to hostnamed and
/// timedated: there, `/etc` is the directory in which those files really are.
fn replace_in_etc(system: &System<'_>, change: &str) -> Outcome<Output> {
    let in_view = "mount --bind /etcrw /etc && exec systemd-firstboot --force \"$0\"";
    system.run(&["unshare", "--mount", "sh", "-c", in_view, change])
}
