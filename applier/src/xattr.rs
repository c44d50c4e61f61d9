//! Extended attributes: labels, access control lists, capabilities.

use core::ffi::CStr;

use rustix::fd::OwnedFd;
use rustix::fs::{XattrFlags, fgetxattr, flistxattr, fsetxattr, lgetxattr, llistxattr, lsetxattr};
use rustix::io::Errno;
use rustix::process::fchdir;

use crate::text::Text;

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
    Named(&'a OwnedFd, &'a CStr),
}

impl Node<'_> {
    /// Reads the names of all attributes, or the value of one, into `buffer`.
    #[inline(never)]
    fn read<'b>(self, attribute: Option<&CStr>, buffer: &'b mut [u8]) -> Result<&'b [u8], Errno> {
        if let Self::Named(dir, _) = self {
            // There is no call that takes a directory and a name on kernels that we support, and a path
            // through /proc needs /proc. The working directory is nobody else's.
            fchdir(dir)?;
        }
        let mut read = |size| {
            let offered = buffer.get_mut(..size).unwrap_or_default();
            match (self, attribute) {
                (Self::Open(fd), None) => flistxattr(fd, offered),
                (Self::Open(fd), Some(attribute)) => fgetxattr(fd, attribute, offered),
                (Self::Named(_, name), None) => llistxattr(name, offered),
                (Self::Named(_, name), Some(attribute)) => lgetxattr(name, attribute, offered),
            }
        };
        let len = match read(MOSTLY) {
            Err(Errno::RANGE) => read(MAX)?,
            result => result?,
        };
        Ok(buffer.get(..len).unwrap_or_default())
    }
}

/// An attribute that could not be copied.
pub(crate) struct XattrError {
    /// Empty where the names could not be listed.
    pub(crate) name: Text<64>,
    pub(crate) errno: Errno,
}

/// Copies all attributes, except `security.evm`: a signature over the inode itself, which is never valid on
/// a copy.
///
/// Most files have none, and cost one call.
pub(crate) fn copy(from: Node<'_>, to: Node<'_>, buffer: &mut [u8]) -> Result<(), XattrError> {
    let (names, value) = buffer.split_at_mut_checked(MAX).unwrap_or_default();
    let names = match from.read(None, names) {
        Err(Errno::OPNOTSUPP) => return Ok(()),
        names => names.map_err(|errno| XattrError { name: Text::new(), errno })?,
    };
    for name in names.split_inclusive(|&byte| byte == 0) {
        let Ok(name) = CStr::from_bytes_with_nul(name) else { continue };
        if name != c"security.evm" {
            copy_one(from, to, name, value)
                .map_err(|errno| XattrError { name: Text::of(name.to_bytes()), errno })?;
        }
    }
    Ok(())
}

fn copy_one(from: Node<'_>, to: Node<'_>, name: &CStr, value: &mut [u8]) -> Result<(), Errno> {
    let value = from.read(Some(name), value)?;
    match to {
        Node::Open(fd) => fsetxattr(fd, name, value, XattrFlags::empty()),
        Node::Named(dir, file) => {
            fchdir(dir).and_then(|()| lsetxattr(file, name, value, XattrFlags::empty()))
        }
    }
}
