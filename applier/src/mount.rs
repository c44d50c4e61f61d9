//! Putting state where the running system looks for it.

use linux_raw_sys::general::{OVERLAYFS_SUPER_MAGIC, TMPFS_MAGIC};
use rustix::fd::OwnedFd;
use rustix::fs::OFlags;
use rustix::mount::OpenTreeFlags;
use state_schema::{Entry, How, Kind, Lifetime, OnFailure, StatePath};

use crate::attributes;
use crate::beneath::{self, file_type, misfit, open_directory, split, type_of};
use crate::displaced::{Repairs, clear};
use crate::failure::{Account, Failure, Finding};
use crate::file::Root;
use crate::legacy_mount::{self, Stage};
use crate::plan::{Item, directory_above, items};
use crate::refusal::Refusal;
use crate::seed::{Seeder, make_mount_point};
use crate::step::Step;
use crate::store::Store;
use crate::stores::Stores;
use crate::text::Note;
use crate::{link, overlay, tmpfs};

/// What became of an entry.
pub(crate) struct Applied {
    pub(crate) outcome: Outcome,
    /// Whether it got its first content in this run.
    pub(crate) seeded: bool,
    /// What had to be moved aside for it.
    pub(crate) repairs: Repairs,
}

pub(crate) enum Outcome {
    Mounted,
    /// It was there: this is not the first run of this boot.
    AlreadyMounted,
    /// The image's symlink leads to its file.
    Linked,
    /// It is ephemeral instead, for this reason.
    Degraded(Account),
    /// It is as the image has it, for this reason.
    Skipped(Account),
}

/// What became of an entry that did not fail, and whether it got its first content in this run.
type Mounted = (Outcome, bool);

/// Kept in the shared tmpfs.
const EPHEMERAL: Lifetime = Lifetime::Ephemeral { size: None };

/// Makes the mounts of a plan.
pub(crate) struct Mounter<'m, 'a> {
    root: &'m Root,
    stage: Option<&'m Stage>,
    stores: &'m Stores,
    seeder: &'m Seeder<'m, 'a>,
}

impl<'m, 'a> Mounter<'m, 'a> {
    pub(crate) fn new(
        root: &'m Root,
        stage: Option<&'m Stage>,
        stores: &'m Stores,
        seeder: &'m Seeder<'m, 'a>,
    ) -> Self {
        Self { root, stage, stores, seeder }
    }

    /// Makes all entries writable, and `tell`s what became of each. Symlinks come last: their files lie in
    /// directories which are entries themselves.
    pub(crate) fn mount_all(&self, tell: &mut dyn FnMut(&Entry<'_>, Applied)) -> Result<(), Refusal> {
        let blob = self.seeder.blob();
        for item in items(blob) {
            if !matches!(item.entry.how, How::Symlink { .. }) {
                tell(&item.entry, self.mount(&item)?);
            }
        }
        for item in items(blob) {
            if let How::Symlink { to } = item.entry.how {
                tell(&item.entry, self.link(&item, to)?);
            }
        }
        Ok(())
    }

    fn mount(&self, item: &Item<'a>) -> Result<Applied, Refusal> {
        let entry = item.entry;
        let mut repairs = Repairs::default();
        let (account, sys_data_lost) = match self.stores.of(entry.lifetime) {
            Ok(store) => match self.mount_from(item, &entry, store, &mut repairs) {
                Ok((outcome, seeded)) => return Ok(Applied { outcome, seeded, repairs }),
                Err(failure) => (failure.account(), false),
            },
            Err(account) => (account.clone(), true),
        };
        match entry.on_failure {
            OnFailure::Skip if !sys_data_lost => {
                return Ok(Applied { outcome: Outcome::Skipped(account), seeded: false, repairs });
            }
            OnFailure::Degrade | OnFailure::Skip => {}
            OnFailure::Fail => return Err(Refusal::Entry { path: note(&entry), account }),
        }
        // The mount point may be a service's to spoil, and no service is to keep the system from booting.
        let is_nested = directory_above(self.seeder.blob(), entry.path).is_some();
        if entry.lifetime == EPHEMERAL {
            if is_nested {
                return Ok(Applied { outcome: Outcome::Skipped(account), seeded: false, repairs });
            }
            return Err(Refusal::Entry { path: note(&entry), account });
        }
        if self.stores.earlier_run() && self.is_covered(&entry) {
            return Ok(Applied { outcome: Outcome::Degraded(account), seeded: false, repairs });
        }
        let instead = Entry { lifetime: EPHEMERAL, ..entry };
        match self.mount_from(item, &instead, self.stores.ephemeral(), &mut repairs) {
            Ok((_, seeded)) => Ok(Applied { outcome: Outcome::Degraded(account), seeded, repairs }),
            Err(second) => {
                let second = second.account();
                if is_nested {
                    return Ok(Applied { outcome: Outcome::Skipped(second), seeded: false, repairs });
                }
                Err(Refusal::EntryTwice { path: note(&entry), account, second })
            }
        }
    }

    /// Whether something is mounted at the entry's path: what an earlier run of this boot has mounted, programs use by
    /// now, and another state must not hide it from those that come.
    fn is_covered(&self, entry: &Entry<'_>) -> bool {
        let path = entry.path.relative().as_bytes();
        let step = Step::new("open the mount point", entry.path.as_str().as_bytes());
        let target = self.root.target(&step, path);
        matches!(target, Ok(Some(target)) if step.is_mount_root(&target).is_ok_and(|is_root| is_root))
    }

    fn link(&self, item: &Item<'a>, to: StatePath<'_>) -> Result<Applied, Refusal> {
        let mut repairs = Repairs::default();
        let made = self
            .clear_way(to, None, &mut repairs)
            .and_then(|()| link::make(self.root, self.seeder, item, to));
        match made {
            Ok(seeded) => Ok(Applied { outcome: Outcome::Linked, seeded, repairs }),
            Err(failure) => match item.entry.on_failure {
                OnFailure::Fail => {
                    Err(Refusal::Entry { path: note(&item.entry), account: failure.account() })
                }
                // There is no ephemeral way to be a symlink of the image, so it is left as it is.
                OnFailure::Degrade | OnFailure::Skip => {
                    Ok(Applied { outcome: Outcome::Skipped(failure.account()), seeded: false, repairs })
                }
            },
        }
    }

    /// Makes `entry`, which is the item's but for its lifetime, writable from `store`.
    fn mount_from(
        &self,
        item: &Item<'a>,
        entry: &Entry<'a>,
        store: &Store,
        repairs: &mut Repairs,
    ) -> Result<Mounted, Failure> {
        let step = &Step::new("mount", entry.path.as_str().as_bytes());
        let is_overlay = entry.how == How::Overlay;
        let size = match entry.lifetime {
            Lifetime::Ephemeral { size } => size,
            Lifetime::Persistent(_) => None,
        };
        if size.is_some() && (is_overlay || entry.kind == Kind::File) {
            return Err(step.found(Finding::Unsizeable));
        }
        // A tmpfs of its own is seeded once it is made.
        let mut seeded = false;
        let mut backing = None;
        if size.is_none() {
            let state;
            (state, seeded) = self.open_state(item, entry, store, repairs)?;
            backing = Some(state);
        }
        // Before it is known whether one is mounted: what stands in its place is told in every run.
        let work = if is_overlay { Some(overlay::open_work(entry.path, store)?) } else { None };
        let target = self.open_target(entry, repairs)?;
        let is_mounted = match &backing {
            // A nested entry's target can be its backing, seen through the parent, without being a mount.
            Some(backing) if !is_overlay => {
                beneath::same(&step.stat(backing)?, &step.stat(&target)?) && step.is_mount_root(&target)?
            }
            _ => self.is_ours(step, &target, if is_overlay { OVERLAYFS_SUPER_MAGIC } else { TMPFS_MAGIC })?,
        };
        if is_mounted {
            return Ok((Outcome::AlreadyMounted, seeded));
        }
        let mount = match (&backing, size) {
            (Some(backing), _) if !is_overlay => {
                step.clone_mount(self.stage, backing, OpenTreeFlags::empty())?
            }
            (None, Some(size)) => {
                seeded = true;
                self.make_tmpfs(step, item, size)?
            }
            _ => {
                let work = work.ok_or_else(|| step.found(Finding::Missing))?;
                overlay::make(entry.path, &self.open_lower(step, entry, &target)?, store, &work, self.stage)?
            }
        };
        self.attach(step, &mount, entry, &target)?;
        Ok((Outcome::Mounted, seeded))
    }

    /// Seeds the entry's state if it is missing, and opens it. What cannot be its state is moved aside.
    fn open_state(
        &self,
        item: &Item<'_>,
        entry: &Entry<'_>,
        store: &Store,
        repairs: &mut Repairs,
    ) -> Result<(OwnedFd, bool), Failure> {
        loop {
            let placed = self.seeder.place(item, entry, store);
            let opened = placed.and_then(|seeded| Ok((open_backing(store, entry)?, seeded)));
            let Err(failure) = opened else { return opened };
            if repairs.state.is_some() {
                return Err(failure);
            }
            let account = failure.account();
            repairs.state = clear(store, entry.path, Some(entry.kind))?;
            if repairs.state.is_none() {
                return Err(account.fail());
            }
        }
    }

    /// Moves aside what a service has put on the way to `path` inside the state of the entry above.
    ///
    /// Before anything is looked up there: an overlay does not see what changes beneath it later.
    fn clear_way(
        &self,
        path: StatePath<'_>,
        kind: Option<Kind>,
        repairs: &mut Repairs,
    ) -> Result<(), Failure> {
        let above = directory_above(self.seeder.blob(), path);
        if let Some(Ok(store)) = above.map(|above| self.stores.of(above.lifetime))
            && let Some(displaced) = clear(store, path, kind)?
        {
            repairs.way = Some(displaced);
        }
        Ok(())
    }

    /// Makes a tmpfs of the item's own, with its first content.
    fn make_tmpfs(&self, step: &Step<'_>, item: &Item<'a>, size: u64) -> Result<OwnedFd, Failure> {
        let mount = tmpfs::of_size(size, self.stage)?;
        // The descriptor of a mount is one to refer to it by only.
        self.seeder.fill_directory(item, &open_directory(step, &mount, b".")?)?;
        Ok(mount)
    }

    /// Opens what an overlay lies above. Before Linux 6.15 that has to be attached somewhere, as the image's own
    /// directory is. Beneath another entry the image's own is hidden, and there it takes that kernel.
    fn open_lower(&self, step: &Step<'_>, entry: &Entry<'_>, target: &OwnedFd) -> Result<OwnedFd, Failure> {
        match directory_above(self.seeder.blob(), entry.path) {
            None => open_directory(step, target, b"."),
            Some(_) => self.seeder.factory().open(entry.path.as_str().as_bytes(), Kind::Directory),
        }
    }

    /// Sets the entry's options on a mount that is attached nowhere yet, and moves it onto the target.
    fn attach(
        &self,
        step: &Step<'_>,
        mount: &OwnedFd,
        entry: &Entry<'_>,
        target: &OwnedFd,
    ) -> Result<(), Failure> {
        if self.stage.is_some() {
            legacy_mount::set_options(step, mount, entry.options)?;
        } else {
            attributes::set(mount, entry.options).map_err(|errno| step.failed("mount_setattr", errno))?;
        }
        step.attach(self.stage, mount, target)
    }

    /// Opens the place of the mount, and makes it where that is inside state.
    fn open_target(&self, entry: &Entry<'_>, repairs: &mut Repairs) -> Result<OwnedFd, Failure> {
        let path = entry.path;
        self.clear_way(path, Some(entry.kind), repairs)?;
        let step = Step::new("open the mount point", path.as_str().as_bytes());
        let relative = path.relative().as_bytes();
        let mut found = self.root.target(&step, relative)?;
        if found.is_none() && directory_above(self.seeder.blob(), path).is_some() {
            let (parents, name) = split(relative);
            let dir = self.root.ensure_directory(parents)?;
            make_mount_point(&step, &dir, name, entry.kind)?;
            found = self.root.target(&step, relative)?;
        }
        let target = found.ok_or_else(|| step.found(Finding::Missing))?;
        if file_type(&step.stat(&target)?) == type_of(entry.kind) {
            Ok(target)
        } else {
            Err(step.found(Finding::NotA(entry.kind)))
        }
    }

    /// Whether an earlier run of this boot has mounted a file system of this type at the target. A first run
    /// covers whatever is there, so then what is on top is ours.
    fn is_ours(&self, step: &Step<'_>, target: &OwnedFd, magic: u32) -> Result<bool, Failure> {
        Ok(self.stores.earlier_run() && step.is_mount_root(target)? && step.is_of_type(target, magic)?)
    }
}

/// Opens the entry's backing, which has to be what the entry says it is.
fn open_backing(store: &Store, entry: &Entry<'_>) -> Result<OwnedFd, Failure> {
    let path = entry.path;
    let step = Step::new("use the state of", path.as_str().as_bytes());
    let backing = beneath::open(&step, store.tree(), path.relative().as_bytes(), OFlags::PATH)?;
    let stat = step.stat(&backing)?;
    misfit(&stat, entry.kind).map_or(Ok(backing), |finding| Err(step.found(finding)))
}

fn note(entry: &Entry<'_>) -> Note {
    Note::of(entry.path.as_str().as_bytes())
}
