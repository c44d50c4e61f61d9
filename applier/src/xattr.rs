//! Extended attributes: labels, access control lists, capabilities.

use rustix::fd::OwnedFd;
use rustix::fs::{XattrFlags, fgetxattr, flistxattr, fsetxattr, lgetxattr, llistxattr, lsetxattr};
use rustix::io::Errno;
use rustix::process::fchdir;

use crate::failure::Failure;
use crate::path::Room;
use crate::step::Step;

/// Longest list of names, and longest value, in bytes: `XATTR_LIST_MAX` and `XATTR_SIZE_MAX`.
const MAX: usize = 65536;

/// Bytes of the buffer that [`copy`] needs.
pub(crate) const BUFFER: usize = 2 * MAX;

/// Bytes that are asked for first. The kernel takes memory for as many as it is offered, for each file.
const MOSTLY: usize = 512;

/// What has attributes.
#[derive(Clone, Copy)]
pub(crate) enum Node<'a> {
    /// A file or directory that is open.
    Open(&'a OwnedFd),
    /// What lies in a directory and cannot be opened without effect: a symlink, a FIFO, a device.
    Named(&'a OwnedFd, &'a [u8]),
}

impl Node<'_> {
    /// Reads the value of an attribute, or for none the names of all, into `buffer`.
    #[inline(never)]
    fn read<'b>(self, attribute: &[u8], buffer: &'b mut [u8]) -> Result<&'b [u8], Errno> {
        if let Self::Named(dir, _) = self {
            // There is no call that takes a directory and a name on kernels that we support, and a path
            // through /proc needs /proc. The working directory is nobody else's.
            fchdir(dir)?;
        }
        let (mut room, mut name_room) = (Room::new(), Room::new());
        let of_all = attribute.is_empty();
        let attribute = room.terminated(attribute);
        let mut read = |size| {
            let offered = buffer.get_mut(..size).unwrap_or_default();
            match self {
                Self::Open(fd) if of_all => flistxattr(fd, offered),
                Self::Open(fd) => fgetxattr(fd, attribute, offered),
                Self::Named(_, name) if of_all => llistxattr(name_room.terminated(name), offered),
                Self::Named(_, name) => lgetxattr(name_room.terminated(name), attribute, offered),
            }
        };
        let len = match read(MOSTLY) {
            Err(Errno::RANGE) => read(MAX)?,
            result => result?,
        };
        Ok(buffer.get(..len).unwrap_or_default())
    }
}

/// Copies all attributes, except `security.evm`: a signature over the inode itself, which is never valid on
/// a copy; and what XFS shows an access control list as once more, which other file systems would keep beside it.
///
/// Most files have none, and cost one call.
pub(crate) fn copy(step: &Step<'_>, from: Node<'_>, to: Node<'_>, buffer: &mut [u8]) -> Result<(), Failure> {
    let (names, value) = buffer.split_at_mut_checked(MAX).unwrap_or_default();
    let names = match from.read(b"", names) {
        Err(Errno::OPNOTSUPP) => return Ok(()),
        names => names.map_err(|errno| step.attribute(b"", errno))?,
    };
    for name in names.split(|&byte| byte == 0) {
        if !name.is_empty() && name != b"security.evm" && !name.starts_with(b"trusted.SGI_ACL_") {
            copy_one(from, to, name, value).map_err(|errno| step.attribute(name, errno))?;
        }
    }
    Ok(())
}

fn copy_one(from: Node<'_>, to: Node<'_>, name: &[u8], value: &mut [u8]) -> Result<(), Errno> {
    let value = from.read(name, value)?;
    let (mut room, mut file_room) = (Room::new(), Room::new());
    let name = room.terminated(name);
    match to {
        Node::Open(fd) => fsetxattr(fd, name, value, XattrFlags::empty()),
        Node::Named(dir, file) => {
            fchdir(dir).and_then(|()| lsetxattr(file_room.terminated(file), name, value, XattrFlags::empty()))
        }
    }
}
