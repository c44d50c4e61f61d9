//! Attributes of mounts: `mount_setattr(2)`, which `rustix` lacks.
#![allow(unsafe_code)]

use core::mem::size_of;

use linux_raw_sys::general::{
    AT_EMPTY_PATH, AT_RECURSIVE, MOUNT_ATTR__ATIME, MOUNT_ATTR_NOATIME, MOUNT_ATTR_NODEV, MOUNT_ATTR_NOEXEC,
    MOUNT_ATTR_NOSUID, MOUNT_ATTR_NOSYMFOLLOW, MOUNT_ATTR_RDONLY, MS_PRIVATE, mount_attr,
};
use rustix::fd::{AsRawFd as _, OwnedFd};
use rustix::io::Errno;
use state_schema::MountOptions;
use syscalls::{Sysno, syscall};

/// What each option is called by the kernel.
const FLAGS: [(MountOptions, u32); 5] = [
    (MountOptions::NOSUID, MOUNT_ATTR_NOSUID),
    (MountOptions::NODEV, MOUNT_ATTR_NODEV),
    (MountOptions::NOEXEC, MOUNT_ATTR_NOEXEC),
    (MountOptions::NOSYMFOLLOW, MOUNT_ATTR_NOSYMFOLLOW),
    (MountOptions::NOATIME, MOUNT_ATTR_NOATIME),
];

/// Sets `options` on a detached mount and makes it private.
///
/// Attributes that are not among `options` stay as the source of the mount has them. Private: otherwise a
/// clone belongs to the peer group of its source, and what is mounted inside it later, for a nested entry,
/// would appear inside the store as well.
pub(crate) fn set(mount: &OwnedFd, options: MountOptions) -> Result<(), Errno> {
    let set = FLAGS
        .iter()
        .filter(|(option, _)| options.contains(*option))
        .fold(0, |set, (_, flag)| set | u64::from(*flag));
    // Access times are one choice of several, so the others have to be cleared with it.
    let clear = if options.contains(MountOptions::NOATIME) { u64::from(MOUNT_ATTR__ATIME) } else { 0 };
    let attributes =
        mount_attr { attr_set: set, attr_clr: clear, propagation: u64::from(MS_PRIVATE), userns_fd: 0 };
    set_attributes(mount, AT_EMPTY_PATH, &attributes)
}

/// Makes a detached tree of mounts private and read-only, with all that is mounted inside it.
pub(crate) fn set_read_only_tree(mount: &OwnedFd) -> Result<(), Errno> {
    let attributes = mount_attr {
        attr_set: u64::from(MOUNT_ATTR_RDONLY),
        attr_clr: 0,
        propagation: u64::from(MS_PRIVATE),
        userns_fd: 0,
    };
    set_attributes(mount, AT_EMPTY_PATH | AT_RECURSIVE, &attributes)
}

/// Whether the kernel has the call: it is asked to change nothing of any `file`.
pub(crate) fn can_set(file: &OwnedFd) -> bool {
    let nothing = mount_attr { attr_set: 0, attr_clr: 0, propagation: 0, userns_fd: 0 };
    set_attributes(file, AT_EMPTY_PATH, &nothing) != Err(Errno::NOSYS)
}

#[inline(never)]
fn set_attributes(mount: &OwnedFd, flags: u32, attributes: &mount_attr) -> Result<(), Errno> {
    let size = size_of::<mount_attr>();
    // SAFETY: the kernel reads an empty C string and `size` bytes behind `attributes`, both of which live
    // until the call returns, keeps neither, and writes no memory of ours.
    let done = unsafe {
        syscall!(
            Sysno::mount_setattr,
            mount.as_raw_fd(),
            c"".as_ptr(),
            flags,
            core::ptr::from_ref(attributes),
            size
        )
    };
    done.map(|_| ()).map_err(|errno| Errno::from_raw_os_error(errno.into_raw()))
}
