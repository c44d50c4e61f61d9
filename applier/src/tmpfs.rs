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

/// The store in the tmpfs that ephemeral entries share, and whether an earlier run of this boot made it.
pub(crate) fn open_shared(run: &OwnedFd, stage: Option<&Stage>) -> Result<(Store, bool), Failure> {
    const MAKE: &str = "make the tmpfs";
    let step = Step::new(MAKE, SHARED);
    step.make_missing_directory(run, SHARED, PRIVATE)?;
    // Our own mount may be there, so this is not `beneath`, which stays within one mount.
    let open = || step.open(run, SHARED, DIRECTORY, Mode::empty(), ResolveFlags::NO_SYMLINKS);
    let mut place = open()?;
    let is_mounted = step.is_mount_root(&place)? && step.is_of_type(&place, TMPFS_MAGIC)?;
    if !is_mounted {
        let mut context = FsContext::open(stage, c"tmpfs", MAKE)?;
        context.set(c"mode", b"0700")?;
        step.attach(stage, &context.mount()?, &place)?;
        place = open()?;
    }
    let store = Store::in_root(place)?;
    discard_all(store.work())?;
    Ok((store, is_mounted))
}

/// An empty tmpfs, attached nowhere yet, that holds at most `size` bytes.
pub(crate) fn of_size(size: u64, stage: Option<&Stage>) -> Result<OwnedFd, Failure> {
    let mut context = FsContext::open(stage, c"tmpfs", "make a tmpfs")?;
    context.set(c"size", NumberName::new(size).bytes())?;
    context.mount()
}
