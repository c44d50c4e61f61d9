//! Three-way merge of files: the old image's, the new image's, the user's.
//!
//! The user's are in the new state already. What the user did not touch follows the new image. What the user did touch
//! stays, and where the image has changed it too, that is a conflict: it is told, and the image's version is kept in
//! `replaced/`.

use rustix::fd::OwnedFd;
use rustix::fs::{AtFlags, FileType};
use rustix::io::Errno;
use state_schema::{Blob, Entry, Kind};

use crate::beneath::{self, file_type, split};
use crate::changes::{Change, Verdict, each_change, is_beneath, merged_entry, open_parent};
use crate::chronicle::{Chronicle, Conflict, Witness};
use crate::copy::{Copier, Omission};
use crate::displaced;
use crate::failure::Failure;
use crate::link;
use crate::path::PathBuf;
use crate::seed::{IMAGE, Seeder};
use crate::step::{self, Step};
use crate::store::Store;
use crate::work::discard_all;

const MERGE: &str = "merge";

/// Directories inside each other that an update removes or replaces. Those that lie deeper stay.
const MAX_DOOMED: usize = 64;

/// A merge on its way through the changes.
pub(crate) struct Merge<'m, 'a> {
    seeder: &'m Seeder<'m, 'a>,
    store: &'m Store,
    /// Where the image's files are copied to before they get their place.
    scratch: &'m OwnedFd,
    chronicle: &'m mut Chronicle,
    /// The last conflict where the user has no directory. What the image has beneath it is no conflict of its own.
    told: PathBuf,
    doomed: Doomed,
}

/// Directories that go when everything in them is gone: each beneath the one before, and the next file beneath the last.
struct Doomed {
    path: PathBuf,
    /// For each, how long the path was without it, and whether the image has something else in its place.
    levels: [(usize, bool); MAX_DOOMED],
    depth: usize,
}

impl<'m, 'a> Merge<'m, 'a> {
    pub(crate) fn new(
        seeder: &'m Seeder<'m, 'a>,
        store: &'m Store,
        scratch: &'m OwnedFd,
        chronicle: &'m mut Chronicle,
    ) -> Self {
        let doomed = Doomed { path: PathBuf::new(), levels: [(0, false); MAX_DOOMED], depth: 0 };
        Self { seeder, store, scratch, chronicle, told: PathBuf::new(), doomed }
    }

    /// Merges the changes from the image of `base` to the one that boots into the user's files.
    #[inline(never)]
    pub(crate) fn run(mut self, base: Option<&Blob<'_>>) -> Result<(), Failure> {
        each_change(base, self.seeder.blob(), &mut |change| {
            self.leave_above(change.path)?;
            self.merge(change)
        })?;
        self.leave_above(b"")
    }

    #[inline(never)]
    fn merge(&mut self, change: &Change<'_, 'a>) -> Result<(), Failure> {
        let (verdict, users) = change.judge(self.store.tree())?;
        let is_directory = users.as_ref().is_some_and(|users| users.is_directory);
        let conflict = match verdict {
            Verdict::Settled => return Ok(()),
            Verdict::Conflict(conflict) => conflict,
            Verdict::Follow => {
                // What cannot be put in its place is where the user has removed or replaced the directory.
                if self.follow(change, is_directory, users.is_some())? {
                    return Ok(());
                }
                Conflict::UserRemoved
            }
        };
        self.tell(&change.entry, change.path, conflict, change.has_new(), is_directory)
    }

    /// Does as the new image does. `false` if there is no directory to do it in.
    #[inline(never)]
    fn follow(&mut self, change: &Change<'_, 'a>, is_directory: bool, exists: bool) -> Result<bool, Failure> {
        let Change { entry, path, .. } = change;
        let step = Step::new(MERGE, path);
        let Some(dir) = open_parent(&step, self.store.tree(), path)? else { return Ok(!change.has_new()) };
        let (_, name) = split(path);
        if is_directory {
            let of_image = if !change.has_new() {
                None
            } else if change.is_own() {
                Some((entry.uid, entry.gid, u32::from(entry.mode.bits())))
            } else {
                let stat = self.seeder.factory().stat(path)?;
                let is_directory = file_type(&stat) == FileType::Directory;
                is_directory.then_some((stat.st_uid, stat.st_gid, stat.st_mode & 0o7777))
            };
            let Some((uid, gid, mode)) = of_image else {
                self.doomed.push(path, change.has_new());
                return Ok(true);
            };
            let opened = beneath::open_directory(&step, &dir, name)?;
            step.change_owner(&opened, b"", uid, gid)?;
            step.change_mode(&opened, mode)?;
            return Ok(true);
        }
        if exists {
            step.remove(&dir, name, AtFlags::empty())?;
        }
        // The entry's own file is seeded like any that is missing.
        if change.has_new() && !change.is_own() {
            self.copy(path)?;
            step.rename(self.scratch, name, &dir, name)?;
        }
        Ok(true)
    }

    /// Tells of a conflict, and keeps the image's version.
    #[inline(never)]
    fn tell(
        &mut self,
        entry: &Entry<'a>,
        path: &[u8],
        conflict: Conflict,
        has_new: bool,
        is_directory: bool,
    ) -> Result<(), Failure> {
        let is_own = path == entry.state_path().as_str().as_bytes();
        let mut kept = None;
        // Of the entry's own directory there is nothing but the mode to keep.
        if has_new && !(is_own && entry.kind == Kind::Directory) {
            let (_, name) = split(path);
            if is_own {
                link::build(self.seeder, entry, self.scratch, name)?;
            } else {
                self.copy(path)?;
            }
            kept = displaced::keep(self.store, path, self.scratch, name)?;
            // If there are too many: the image itself has it as well.
            discard_all(self.scratch)?;
        }
        if self.told.bytes().is_empty() || !is_beneath(path, self.told.bytes()) {
            self.chronicle.conflict(conflict, path, kept.as_ref());
            if !is_directory {
                self.told.set(path);
            }
        }
        Ok(())
    }

    /// Removes the doomed directories that `next` does not lie in, and all that is doomed at the end.
    #[inline(never)]
    fn leave_above(&mut self, next: &[u8]) -> Result<(), Failure> {
        while self.doomed.depth > 0 && !is_beneath(next, self.doomed.path.bytes()) {
            let mut path = PathBuf::new();
            path.set(self.doomed.path.bytes());
            let has_new = self.doomed.pop();
            self.leave(path.bytes(), has_new)?;
        }
        Ok(())
    }

    #[inline(never)]
    fn leave(&mut self, path: &[u8], has_new: bool) -> Result<(), Failure> {
        let step = Step::new(MERGE, path);
        let entry = merged_entry(self.seeder.blob(), path);
        let (Some(dir), Some(entry)) = (open_parent(&step, self.store.tree(), path)?, entry) else {
            return Ok(());
        };
        let (_, name) = split(path);
        match step::remove(&dir, name, AtFlags::REMOVEDIR) {
            Ok(()) if has_new => {
                self.copy(path)?;
                step.rename(self.scratch, name, &dir, name)
            }
            // Something of the user's keeps it.
            Err(Errno::NOTEMPTY | Errno::EXIST) if has_new => {
                self.tell(&entry, path, Conflict::BothChanged, true, true)
            }
            Ok(()) | Err(Errno::NOTEMPTY | Errno::EXIST) => Ok(()),
            Err(errno) => Err(step.failed("unlinkat", errno)),
        }
    }

    /// Copies what the image has at a path, of a directory the directory alone, into the scratch directory.
    #[inline(never)]
    fn copy(&self, path: &[u8]) -> Result<(), Failure> {
        let (parent, _) = split(path);
        let from = self.seeder.factory().open(parent, Kind::Directory)?;
        Copier::new(IMAGE, parent)?.copy_children(&from, self.scratch, &|at| {
            if at == path { Omission::Beneath } else { Omission::All }
        })
    }
}

impl Doomed {
    fn push(&mut self, path: &[u8], has_new: bool) {
        let before = self.path.bytes().len();
        if let Some(level) = self.levels.get_mut(self.depth) {
            self.path.set(path);
            *level = (before, has_new);
            self.depth = self.depth.saturating_add(1);
        }
    }

    fn pop(&mut self) -> bool {
        self.depth = self.depth.saturating_sub(1);
        let (before, has_new) = self.levels.get(self.depth).copied().unwrap_or_default();
        self.path.truncate(before);
        has_new
    }
}
