//! What the image itself holds.

use core::mem::ManuallyDrop;

use rustix::fd::OwnedFd;
use rustix::fs::{FileType, Mode, OFlags, ResolveFlags, readlinkat_raw};
use rustix::mount::OpenTreeFlags;
use state_schema::Kind;

use crate::attributes;
use crate::beneath::DIRECTORY;
use crate::failure::{Failure, Finding};
use crate::file::Root;
use crate::legacy_mount::Stage;
use crate::step::Step;

/// The image as it is without our mounts: a private, read-only clone of its mounts that is attached nowhere.
///
/// A nested entry is seeded from the image after its parent may have been mounted over the place, so the
/// root itself does not show it any more.
pub(crate) struct Factory {
    root: ManuallyDrop<OwnedFd>,
}

impl Factory {
    /// Clones the root. After an earlier run only the root's own file system: by then, what is mounted inside
    /// may be state.
    #[inline(never)]
    pub(crate) fn clone_of(root: &Root, stage: Option<&Stage>, earlier_run: bool) -> Result<Self, Failure> {
        let step = Step::new("clone the mounts of the image", b"");
        if let Some(stage) = stage {
            let root = stage.clone_tree(&step, root.as_fd(), !earlier_run)?;
            return Ok(Self { root: ManuallyDrop::new(root) });
        }
        let flags = if earlier_run { OpenTreeFlags::empty() } else { OpenTreeFlags::AT_RECURSIVE };
        let root = step.clone_mount(None, root.as_fd(), flags)?;
        attributes::set_read_only_tree(&root).map_err(|errno| step.failed("mount_setattr", errno))?;
        Ok(Self { root: ManuallyDrop::new(root) })
    }

    /// Opens what lies at `path`, through no link, as what it has to be.
    pub(crate) fn open(&self, path: &[u8], kind: Kind) -> Result<OwnedFd, Failure> {
        let step = Step::new("open the image's", path);
        let flags = match kind {
            Kind::Directory => DIRECTORY,
            Kind::File => OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY,
        };
        let opened = self.open_with(&step, path, flags)?;
        if kind == Kind::File && !step.look(&opened)?.is_a(kind) {
            return Err(step.found(Finding::NotA(kind)));
        }
        Ok(opened)
    }

    /// Looks at what lies at `path`.
    #[cfg(feature = "system")]
    pub(crate) fn stat(&self, path: &[u8]) -> Result<rustix::fs::Stat, Failure> {
        let step = Step::new("look at the image's", path);
        step.stat(&self.open_with(&step, path, OFlags::PATH)?)
    }

    /// Reads the symlink at `path` into `target`; `None` when it is none.
    pub(crate) fn read_link<'b>(
        &self,
        step: &Step<'_>,
        path: &[u8],
        target: &'b mut [u8],
    ) -> Result<Option<&'b [u8]>, Failure> {
        let link = self.open_with(step, path, OFlags::PATH)?;
        if step.look(&link)?.file_type() != FileType::Symlink {
            return Ok(None);
        }
        let len =
            readlinkat_raw(&link, c"", &mut *target).map_err(|errno| step.failed("readlinkat", errno))?;
        Ok(target.get(..len))
    }

    fn open_with(&self, step: &Step<'_>, path: &[u8], flags: OFlags) -> Result<OwnedFd, Failure> {
        let relative = path.strip_prefix(b"/").unwrap_or(path);
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
        step.open(&self.root, relative, flags, Mode::empty(), resolve)
    }
}
