//! State that no entry shows.

use rustix::fd::OwnedFd;
use state_schema::{Blob, Entry, Lifetime, Scope};

use crate::beneath::file_type;
use crate::changes::is_beneath;
use crate::failure::Failure;
use crate::plan::entries;
use crate::takeover::STATE;
use crate::walk::{Way, walk};

/// Hands the topmost paths in `tree` to `take` that are neither state of an entry of `blob` with this scope, nor on the way to
/// one: with a slash in front.
#[inline(never)]
pub(crate) fn each_orphan(
    tree: &OwnedFd,
    blob: &Blob<'_>,
    scope: Scope,
    take: &mut dyn FnMut(&[u8]),
) -> Result<(), Failure> {
    walk(STATE, tree, &mut |path, stat| {
        let is_of_scope =
            |entry: &Entry<'_>| matches!(entry.lifetime, Lifetime::Persistent(of) if of.scope == scope);
        let mut is_on_the_way = false;
        for entry in entries(blob).filter(is_of_scope) {
            let place = entry.state_path().relative().as_bytes();
            if place == path || is_beneath(path, place) {
                return Way::Past;
            }
            is_on_the_way |= is_beneath(place, path);
        }
        if is_on_the_way && file_type(stat) == rustix::fs::FileType::Directory {
            return Way::Into;
        }
        take(path);
        Way::Past
    })
}
