//! State in memory.

use linux_raw_sys::general::TMPFS_MAGIC;
use rustix::fd::OwnedFd;
use rustix::fs::{Mode, ResolveFlags};

use crate::beneath::DIRECTORY;
use crate::failure::Failure;
use crate::fscontext::FsContext;
use crate::legacy_mount::Stage;
use crate::path::NumberName;
use crate::step::Step;
use crate::store::{PRIVATE, Store};
use crate::work::discard_all;

/// In the run directory: where the tmpfs that ephemeral entries share is mounted.
///
/// It has to be: before Linux 6.15, a part of a mount that is nowhere cannot be cloned.
const SHARED: &[u8] = b"ephemeral";

/// The place of the tmpfs that ephemeral entries share.
pub(crate) struct Shared {
    place: OwnedFd,
    is_mounted: bool,
}

const MAKE: &str = "make the tmpfs";

impl Shared {
    /// Looks at the place in the run directory.
    pub(crate) fn find(run: &OwnedFd) -> Result<Self, Failure> {
        let step = Step::new(MAKE, SHARED);
        step.make_missing_directory(run, SHARED, PRIVATE)?;
        let place = open_shared(run)?;
        let is_mounted = step.is_mount_root(&place)? && step.is_of_type(&place, TMPFS_MAGIC)?;
        Ok(Self { place, is_mounted })
    }

    /// Whether an earlier run of this boot mounted it.
    pub(crate) fn is_mounted(&self) -> bool {
        self.is_mounted
    }

    /// Mounts it, if that was not done, and opens it as a store.
    pub(crate) fn open(self, run: &OwnedFd, stage: Option<&Stage>) -> Result<Store, Failure> {
        let mut place = self.place;
        if !self.is_mounted {
            let mut context = FsContext::open(stage, c"tmpfs", MAKE)?;
            context.set(c"mode", b"0700")?;
            Step::new(MAKE, SHARED).attach(stage, &context.mount()?, &place)?;
            place = open_shared(run)?;
        }
        let store = Store::in_root(place)?;
        discard_all(store.work())?;
        Ok(store)
    }
}

/// Our own mount may be there, so this is not `beneath`, which stays within one mount.
fn open_shared(run: &OwnedFd) -> Result<OwnedFd, Failure> {
    Step::new(MAKE, SHARED).open(run, SHARED, DIRECTORY, Mode::empty(), ResolveFlags::NO_SYMLINKS)
}

/// An empty tmpfs, attached nowhere yet, that holds at most `size` bytes.
pub(crate) fn of_size(size: u64, stage: Option<&Stage>) -> Result<OwnedFd, Failure> {
    let mut context = FsContext::open(stage, c"tmpfs", "make a tmpfs")?;
    context.set(c"size", NumberName::new(size).bytes())?;
    context.mount()
}
