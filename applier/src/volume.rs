//! File systems on devices.

use linux_raw_sys::general::{
    MOUNT_ATTR_NOATIME, MOUNT_ATTR_NODEV, MOUNT_ATTR_NODIRATIME, MOUNT_ATTR_NOEXEC, MOUNT_ATTR_NOSUID,
    MOUNT_ATTR_NOSYMFOLLOW, MOUNT_ATTR_RDONLY, MOUNT_ATTR_STRICTATIME,
};
use rustix::fd::OwnedFd;
use rustix::fs::OFlags;
use rustix::mount::MountAttrFlags;

use crate::failure::{Account, Failure, Finding};
use crate::file;
use crate::fscontext::FsContext;
use crate::path::Room;
use crate::step::Step;

/// Options that are the mount's and not the file system's.
const OF_MOUNTS: [(&[u8], u32); 8] = [
    (b"ro", MOUNT_ATTR_RDONLY),
    (b"nosuid", MOUNT_ATTR_NOSUID),
    (b"nodev", MOUNT_ATTR_NODEV),
    (b"noexec", MOUNT_ATTR_NOEXEC),
    (b"noatime", MOUNT_ATTR_NOATIME),
    (b"nodiratime", MOUNT_ATTR_NODIRATIME),
    (b"strictatime", MOUNT_ATTR_STRICTATIME),
    (b"nosymfollow", MOUNT_ATTR_NOSYMFOLLOW),
];

/// Options that say what is so without them, or what concerns programs that read tables of mounts.
const OF_NOBODY: [&[u8]; 12] = [
    b"defaults",
    b"rw",
    b"suid",
    b"dev",
    b"exec",
    b"atime",
    b"diratime",
    b"relatime",
    b"symfollow",
    b"auto",
    b"noauto",
    b"nofail",
];

/// Longest list of file systems that the kernel may have, in bytes: two lines' worth each.
const MAX_TYPES: usize = 4096;

/// Where the kernel lists the file systems that it knows.
const KNOWN: &[u8] = b"/proc/filesystems";

/// A file system on a device.
pub(crate) struct Volume<'v> {
    pub(crate) device: &'v [u8],
    /// Options as `mount(8)` takes them, parted by commas.
    pub(crate) options: &'v [u8],
    pub(crate) is_read_only: bool,
}

impl Volume<'_> {
    /// Mounts it as `fstype`, attached nowhere yet. `operation` is for messages.
    pub(crate) fn mount(&self, fstype: &[u8], operation: &'static str) -> Result<OwnedFd, Failure> {
        let mut context = FsContext::of_device(fstype, self.device, operation)?;
        let mut attributes = 0;
        if self.is_read_only {
            attributes |= MOUNT_ATTR_RDONLY;
            context.set_flag(b"ro")?;
        }
        for option in self.options.split(|&byte| byte == b',').filter(|option| !is_of_nobody(option)) {
            if let Some((_, attribute)) = OF_MOUNTS.iter().find(|(name, _)| *name == option) {
                attributes |= attribute;
            } else if let Some(at) = option.iter().position(|&byte| byte == b'=') {
                let (key, value) = option.split_at_checked(at).unwrap_or_default();
                let mut room = Room::new();
                context.set(room.terminated(key), value.get(1..).unwrap_or_default())?;
            } else {
                context.set_flag(option)?;
            }
        }
        context.mount_with(MountAttrFlags::from_bits_retain(attributes))
    }

    /// Mounts it as the first of `types` that it is one of, or, without, of those that the kernel knows.
    pub(crate) fn mount_as_any(
        &self,
        types: Option<&[u8]>,
        operation: &'static str,
    ) -> Result<OwnedFd, Failure> {
        let mut last: Option<Account> = None;
        let mut attempt = |fstype: &[u8]| match self.mount(fstype, operation) {
            Ok(mount) => Some(mount),
            Err(failure) => {
                if let Some(before) = last.replace(failure.account()) {
                    before.give_back();
                }
                None
            }
        };
        let mounted = if let Some(types) = types {
            types.split(|&byte| byte == b',').find_map(&mut attempt)
        } else {
            let step = Step::new(operation, KNOWN);
            let file = file::read(KNOWN).map_err(|errno| step.failed("open", errno))?;
            let mut known = [0; MAX_TYPES];
            let len = step.read_up_to(&file, &mut known)?;
            // `nodev`, a tab, and those that need no device; only a tab before the others.
            let lines = known.get(..len).unwrap_or_default().split(|&byte| byte == b'\n');
            lines.filter_map(|line| line.strip_prefix(b"\t")).find_map(&mut attempt)
        };
        match (mounted, last) {
            (Some(mounted), _) => Ok(mounted),
            // Of one type, the kernel's reason tells more than that there is no other.
            (None, Some(last)) if types.is_some_and(|types| !types.contains(&b',')) => Err(last.fail()),
            (None, _) => Err(Step::new(operation, self.device).found(Finding::NoFileSystem)),
        }
    }
}

/// Whether the kernel is told nothing of an option. Those that begin with `x-` are notes for others: `mount(8)`.
fn is_of_nobody(option: &[u8]) -> bool {
    option.is_empty() || option.starts_with(b"x-") || OF_NOBODY.contains(&option)
}

/// Attaches a mount to a directory that the caller names.
pub(crate) fn attach(mount: &OwnedFd, place: &[u8], operation: &'static str) -> Result<(), Failure> {
    let step = Step::new(operation, place);
    let target =
        file::open(place, OFlags::PATH | OFlags::DIRECTORY).map_err(|errno| step.failed("open", errno))?;
    step.attach(None, mount, &target)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_for_others_are_not_told_to_the_kernel() {
        for option in [&b""[..], b"defaults", b"nofail", b"x-systemd.device-timeout=30", b"rw"] {
            assert!(is_of_nobody(option));
        }
        for option in [&b"ro"[..], b"noatime", b"commit=5", b"errors=remount-ro", b"nodelalloc"] {
            assert!(!is_of_nobody(option));
        }
    }
}
