//! The first content of entries.
//!
//! Everything is made in a store's work directory. When all is there and on the disk, each is renamed to
//! its place: nobody ever sees half a seed, whenever the power goes.

use core::cell::Cell;

use rustix::fd::OwnedFd;
use rustix::fs::{AtFlags, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;
use state_schema::{Blob, Entry, How, Kind, Lifetime, Seed};

use crate::beneath::{Look, ensure_parent, open, open_directory, open_existing, split};
use crate::copy::{Copier, Omission, Source, create_file, times};
use crate::factory::Factory;
use crate::failure::{Failure, Finding};
use crate::path::NumberName;
use crate::plan::{Item, directory_above, items};
use crate::step::Step;
use crate::store::Store;
use crate::stores::Stores;
use crate::work;

const SEED: &str = "seed";

/// What a mount point that we make inside state has for permissions. With this, nothing in it and root as its
/// owner, it is no state: an entry that comes to lie there later is still to be seeded.
const MOUNT_POINT: u32 = 0;

/// How the image's content is opened. Its mounts are as trustworthy as itself, so they are entered.
pub(crate) const IMAGE: Source = Source { operation: "copy the image's", resolve: ResolveFlags::NO_SYMLINKS };

/// Makes the first content of entries.
pub(crate) struct Seeder<'s, 'a> {
    blob: &'s Blob<'a>,
    factory: &'s Factory,
    /// How many sockets were left out.
    sockets: Cell<u64>,
}

impl<'s, 'a> Seeder<'s, 'a> {
    pub(crate) fn new(blob: &'s Blob<'a>, factory: &'s Factory) -> Self {
        Self { blob, factory, sockets: Cell::new(0) }
    }

    pub(crate) fn blob(&self) -> &'s Blob<'a> {
        self.blob
    }

    pub(crate) fn factory(&self) -> &'s Factory {
        self.factory
    }

    /// How many sockets of the image no seed has.
    pub(crate) fn sockets(&self) -> u64 {
        self.sockets.get()
    }

    /// Builds what is missing of all entries, down to the disk, but puts nothing in its place. Where there is a mount
    /// point of ours, which is seldom, that is left to [`Self::place`]: telling takes a look at all that is there.
    ///
    /// What fails for one entry is not told here: placing it fails in the same way, and has the entry's own
    /// rules for that case. An error is one of the disk as a whole.
    pub(crate) fn build_all(&self, stores: &Stores) -> Result<(), Failure> {
        let mut to_sync = None;
        for item in items(self.blob) {
            let Ok(store) = stores.of(item.entry.lifetime) else { continue };
            if has_place_in_store(&item.entry) && is_absent(store, &item.entry) {
                let built = self.build(&item, store).is_ok();
                if built && matches!(item.entry.lifetime, Lifetime::Persistent(_)) {
                    to_sync = Some(store.work());
                }
            }
        }
        // Slot and common state are on one file system.
        to_sync.map_or(Ok(()), sync)
    }

    /// Opens the entry's state in `store`. Where there is none, puts the entry's first content there; says whether it
    /// did. The lifetime is the item's, or what it gets instead.
    #[inline(never)]
    pub(crate) fn place(
        &self,
        item: &Item<'_>,
        lifetime: Lifetime,
        store: &Store,
    ) -> Result<(OwnedFd, bool), Failure> {
        let entry = &item.entry;
        let path = entry.path;
        if let Some(found) = find(store, entry)? {
            return Ok((found, false));
        }
        let step = Step::new(SEED, path.as_str().as_bytes());
        let built = NumberName::new(item.number);
        if step.stat_name(store.work(), built.bytes())?.is_none() {
            self.build(item, store)?;
            sync(store.work())?;
        }
        self.check_above(item, lifetime, store)?;
        let relative = path.relative().as_bytes();
        let parent = ensure_parent(store.tree(), relative)?;
        let (_, name) = split(relative);
        // A mount point stands where state is to be; only an empty one is removed, whatever else is there.
        let flags = if item.entry.kind == Kind::Directory { AtFlags::REMOVEDIR } else { AtFlags::empty() };
        step.remove(&parent, name, flags)?;
        step.rename(store.work(), built.bytes(), &parent, name)?;
        let step = Step::new(LOOK, path.as_str().as_bytes());
        let placed = open(&step, store.tree(), relative, OFlags::PATH)?;
        check(&step, entry, &placed)?;
        Ok((placed, true))
    }

    /// Checks that nothing has to be made above the entry where the state of another one is to be: ever after it would
    /// be taken for that state, and its first content would be lost.
    fn check_above(&self, item: &Item<'_>, lifetime: Lifetime, store: &Store) -> Result<(), Failure> {
        let mut above = item.above().filter(|_| matches!(lifetime, Lifetime::Persistent(_)));
        while let Some(nearest) = above {
            // What lies above one that is there is there as well.
            if has_place_in_store(&nearest) && in_same_store(lifetime, nearest.lifetime) {
                if find(store, &nearest)?.is_some() {
                    break;
                }
                return Err(Step::new(SEED, item.entry.path.as_str().as_bytes()).found(Finding::NoneAbove));
            }
            above = directory_above(self.blob, nearest.path);
        }
        Ok(())
    }

    /// Makes the entry's first content in the work directory of `store`, under the entry's number.
    fn build(&self, item: &Item<'_>, store: &Store) -> Result<(), Failure> {
        let name = NumberName::new(item.number);
        let (work, name) = (store.work(), name.bytes());
        match item.entry.kind {
            Kind::Directory => self.build_directory(item, work, name),
            Kind::File => {
                self.build_file(&item.entry, work, name, item.entry.path.as_str().as_bytes()).map(drop)
            }
        }
        // What is there of it takes up space that other entries may need. If it cannot be removed now, the
        // next boot does it.
        .map_err(|failure| failure.clean_up(|| discard(work, name, item.entry.kind)))
    }

    fn build_directory(&self, item: &Item<'_>, dir: &OwnedFd, name: &[u8]) -> Result<(), Failure> {
        let step = Step::new(SEED, item.entry.path.as_str().as_bytes());
        step.make_directory(dir, name, Mode::RWXU)?;
        let made = open_directory(&step, dir, name)?;
        self.fill_directory(item, &made)
    }

    /// Gives a new directory the entry's first content, owner and mode.
    pub(crate) fn fill_directory(&self, item: &Item<'_>, made: &OwnedFd) -> Result<(), Failure> {
        let entry = &item.entry;
        if entry.seed != Seed::Image {
            return finish(entry, None, made);
        }
        let path = entry.path.as_str().as_bytes();
        let from = self.factory.open(path, Kind::Directory)?;
        let mut copier = Copier::new(IMAGE, path)?;
        // Above an overlay's lower directory nothing needs to lie but what changes.
        if entry.how != How::Overlay {
            copier.copy_children(&from, made, &|path| omission(item, path))?;
            self.sockets.set(self.sockets.get().saturating_add(copier.sockets()));
        }
        finish(entry, Some((&from, &mut copier)), made)
    }

    /// Makes a file with the entry's first content, and returns it. `image_path` is where the image has it.
    pub(crate) fn build_file(
        &self,
        entry: &Entry<'_>,
        dir: &OwnedFd,
        name: &[u8],
        image_path: &[u8],
    ) -> Result<OwnedFd, Failure> {
        let step = Step::new(SEED, entry.path.as_str().as_bytes());
        if entry.seed == Seed::Image {
            let from = self.factory.open(image_path, Kind::File)?;
            let mut copier = Copier::new(IMAGE, image_path)?;
            let made = create_file(&step, dir, name)?;
            copier.copy_content(&from, &made, &step.stat(&from)?)?;
            finish(entry, Some((&from, &mut copier)), &made)?;
            return Ok(made);
        }
        let made = create_file(&step, dir, name)?;
        if let Seed::Text(text) = entry.seed {
            step.write(&made, text.as_bytes())?;
        }
        finish(entry, None, &made).map(|()| made)
    }
}

/// Gives what was made the entry's owner and mode, and the attributes and times of what it was copied from.
fn finish(
    entry: &Entry<'_>,
    mut copied: Option<(&OwnedFd, &mut Copier)>,
    made: &OwnedFd,
) -> Result<(), Failure> {
    let step = Step::new(SEED, entry.path.as_str().as_bytes());
    step.change_owner(made, b"", entry.uid, entry.gid)?;
    if let Some((from, copier)) = &mut copied {
        copier.copy_attributes(from, made)?;
    }
    step.change_mode(made, entry.mode.bits().into())?;
    if let Some((from, _)) = copied {
        step.set_times(made, &times(&step.stat(from)?))?;
    }
    Ok(())
}

/// What of the image at `path` is nested entries' to take care of.
fn omission(item: &Item<'_>, path: &[u8]) -> Omission {
    let mut omission = Omission::Nothing;
    for nested in item.nested() {
        match nested.path.as_str().as_bytes().strip_prefix(path) {
            Some([]) => return Omission::All,
            Some([b'/', ..]) => omission = Omission::Beneath,
            _ => {}
        }
    }
    omission
}

fn discard(work: &OwnedFd, name: &[u8], kind: Kind) -> Result<(), Failure> {
    let step = Step::new(SEED, name);
    if kind == Kind::File {
        return step.remove(work, name, AtFlags::empty());
    }
    work::discard_all(&open_directory(&step, work, name)?)?;
    step.remove(work, name, AtFlags::REMOVEDIR)
}

/// Whether the entry lies in a store: a tmpfs of its own or a symlink's directory is none.
fn has_place_in_store(entry: &Entry<'_>) -> bool {
    !matches!(entry.how, How::Symlink { .. })
        && !matches!(entry.lifetime, Lifetime::Ephemeral { size: Some(_) })
}

/// Whether persistent entries of these lifetimes lie in one store.
fn in_same_store(one: Lifetime, other: Lifetime) -> bool {
    matches!((one, other), (Lifetime::Persistent(one), Lifetime::Persistent(other)) if one.scope == other.scope)
}

/// Whether nothing at all is at the entry's place.
fn is_absent(store: &Store, entry: &Entry<'_>) -> bool {
    let step = Step::new(LOOK, entry.path.as_str().as_bytes());
    matches!(open_existing(&step, store.tree(), entry.path.relative().as_bytes(), OFlags::PATH), Ok(None))
}

const LOOK: &str = "look at the state of";

/// Looks at what was opened at the entry's place, and has to be its state.
fn check(step: &Step<'_>, entry: &Entry<'_>, found: &OwnedFd) -> Result<Look, Failure> {
    let seen = step.look(found)?;
    match seen.misfit(entry.kind) {
        None => Ok(seen),
        Some(finding) => Err(Step::new("use the state of", entry.path.as_str().as_bytes()).found(finding)),
    }
}

/// Opens what is at the entry's place, which has to be state, to refer to it only. There is none if there is nothing, or
/// only a mount point that we made there: then it is still to be seeded.
fn find(store: &Store, entry: &Entry<'_>) -> Result<Option<OwnedFd>, Failure> {
    let path = entry.path;
    let step = Step::new(LOOK, path.as_str().as_bytes());
    let relative = path.relative().as_bytes();
    let Some(found) = open_existing(&step, store.tree(), relative, OFlags::PATH)? else {
        return Ok(None);
    };
    let seen = check(&step, entry, &found)?;
    let mut is_mount_point = seen.is_roots(MOUNT_POINT) && (entry.kind == Kind::Directory || seen.is_empty());
    if is_mount_point && entry.kind == Kind::Directory {
        let dir = open_directory(&step, store.tree(), relative)?;
        is_mount_point = is_empty(&dir).map_err(|errno| step.failed("getdents64", errno))?;
    }
    Ok((!is_mount_point).then_some(found))
}

fn is_empty(dir: &OwnedFd) -> Result<bool, Errno> {
    let mut buffer = [core::mem::MaybeUninit::uninit(); 512];
    let mut entries = rustix::fs::RawDir::new(dir, &mut buffer);
    while let Some(entry) = entries.next() {
        if !work::is_dot(entry?.file_name().to_bytes()) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Makes a mount point inside state.
pub(crate) fn make_mount_point(
    step: &Step<'_>,
    dir: &OwnedFd,
    name: &[u8],
    kind: Kind,
) -> Result<(), Failure> {
    let mode = Mode::from_raw_mode(MOUNT_POINT);
    match kind {
        Kind::Directory => step.make_directory(dir, name, mode),
        Kind::File => step.create(dir, name, mode).map(drop),
    }
}

fn sync(dir: &OwnedFd) -> Result<(), Failure> {
    Step::new("write seeds to the disk", b"").sync_file_system(dir)
}
