//! File systems of our own making.

use core::ffi::CStr;

use rustix::fd::OwnedFd;
use rustix::io::Errno;
#[cfg(feature = "system")]
use rustix::mount::fsconfig_set_flag;
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, fsconfig_create, fsconfig_set_fd, fsconfig_set_string,
    fsmount, fsopen,
};

use crate::failure::Failure;
use crate::legacy_mount::{FileSystem, Stage};
use crate::path::{NumberName, Room};
use crate::step::Step;
use crate::text::Text;

/// What mounts of ours give as their source, by which people know them in `mount`'s output.
const SOURCE: &[u8] = b"sysota";

/// A file system that is being configured.
pub(crate) struct FsContext<'s> {
    configured: Configured<'s>,
    operation: &'static str,
}

#[cfg_attr(
    feature = "system",
    expect(clippy::large_enum_variant, reason = "there is no heap, and one is used at a time")
)]
enum Configured<'s> {
    InKernel(OwnedFd),
    Legacy(FileSystem<'s>),
}

impl<'s> FsContext<'s> {
    /// `operation` is for messages.
    #[cfg_attr(
        not(feature = "system"),
        expect(unreachable_code, reason = "there is no stage then, and the compiler knows it")
    )]
    pub(crate) fn open(
        stage: Option<&'s Stage>,
        fstype: &'s CStr,
        operation: &'static str,
    ) -> Result<Self, Failure> {
        if let Some(stage) = stage {
            return Ok(Self { configured: Configured::Legacy(FileSystem::new(stage, fstype)), operation });
        }
        let fd = fsopen(fstype, FsOpenFlags::FSOPEN_CLOEXEC)
            .map_err(|errno| Failure::call(operation, b"", "fsopen", errno))?;
        let mut context = Self { configured: Configured::InKernel(fd), operation };
        context.set(c"source", SOURCE)?;
        Ok(context)
    }

    /// Of a device, by the kernel's own calls.
    #[cfg(feature = "system")]
    pub(crate) fn of_device(fstype: &[u8], device: &[u8], operation: &'static str) -> Result<Self, Failure> {
        let fd = fsopen(Room::new().terminated(fstype), FsOpenFlags::FSOPEN_CLOEXEC)
            .map_err(|errno| Failure::call(operation, fstype, "fsopen", errno))?;
        let mut context = Self { configured: Configured::InKernel(fd), operation };
        context.set(c"source", device)?;
        Ok(context)
    }

    /// Sets an option that is there or not.
    #[cfg(feature = "system")]
    pub(crate) fn set_flag(&mut self, name: &[u8]) -> Result<(), Failure> {
        match &self.configured {
            Configured::InKernel(fd) => {
                let mut room = Room::new();
                let name = room.terminated(name);
                fsconfig_set_flag(fd, name)
                    .map_err(|errno| failed(self.operation, fd, name, "fsconfig", errno))
            }
            Configured::Legacy(_) => Ok(()),
        }
    }

    pub(crate) fn set(&mut self, key: &CStr, value: &[u8]) -> Result<(), Failure> {
        match &mut self.configured {
            Configured::InKernel(fd) => fsconfig_set_string(&*fd, key, Room::new().terminated(value))
                .map_err(|errno| failed(self.operation, fd, key, "fsconfig", errno)),
            Configured::Legacy(system) => system.set(&Step::new(self.operation, key.to_bytes()), key, value),
        }
    }

    /// Sets an option to an opened directory: by the descriptor with `fd_key`, which Linux 6.13 takes, and
    /// which shows the directory's path in mountinfo; else by a path with `path_key`, which needs `/proc`.
    pub(crate) fn set_directory(
        &mut self,
        fd_key: &CStr,
        path_key: &CStr,
        dir: &OwnedFd,
    ) -> Result<(), Failure> {
        if let Configured::InKernel(fd) = &self.configured {
            if fsconfig_set_fd(fd, fd_key, dir).is_ok() {
                return Ok(());
            }
            // What the kernel said about that is not what a later failure is about.
            said(fd);
        }
        self.set(path_key, NumberName::of_descriptor(dir).bytes())
    }

    /// Makes the file system and a mount of it, attached nowhere yet.
    pub(crate) fn mount(self) -> Result<OwnedFd, Failure> {
        self.mount_with(MountAttrFlags::empty())
    }

    /// The same, with attributes of the mount, which a stage sets by itself.
    #[inline]
    pub(crate) fn mount_with(self, attributes: MountAttrFlags) -> Result<OwnedFd, Failure> {
        match &self.configured {
            Configured::InKernel(fd) => {
                fsconfig_create(fd).map_err(|errno| failed(self.operation, fd, c"", "fsconfig", errno))?;
                fsmount(fd, FsMountFlags::FSMOUNT_CLOEXEC, attributes)
                    .map_err(|errno| failed(self.operation, fd, c"", "fsmount", errno))
            }
            Configured::Legacy(system) => system.mount(&Step::new(self.operation, b""), SOURCE),
        }
    }
}

fn failed(
    operation: &'static str,
    context: &OwnedFd,
    key: &CStr,
    call: &'static str,
    errno: Errno,
) -> Failure {
    Failure::explained(operation, key.to_bytes(), call, errno, said(context).bytes())
}

/// What the kernel has to say: one message for each read, `e ` before errors. The last error counts.
fn said(context: &OwnedFd) -> Text {
    let mut text = Text::new();
    let mut message = [0; 256];
    while let Ok(len @ 1..) = rustix::io::read(context, &mut message) {
        if let Some(error) = message.get(..len).and_then(|message| message.strip_prefix(b"e ")) {
            text = Text::of(error.trim_ascii_end());
        }
    }
    text
}
