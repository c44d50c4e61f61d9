//! Overlays: the image's directory below, the state above it.

use rustix::fd::OwnedFd;
use state_schema::StatePath;

use crate::beneath::{ensure_directory, ensure_parent, open_directory, split};
use crate::failure::Failure;
use crate::fscontext::FsContext;
use crate::legacy_mount::Stage;
use crate::path::NumberName;
use crate::step::Step;
use crate::store::{OVERLAY_WORK_DIR, PRIVATE, Store};

const MAKE: &str = "make the overlay";

/// An overlay, attached nowhere yet, of `lower` and the state at `path` in `store`.
pub(crate) fn make(
    path: StatePath<'_>,
    lower: &OwnedFd,
    store: &Store,
    work: &OwnedFd,
    stage: Option<&Stage>,
) -> Result<OwnedFd, Failure> {
    let step = Step::new(MAKE, path.as_str().as_bytes());
    let upper = open_directory(&step, store.tree(), path.relative().as_bytes())?;
    let mut context = FsContext::open(stage, c"overlay", MAKE)?;
    // The upper directory is to mean the same above every image's directory: nothing in it may refer to
    // files of the one it was made on. And on sys-data, anybody may have written such a reference.
    context.set(c"index", b"off")?;
    context.set(c"metacopy", b"off")?;
    context.set(c"redirect_dir", b"nofollow")?;
    context.set_directory(c"lowerdir+", c"lowerdir", lower)?;
    context.set_directory(c"upperdir", c"upperdir", &upper)?;
    context.set_directory(c"workdir", c"workdir", work)?;
    context.mount()
}

/// Opens the overlay's work directory, `work/DEPTH/PATH` beside the tree.
///
/// The depth keeps one out of the other: the kernel fills the work directory of `/etc` with names of its own
/// choice, and the one of `/etc/ssh` must not lie among them.
#[inline(never)]
pub(crate) fn open_work(path: StatePath<'_>, store: &Store) -> Result<OwnedFd, Failure> {
    let relative = path.relative().as_bytes();
    let all = ensure_directory(store.base(), OVERLAY_WORK_DIR, PRIVATE)?;
    let depth =
        NumberName::new(relative.iter().fold(1, |depth, &byte| depth.saturating_add((byte == b'/').into())));
    let level = ensure_directory(&all, depth.bytes(), PRIVATE)?;
    let parent = ensure_parent(&level, relative)?;
    ensure_directory(&parent, split(relative).1, PRIVATE)
}
