//! A place in which entries lie under their own paths.

use core::mem::ManuallyDrop;

use rustix::fd::OwnedFd;
use rustix::fs::Mode;
use state_schema::sys_data::{TREE_DIR, WORK_DIR};

use crate::beneath::{PARENT, ensure_directory};
use crate::failure::Failure;

/// Inside a store: work directories of overlays. They stay from boot to boot, beside the tree that holds the
/// upper directories, since a mounted overlay must not lose its own.
pub(crate) const OVERLAY_WORK_DIR: &[u8] = b"work";

/// Only root looks into a store: what lies in it is reached through mounts, which restrict it.
pub(crate) const PRIVATE: Mode = Mode::from_raw_mode(0o700);

/// A place in which entries lie under their own paths: the slot's state, the common state, or the tmpfs
/// which ephemeral entries share.
///
/// # Invariants
///
/// All three are directories of one file system, so that a rename leads from one to the other.
pub(crate) struct Store {
    /// Holds [`Self::tree`] and the work directories of overlays.
    base: ManuallyDrop<OwnedFd>,
    tree: ManuallyDrop<OwnedFd>,
    /// Where something is made before it is renamed into [`Self::tree`].
    work: ManuallyDrop<OwnedFd>,
}

impl Store {
    /// The store whose tree is in `base`, with `work` beside it or somewhere above. Makes the tree if missing.
    pub(crate) fn new(base: OwnedFd, work: OwnedFd) -> Result<Self, Failure> {
        let tree = ensure_directory(&base, TREE_DIR.as_bytes(), PARENT)?;
        let [base, tree, work] = [base, tree, work].map(ManuallyDrop::new);
        Ok(Self { base, tree, work })
    }

    /// The store of a tmpfs: everything in its root directory.
    pub(crate) fn in_root(root: OwnedFd) -> Result<Self, Failure> {
        let work = ensure_directory(&root, WORK_DIR.as_bytes(), PRIVATE)?;
        Self::new(root, work)
    }

    pub(crate) fn base(&self) -> &OwnedFd {
        &self.base
    }

    pub(crate) fn tree(&self) -> &OwnedFd {
        &self.tree
    }

    pub(crate) fn work(&self) -> &OwnedFd {
        &self.work
    }
}
