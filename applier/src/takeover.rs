//! Making a slot's state from one that was used before.

use rustix::fd::OwnedFd;
use rustix::fs::{AtFlags, ResolveFlags};
use state_schema::sys_data::{REPLACED_DIR, TREE_DIR};
use state_schema::{
    Blob, Change, Difference, Entry, How, Kind, Lifetime, OnUpdate, Persistence, Scope, SlotName, compare,
};

use crate::beneath::{
    DIRECTORY, ensure_directory, ensure_parent, open_directory, open_existing, open_reachable, split,
};
use crate::blob::BlobFile;
use crate::chronicle::{Chronicle, Conflict, Witness};
use crate::copy::{Copier, Omission, Source};
use crate::displaced;
use crate::failure::Failure;
use crate::merge::Merge;
use crate::plan::{entries, items};
use crate::seed::Seeder;
use crate::step::Step;
use crate::store::{PRIVATE, Store};
use crate::succession::{make_directory, open_blob, write_blob};
use crate::sys_data::SysData;
use crate::transition::Event;
use crate::wish::Wish;
use crate::work::discard_all;

const TAKE_OVER: &str = "take over the state of";

/// How state is opened: anything may lie there, but nobody is there to change it.
pub(crate) const STATE: Source = Source {
    operation: TAKE_OVER,
    resolve: ResolveFlags::BENEATH
        .union(ResolveFlags::NO_SYMLINKS)
        .union(ResolveFlags::NO_MAGICLINKS)
        .union(ResolveFlags::NO_XDEV),
};

/// Where single files are made before they get their place.
const SCRATCH: &[u8] = b".scratch";

/// The state that is taken over.
pub(crate) struct Origin<'t> {
    /// The directory of its slot.
    pub(crate) dir: &'t OwnedFd,
    /// The slot's name.
    pub(crate) slot: &'t [u8],
    /// Number of the boot that takes it over.
    pub(crate) state: u64,
    /// Why it does.
    pub(crate) event: Event,
}

/// A slot's state in the making.
pub(crate) struct TakeOver<'t, 'a> {
    sys_data: &'t SysData,
    seeder: &'t Seeder<'t, 'a>,
    origin: &'t Origin<'t>,
    /// What somebody wants to begin afresh.
    wish: Wish,
    dir: OwnedFd,
    store: Store,
    scratch: OwnedFd,
}

/// What becomes of an entry's state, as a whole.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// It is copied.
    Carried,
    /// It is left behind, and seeded.
    Afresh,
    /// The same, since the new image could not use it.
    Unusable,
}

impl<'t, 'a> TakeOver<'t, 'a> {
    #[inline(never)]
    pub(crate) fn new(
        sys_data: &'t SysData,
        seeder: &'t Seeder<'t, 'a>,
        slot: SlotName<'_>,
        origin: &'t Origin<'t>,
    ) -> Result<Self, Failure> {
        let dir = make_directory(sys_data, slot)?;
        let store = sys_data.slot_store(&dir)?;
        let scratch = ensure_directory(sys_data.work(), SCRATCH, PRIVATE)?;
        let wish = Wish::read(origin.dir)?;
        Ok(Self { sys_data, seeder, origin, wish, dir, store, scratch })
    }

    /// Makes all of it, for `file`'s blob, the seeder's. Returns the slot's directory, still where it is worked on.
    #[inline(never)]
    pub(crate) fn make(self, file: &BlobFile) -> Result<OwnedFd, Failure> {
        // Without it nothing tells what the user changed, so that all of it counts as the user's.
        let base = open_blob(self.origin.dir)?;
        let base = base.as_ref().and_then(|base| base.decode().ok());
        let base = base.as_ref().filter(|base| base.check_factory_files().is_ok());
        let image_id = base.map_or("-", |base| base.image().id);
        let from = Some((self.origin.slot, image_id.as_bytes()));
        let mut chronicle = Chronicle::create(&self.dir, self.origin.state, self.origin.event, from)?;
        let step = Step::new(TAKE_OVER, self.origin.slot);
        if let Some(from) = open_existing(&step, self.origin.dir, REPLACED_DIR.as_bytes(), DIRECTORY)? {
            let to = ensure_directory(&self.dir, REPLACED_DIR.as_bytes(), PRIVATE)?;
            Copier::new(STATE, b"")?.copy_children(&from, &to, &|_| Omission::Nothing)?;
        }
        if let Some(from) = open_existing(&step, self.origin.dir, TREE_DIR.as_bytes(), DIRECTORY)? {
            self.take(&from, base, &mut chronicle)?;
        }
        if let Some(base) = base {
            tell_orphans(base, self.seeder.blob(), &mut chronicle);
        }
        Merge::new(self.seeder, &self.store, &self.scratch, &mut chronicle).run(base)?;
        chronicle.finish()?;
        write_blob(&self.dir, file)?;
        step.remove(self.sys_data.work(), SCRATCH, AtFlags::REMOVEDIR)?;
        Ok(self.dir)
    }

    /// Copies everything that goes on. What no entry declares goes on too, unless somebody wants it gone: a later image
    /// may want it.
    #[inline(never)]
    fn take(
        &self,
        from: &OwnedFd,
        base: Option<&Blob<'_>>,
        chronicle: &mut Chronicle,
    ) -> Result<(), Failure> {
        let is_left = |entry: &Entry<'_>| self.fate(entry, base) != Fate::Carried;
        let omission = |path: &[u8]| self.omission(path, &is_left);
        if self.wish.is_for_orphans() {
            self.take_declared(from, &omission)?;
        } else {
            Copier::new(STATE, b"")?.copy_children(from, self.store.tree(), &omission)?;
        }
        // What is carried beneath what is not.
        for item in items(self.seeder.blob()) {
            let entry = &item.entry;
            if !is_slots(entry) {
                continue;
            }
            match self.fate(entry, base) {
                Fate::Carried => {
                    if self.directory_above(entry).is_some_and(|above| is_left(&above)) {
                        let relative = entry.state_path().relative().as_bytes();
                        let parent = || ensure_parent(self.store.tree(), relative);
                        copy_one(from, entry, &parent, &omission)?;
                    }
                    continue;
                }
                Fate::Afresh => {}
                Fate::Unusable => {
                    let is_nested = |other: &Entry<'_>| other.path.is_beneath(entry.path);
                    let scratch = || open_directory(&Step::new(TAKE_OVER, b""), &self.scratch, b".");
                    copy_one(from, entry, &scratch, &|path| self.omission(path, &is_nested))?;
                    self.keep_scratch(entry, chronicle)?;
                }
            }
            // Its seed has to be there before anything is put into it.
            let has_nested = entries(self.seeder.blob()).any(|other| {
                is_slots(&other) && !is_left(&other) && other.state_path().is_beneath(entry.state_path())
            });
            if has_nested && !matches!(entry.how, How::Symlink { .. }) {
                self.seeder.place(&item, entry.lifetime, &self.store)?;
            }
        }
        Ok(())
    }

    /// Copies the state of the entries that lie in no other's, and so leaves out what belongs to none.
    #[inline(never)]
    fn take_declared(&self, from: &OwnedFd, omission: &dyn Fn(&[u8]) -> Omission) -> Result<(), Failure> {
        for entry in &mut entries(self.seeder.blob()) {
            let entry = &entry;
            let relative = entry.state_path().relative().as_bytes();
            if is_slots(entry) && self.directory_above(entry).is_none() && omission(relative) != Omission::All
            {
                copy_one(from, entry, &|| ensure_parent(self.store.tree(), relative), omission)?;
            }
        }
        Ok(())
    }

    #[inline(never)]
    fn fate(&self, entry: &Entry<'_>, base: Option<&Blob<'_>>) -> Fate {
        let Lifetime::Persistent(Persistence { on_update, .. }) = entry.lifetime else {
            return Fate::Carried;
        };
        if on_update == OnUpdate::Reset && self.origin.event == Event::Update || self.wish.is_for(entry.path)
        {
            return Fate::Afresh;
        }
        if base.is_some_and(|base| is_unusable(entry, base)) { Fate::Unusable } else { Fate::Carried }
    }

    /// What is left out at a path in the tree: the slot's entries that are `left`.
    #[inline(never)]
    fn omission(&self, path: &[u8], left: &dyn Fn(&Entry<'_>) -> bool) -> Omission {
        let mut omission = Omission::Nothing;
        for entry in entries(self.seeder.blob()).filter(is_slots) {
            match entry.state_path().relative().as_bytes().strip_prefix(path) {
                Some([]) if left(&entry) => return Omission::All,
                Some([b'/', ..]) if left(&entry) => omission = Omission::Beneath,
                _ => {}
            }
        }
        omission
    }

    /// Moves the entry's old state from where it was copied to `replaced/`.
    #[inline(never)]
    fn keep_scratch(&self, entry: &Entry<'_>, chronicle: &mut Chronicle) -> Result<(), Failure> {
        let path = entry.path.as_str().as_bytes();
        let step = Step::new(TAKE_OVER, path);
        let (_, name) = split(entry.path.relative().as_bytes());
        if step.stat_name(&self.scratch, name)?.is_some() {
            let kept = displaced::keep(&self.store, path, &self.scratch, name)?;
            chronicle.conflict(Conflict::Unusable, path, kept.as_ref());
        }
        discard_all(&self.scratch)
    }

    /// The slot's nearest entry in whose directory the state of this one lies.
    #[inline(never)]
    fn directory_above(&self, entry: &Entry<'_>) -> Option<Entry<'a>> {
        entries(self.seeder.blob())
            .filter(|above| is_slots(above) && above.kind == Kind::Directory)
            .filter(|above| entry.state_path().is_beneath(above.path))
            .last()
    }
}

/// Copies the state of one entry into the directory that `to` gives, if there is any.
#[inline(never)]
fn copy_one(
    from: &OwnedFd,
    entry: &Entry<'_>,
    to: &dyn Fn() -> Result<OwnedFd, Failure>,
    omission: &dyn Fn(&[u8]) -> Omission,
) -> Result<(), Failure> {
    let place = entry.state_path().relative().as_bytes();
    let (parent, name) = split(place);
    let step = Step::new(TAKE_OVER, place);
    // A way that a service has made lead elsewhere leads to no state.
    let Some(from) = open_reachable(&step, from, parent, DIRECTORY)? else { return Ok(()) };
    if step.stat_name(&from, name)?.is_none() {
        return Ok(());
    }
    let trail: &[u8] = if parent == b"." { b"" } else { parent };
    Copier::new(STATE, trail)?.copy_children(&from, &to()?, &|path| match path.strip_prefix(place) {
        Some([]) => match omission(path) {
            Omission::Nothing => Omission::Nothing,
            // The entry itself is what is wanted.
            _ => Omission::Beneath,
        },
        Some([b'/', ..]) => omission(path),
        _ => Omission::All,
    })
}

/// Whether the state that `base` has for this entry is none for it: of another kind, or an overlay's where this is none.
fn is_unusable(entry: &Entry<'_>, base: &Blob<'_>) -> bool {
    let is_overlay = |entry: &Entry<'_>| entry.how == How::Overlay;
    entries(base).any(|old| {
        old.state_path() == entry.state_path()
            && is_slots(&old)
            && (is_overlay(&old) != is_overlay(entry) || old.kind != entry.kind)
    })
}

/// Tells of the state that was used with `base` and that no path shows with `blob`.
fn tell_orphans(base: &Blob<'_>, blob: &Blob<'_>, to: &mut dyn Witness) {
    for Difference { path, change } in compare(base, blob) {
        match change {
            // What is in the way of new state is told when it is moved aside.
            Change::TypeConflict { .. } | Change::OtherMeans { .. } | Change::Other { .. } => {}
            _ if change.loses_state() => to.conflict(Conflict::Orphaned, path.as_str().as_bytes(), None),
            _ => {}
        }
    }
}

/// Whether the entry's state is a slot's.
pub(crate) fn is_slots(entry: &Entry<'_>) -> bool {
    matches!(entry.lifetime, Lifetime::Persistent(of) if of.scope == Scope::Slot)
}
