//! Where two images do not agree about what they seed, one path at a time.
//!
//! What images hold is known by digest, from their blobs, in the same order in both; so all is found in one pass over
//! both lists, without a heap, and nothing of the user's is read unless the images differ there.

use core::cmp::Ordering;

use rustix::fd::OwnedFd;
use rustix::fs::{FileType, OFlags, readlinkat_raw};
use state_schema::{Blob, Description, Digest, Entry, FactoryFile, compare_paths};

use crate::beneath::{self, DIRECTORY, file_type, split};
use crate::chronicle::Conflict;
use crate::failure::Failure;
use crate::plan::entries;
use crate::step::Step;

const COMPARE: &str = "compare with the image's";

/// A path that is not the same in both images.
pub(crate) struct Change<'c, 'a> {
    /// The entry that takes care of it, one that is merged.
    pub(crate) entry: Entry<'a>,
    /// Where it lies in the tree of the state, with a slash in front.
    pub(crate) path: &'c [u8],
    /// What the old image has there.
    old: Option<&'c Digest>,
    /// What the new image has there.
    new: Option<&'c Digest>,
}

/// What the user has at a path.
pub(crate) struct Users {
    digest: Digest,
    pub(crate) is_directory: bool,
}

/// What is to be done about a change.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is as it has to be, or will be seeded.
    Settled,
    /// The user did not touch it: it becomes what the new image has.
    Follow,
    /// The user did, and keeps it.
    Conflict(Conflict),
}

/// Hands all changes from `base` to `blob` to `take`, in the order of paths.
pub(crate) fn each_change<'a>(
    base: Option<&Blob<'_>>,
    blob: &Blob<'a>,
    take: &mut dyn FnMut(&Change<'_, 'a>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    // No item is an error on lists that were checked.
    let mut old_files = base.into_iter().flat_map(Blob::factory_files).filter_map(Result::ok);
    let mut new_files = blob.factory_files().filter_map(Result::ok);
    let (mut old, mut new) = (old_files.next(), new_files.next());
    loop {
        let order = match (&old, &new) {
            (None, None) => return Ok(()),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(old), Some(new)) => compare_paths(old.path, new.path),
        };
        let (mut one, mut other) = (None, None);
        if order.is_le() {
            one = core::mem::replace(&mut old, old_files.next());
        }
        if order.is_ge() {
            other = core::mem::replace(&mut new, new_files.next());
        }
        let Some(path) = one.or(other).map(|file: FactoryFile<'_>| file.path) else { return Ok(()) };
        let [old, new] = [one, other].map(|file| file.map(|file| file.digest));
        if old != new
            && let Some(entry) = merged_entry(blob, path)
        {
            take(&Change { entry, path, old, new })?;
        }
    }
}

/// The entry that takes care of a path in the tree, if it is one that is merged.
#[inline(never)]
pub(crate) fn merged_entry<'a>(blob: &Blob<'a>, path: &[u8]) -> Option<Entry<'a>> {
    let mut nearest: Option<(usize, Entry<'a>)> = None;
    for entry in entries(blob) {
        // Where the image has a symlink there is no state.
        for place in [entry.path, entry.state_path()] {
            let place = place.as_str().as_bytes();
            if (path == place || is_beneath(path, place)) && nearest.is_none_or(|(len, _)| place.len() >= len)
            {
                nearest = Some((place.len(), entry));
            }
        }
    }
    let (len, entry) = nearest?;
    (entry.is_merged() && len == entry.state_path().as_str().len()).then_some(entry)
}

impl Change<'_, '_> {
    /// Whether it is about the entry's own file or directory.
    pub(crate) fn is_own(&self) -> bool {
        self.path == self.entry.state_path().as_str().as_bytes()
    }

    /// Whether the new image has something there.
    pub(crate) fn has_new(&self) -> bool {
        self.new.is_some()
    }

    /// Whether the user has a directory in `tree` that it lies in.
    pub(crate) fn has_parent(&self, tree: &OwnedFd) -> Result<bool, Failure> {
        Ok(open_parent(&Step::new(COMPARE, self.path), tree, self.path)?.is_some())
    }

    /// Looks at what the user has there in `tree`, and judges.
    #[inline(never)]
    pub(crate) fn judge(&self, tree: &OwnedFd) -> Result<(Verdict, Option<Users>), Failure> {
        let users = look(tree, self.path)?;
        let digest = users.as_ref().map(|users| &users.digest);
        let is_seeded = || {
            let is_there = look(tree, self.entry.state_path().as_str().as_bytes());
            is_there.map(|own| own.is_none())
        };
        let verdict = match (self.old, self.new) {
            _ if digest == self.new => Verdict::Settled,
            // It is to be seeded as a whole.
            _ if digest.is_none() && (self.is_own() || is_seeded()?) => Verdict::Settled,
            (old, _) if digest == old => Verdict::Follow,
            (Some(_), None) => Verdict::Conflict(Conflict::ImageRemoved),
            (None, _) => Verdict::Conflict(Conflict::BothAdded),
            (Some(_), Some(_)) if digest.is_none() => Verdict::Conflict(Conflict::UserRemoved),
            (Some(_), Some(_)) => Verdict::Conflict(Conflict::BothChanged),
        };
        Ok((verdict, users))
    }
}

/// Looks at what lies at a path of a tree, with a slash in front.
#[inline(never)]
fn look(tree: &OwnedFd, path: &[u8]) -> Result<Option<Users>, Failure> {
    let step = Step::new(COMPARE, path);
    let relative = path.get(1..).unwrap_or_default();
    let Some(place) = beneath::open_reachable(&step, tree, relative, OFlags::PATH)? else { return Ok(None) };
    let stat = step.stat(&place)?;
    let mut description = Description::new(stat.st_mode, stat.st_uid, stat.st_gid, stat.st_rdev);
    let mut chunk = [0; 16384];
    match file_type(&stat) {
        FileType::RegularFile => {
            let file =
                beneath::open(&step, tree, relative, OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY)?;
            while let len @ 1.. = step.read_up_to(&file, &mut chunk)? {
                description.add(chunk.get(..len).unwrap_or_default());
            }
        }
        FileType::Symlink => {
            let len = readlinkat_raw(&place, c"", &mut chunk[..])
                .map_err(|errno| step.failed("readlinkat", errno))?;
            description.add(chunk.get(..len).unwrap_or_default());
        }
        _ => {}
    }
    let is_directory = file_type(&stat) == FileType::Directory;
    Ok(Some(Users { digest: description.digest(), is_directory }))
}

/// Opens the directory of a tree that holds `path`, which has a slash in front; `None` where the user has none.
#[inline(never)]
pub(crate) fn open_parent(step: &Step<'_>, tree: &OwnedFd, path: &[u8]) -> Result<Option<OwnedFd>, Failure> {
    let (parent, _) = split(path.get(1..).unwrap_or_default());
    beneath::open_reachable(step, tree, parent, DIRECTORY)
}

/// Whether `path` lies beneath `above`.
pub(crate) fn is_beneath(path: &[u8], above: &[u8]) -> bool {
    path.strip_prefix(above).is_some_and(|below| below.starts_with(b"/"))
}
