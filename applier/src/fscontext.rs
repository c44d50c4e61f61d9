//! File systems of our own making.

use core::ffi::CStr;

use rustix::fd::{AsRawFd as _, OwnedFd};
use rustix::io::Errno;
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, fsconfig_create, fsconfig_set_fd, fsconfig_set_string,
    fsmount, fsopen,
};

use crate::failure::Failure;
use crate::path::{NumberName, PathBuf};
use crate::step::Step;
use crate::text::Text;

/// What mounts of ours give as their source, by which people know them in `mount`'s output.
const SOURCE: &CStr = c"sysota";

/// A file system that is being configured.
pub(crate) struct FsContext {
    fd: OwnedFd,
    operation: &'static str,
}

impl FsContext {
    /// `operation` is for messages.
    pub(crate) fn open(fstype: &CStr, operation: &'static str) -> Result<Self, Failure> {
        let fd = fsopen(fstype, FsOpenFlags::FSOPEN_CLOEXEC)
            .map_err(|errno| Failure::call(operation, b"", "fsopen", errno))?;
        let context = Self { fd, operation };
        context.set(c"source", SOURCE)?;
        Ok(context)
    }

    pub(crate) fn set(&self, key: &CStr, value: &CStr) -> Result<(), Failure> {
        fsconfig_set_string(&self.fd, key, value).map_err(|errno| self.failed(key, "fsconfig", errno))
    }

    /// Sets an option to an opened directory: by the descriptor with `fd_key`, which Linux 6.13 takes, and
    /// which shows the directory's path in mountinfo; else by a path with `path_key`, which needs `/proc`.
    pub(crate) fn set_directory(&self, fd_key: &CStr, path_key: &CStr, dir: &OwnedFd) -> Result<(), Failure> {
        if fsconfig_set_fd(&self.fd, fd_key, dir).is_ok() {
            return Ok(());
        }
        // What the kernel said about that is not what a later failure is about.
        self.text();
        let step = Step::new(self.operation, path_key.to_bytes());
        let number = NumberName::new(u64::from(dir.as_raw_fd().unsigned_abs()));
        let mut buffer = PathBuf::new();
        self.set(path_key, step.path(&mut buffer, &[b"/proc/self/fd/", number.as_c_str().to_bytes()])?)
    }

    /// Makes the file system and a detached mount of it.
    pub(crate) fn mount(self) -> Result<OwnedFd, Failure> {
        fsconfig_create(&self.fd).map_err(|errno| self.failed(c"", "fsconfig", errno))?;
        fsmount(&self.fd, FsMountFlags::FSMOUNT_CLOEXEC, MountAttrFlags::empty())
            .map_err(|errno| self.failed(c"", "fsmount", errno))
    }

    #[cold]
    fn failed(&self, key: &CStr, call: &'static str, errno: Errno) -> Failure {
        Failure::explained(self.operation, key.to_bytes(), call, errno, &self.text())
    }

    /// What the kernel has to say: one message for each read, `e ` before errors. The last error counts.
    fn text(&self) -> Text<256> {
        let mut text = Text::new();
        let mut message = [0; 256];
        while let Ok(len @ 1..) = rustix::io::read(&self.fd, &mut message) {
            if let Some(error) = message.get(..len).and_then(|message| message.strip_prefix(b"e ")) {
                text = Text::of(error.trim_ascii_end());
            }
        }
        text
    }
}
