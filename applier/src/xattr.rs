//! Extended attributes: labels, access control lists, capabilities.

use core::ffi::CStr;
use core::mem::MaybeUninit;

use rustix::fd::OwnedFd;
use rustix::fs::{
    XattrFlags, fgetxattr, flistxattr, flistxattr_query, fsetxattr, lgetxattr, llistxattr, llistxattr_query,
    lsetxattr,
};
use rustix::io::Errno;
use rustix::process::fchdir;

use crate::text::Text;

/// Longest list of names, and longest value, in bytes: `XATTR_LIST_MAX` and `XATTR_SIZE_MAX`.
const MAX: usize = 65536;

/// What has attributes.
#[derive(Clone, Copy)]
pub(crate) enum Node<'a> {
    /// A file or directory that is open.
    Open(&'a OwnedFd),
    /// What lies in a directory and cannot be opened without effect: a symlink, a FIFO, a device.
    Named(&'a OwnedFd, &'a CStr),
}

/// An attribute that could not be copied.
pub(crate) struct XattrError {
    /// Empty where the names could not be listed.
    pub(crate) name: Text<64>,
    pub(crate) errno: Errno,
}

/// Copies all attributes, except `security.evm`: a signature over the inode itself, which is never valid on
/// a copy.
pub(crate) fn copy(from: Node<'_>, to: Node<'_>) -> Result<(), XattrError> {
    // Most files have none, and the buffers are large.
    let names = match from {
        Node::Open(fd) => flistxattr_query(fd),
        // There is no call that takes a directory and a name on kernels that we support, and a path through
        // /proc needs /proc. The working directory is nobody else's.
        Node::Named(dir, name) => fchdir(dir).and_then(|()| llistxattr_query(name)),
    };
    match names {
        Ok(0) | Err(Errno::OPNOTSUPP) => Ok(()),
        Ok(_) => copy_listed(from, to),
        Err(errno) => Err(XattrError { name: Text::new(), errno }),
    }
}

#[inline(never)]
#[expect(clippy::large_stack_arrays, reason = "there is no heap, and this calls nothing that needs much")]
fn copy_listed(from: Node<'_>, to: Node<'_>) -> Result<(), XattrError> {
    let mut names = [MaybeUninit::uninit(); MAX];
    let (names, _) = match from {
        Node::Open(fd) => flistxattr(fd, &mut names[..]),
        Node::Named(dir, name) => fchdir(dir).and_then(|()| llistxattr(name, &mut names[..])),
    }
    .map_err(|errno| XattrError { name: Text::new(), errno })?;
    for name in names.split_inclusive(|&byte| byte == 0) {
        let Ok(name) = CStr::from_bytes_with_nul(name) else { continue };
        if name != c"security.evm" {
            copy_one(from, to, name)
                .map_err(|errno| XattrError { name: Text::of(name.to_bytes()), errno })?;
        }
    }
    Ok(())
}

#[expect(clippy::large_stack_arrays, reason = "as above")]
fn copy_one(from: Node<'_>, to: Node<'_>, name: &CStr) -> Result<(), Errno> {
    let mut value = [MaybeUninit::uninit(); MAX];
    let (value, _) = match from {
        Node::Open(fd) => fgetxattr(fd, name, &mut value[..]),
        Node::Named(dir, file) => fchdir(dir).and_then(|()| lgetxattr(file, name, &mut value[..])),
    }?;
    match to {
        Node::Open(fd) => fsetxattr(fd, name, value, XattrFlags::empty()),
        Node::Named(dir, file) => {
            fchdir(dir).and_then(|()| lsetxattr(file, name, value, XattrFlags::empty()))
        }
    }
}
