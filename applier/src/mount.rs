//! Putting state where the running system looks for it.

use linux_raw_sys::general::{OVERLAYFS_SUPER_MAGIC, TMPFS_MAGIC};
use rustix::fd::OwnedFd;
use rustix::mount::OpenTreeFlags;
use state_schema::{Entry, How, Kind, Lifetime, OnFailure, StatePath};

use crate::attributes;
use crate::beneath::{open_directory, split};
use crate::displaced::{Repairs, clear};
use crate::failure::{Account, Failure, Finding};
use crate::file::Root;
use crate::legacy_mount::Stage;
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
        let mut are_links = false;
        loop {
            let mut has_links = false;
            for item in items(blob) {
                let mut repairs = Repairs::default();
                let (outcome, seeded) = match item.entry.how {
                    How::Symlink { to } if are_links => self.link(&item, to, &mut repairs)?,
                    How::Bind | How::Overlay if !are_links => self.mount(&item, &mut repairs)?,
                    _ => {
                        has_links = !are_links;
                        continue;
                    }
                };
                tell(&item.entry, Applied { outcome, seeded, repairs });
            }
            if !has_links {
                return Ok(());
            }
            are_links = true;
        }
    }

    #[inline(never)]
    fn mount(&self, item: &Item<'a>, repairs: &mut Repairs) -> Result<Mounted, Refusal> {
        let entry = &item.entry;
        let (account, sys_data_lost) = match self.stores.of(entry.lifetime) {
            Ok(store) => match self.mount_from(item, entry.lifetime, store, repairs) {
                Ok(mounted) => return Ok(mounted),
                Err(failure) => (failure.account(), false),
            },
            Err(account) => (account.clone(), true),
        };
        match entry.on_failure {
            OnFailure::Skip if !sys_data_lost => return Ok((Outcome::Skipped(account), false)),
            OnFailure::Degrade | OnFailure::Skip => {}
            OnFailure::Fail => return Err(Refusal::Entry { path: note(entry), account }),
        }
        let mut first = None;
        let mut last = account;
        if entry.lifetime != EPHEMERAL {
            if self.stores.earlier_run() && self.is_covered(entry) {
                return Ok((Outcome::Degraded(last), false));
            }
            match self.mount_from(item, EPHEMERAL, self.stores.ephemeral(), repairs) {
                Ok((_, seeded)) => return Ok((Outcome::Degraded(last), seeded)),
                Err(second) => first = Some(core::mem::replace(&mut last, second.account())),
            }
        }
        // The mount point may be a service's to spoil, and no service is to keep the system from booting.
        if item.is_nested() {
            return Ok((Outcome::Skipped(last), false));
        }
        let path = note(entry);
        Err(match first {
            None => Refusal::Entry { path, account: last },
            Some(account) => Refusal::EntryTwice { path, account, second: last },
        })
    }

    /// Whether something is mounted at the entry's path: what an earlier run of this boot has mounted, programs use by
    /// now, and another state must not hide it from those that come.
    fn is_covered(&self, entry: &Entry<'_>) -> bool {
        let path = entry.path.relative().as_bytes();
        let step = Step::new("open the mount point", entry.path.as_str().as_bytes());
        let target = self.root.target(&step, path);
        matches!(target, Ok(Some(target)) if step.is_mount_root(&target).is_ok_and(|is_root| is_root))
    }

    fn link(&self, item: &Item<'a>, to: StatePath<'_>, repairs: &mut Repairs) -> Result<Mounted, Refusal> {
        let above = directory_above(self.seeder.blob(), to);
        let made = self
            .clear_way(above, to, None, None, repairs)
            .and_then(|()| link::make(self.root, self.seeder, item, to, above.is_some()));
        match made {
            Ok(seeded) => Ok((Outcome::Linked, seeded)),
            Err(failure) => {
                let account = failure.account();
                match item.entry.on_failure {
                    OnFailure::Fail => Err(Refusal::Entry { path: note(&item.entry), account }),
                    // There is no ephemeral way to be a symlink of the image, so it is left as it is.
                    OnFailure::Degrade | OnFailure::Skip => Ok((Outcome::Skipped(account), false)),
                }
            }
        }
    }

    /// Makes the item's entry writable from `store`, as one of this lifetime.
    fn mount_from(
        &self,
        item: &Item<'a>,
        lifetime: Lifetime,
        store: &Store,
        repairs: &mut Repairs,
    ) -> Result<Mounted, Failure> {
        let entry = &item.entry;
        let step = &Step::new("mount", entry.path.as_str().as_bytes());
        let is_overlay = entry.how == How::Overlay;
        if let Lifetime::Ephemeral { size: Some(size) } = lifetime {
            if is_overlay || entry.kind == Kind::File {
                return Err(step.found(Finding::Unsizeable));
            }
            return self.mount_tmpfs(step, item, size, repairs);
        }
        let (state, seeded) = self.open_state(item, lifetime, store, repairs)?;
        if is_overlay {
            return Ok((self.mount_overlay(step, item, store, repairs)?, seeded));
        }
        let (target, is_mount_root) = self.open_target(item, Some(store), repairs)?;
        // A nested entry's target can be its state, seen through the parent, without being a mount.
        if is_mount_root && step.look(&state)?.is_of_same(&step.look(&target)?) {
            return Ok((Outcome::AlreadyMounted, seeded));
        }
        let mount = step.clone_mount(self.stage, &state, OpenTreeFlags::empty())?;
        Ok((self.attach(step, &mount, entry, &target)?, seeded))
    }

    /// Mounts a tmpfs of the entry's own, which is seeded once it is made.
    fn mount_tmpfs(
        &self,
        step: &Step<'_>,
        item: &Item<'a>,
        size: u64,
        repairs: &mut Repairs,
    ) -> Result<Mounted, Failure> {
        let (target, is_mount_root) = self.open_target(item, None, repairs)?;
        if is_mount_root && self.is_ours(step, &target, TMPFS_MAGIC)? {
            return Ok((Outcome::AlreadyMounted, false));
        }
        let mount = tmpfs::of_size(size, self.stage)?;
        // The descriptor of a mount is one to refer to it by only.
        self.seeder.fill_directory(item, &open_directory(step, &mount, b".")?)?;
        Ok((self.attach(step, &mount, &item.entry, &target)?, true))
    }

    /// Mounts an overlay of the image's directory and the entry's state in `store`, which is there.
    fn mount_overlay(
        &self,
        step: &Step<'_>,
        item: &Item<'a>,
        store: &Store,
        repairs: &mut Repairs,
    ) -> Result<Outcome, Failure> {
        let path = item.entry.path;
        // Before it is known whether one is mounted: what stands in its place is told in every run.
        let work = overlay::open_work(path, store)?;
        let (target, is_mount_root) = self.open_target(item, Some(store), repairs)?;
        if is_mount_root && self.is_ours(step, &target, OVERLAYFS_SUPER_MAGIC)? {
            return Ok(Outcome::AlreadyMounted);
        }
        let lower = self.open_lower(step, item, &target)?;
        let mount = overlay::make(path, &lower, store, &work, self.stage)?;
        self.attach(step, &mount, &item.entry, &target)
    }

    /// Whether an earlier run of this boot has mounted a file system of this type at the target, where a mount begins.
    /// A first run covers whatever is there, so then what is on top is ours.
    fn is_ours(&self, step: &Step<'_>, target: &OwnedFd, magic: u32) -> Result<bool, Failure> {
        Ok(self.stores.earlier_run() && step.is_of_type(target, magic)?)
    }

    /// Seeds the entry's state if it is missing, and opens it. What cannot be its state is moved aside.
    fn open_state(
        &self,
        item: &Item<'_>,
        lifetime: Lifetime,
        store: &Store,
        repairs: &mut Repairs,
    ) -> Result<(OwnedFd, bool), Failure> {
        let entry = &item.entry;
        loop {
            let opened = self.seeder.place(item, lifetime, store);
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

    /// Moves aside what a service has put on the way to `path` inside the state of the entry above, unless that
    /// way has just been gone: the state of an entry and of the one above it are in one tree where they are in one
    /// store.
    ///
    /// Before anything is looked up there: an overlay does not see what changes beneath it later.
    fn clear_way(
        &self,
        above: Option<Entry<'_>>,
        path: StatePath<'_>,
        kind: Option<Kind>,
        seen_in: Option<&Store>,
        repairs: &mut Repairs,
    ) -> Result<(), Failure> {
        if let Some(Ok(store)) = above.map(|above| self.stores.of(above.lifetime))
            && !seen_in.is_some_and(|seen_in| core::ptr::eq(seen_in, store))
            && let Some(displaced) = clear(store, path, kind)?
        {
            repairs.way = Some(displaced);
        }
        Ok(())
    }

    /// Opens what an overlay lies above. Before Linux 6.15 that has to be attached somewhere, as the image's own
    /// directory is. Beneath another entry the image's own is hidden, and there it takes that kernel.
    #[inline(never)]
    fn open_lower(&self, step: &Step<'_>, item: &Item<'_>, target: &OwnedFd) -> Result<OwnedFd, Failure> {
        if !item.is_nested() {
            return open_directory(step, target, b".");
        }
        self.seeder.factory().open(item.entry.path.as_str().as_bytes(), Kind::Directory)
    }

    /// Sets the entry's options on a mount that is attached nowhere yet, and moves it onto the target.
    fn attach(
        &self,
        step: &Step<'_>,
        mount: &OwnedFd,
        entry: &Entry<'_>,
        target: &OwnedFd,
    ) -> Result<Outcome, Failure> {
        if let Some(stage) = self.stage {
            stage.set_options(step, mount, entry.options)?;
        } else {
            attributes::set(mount, entry.options).map_err(|errno| step.failed("mount_setattr", errno))?;
        }
        step.attach(self.stage, mount, target)?;
        Ok(Outcome::Mounted)
    }

    /// Opens the place of the mount, and makes it where that is inside state. Says whether a mount begins there.
    fn open_target(
        &self,
        item: &Item<'_>,
        seen_in: Option<&Store>,
        repairs: &mut Repairs,
    ) -> Result<(OwnedFd, bool), Failure> {
        let entry = &item.entry;
        let path = entry.path;
        self.clear_way(item.above(), path, Some(entry.kind), seen_in, repairs)?;
        let step = Step::new("open the mount point", path.as_str().as_bytes());
        let relative = path.relative().as_bytes();
        let mut found = self.root.target(&step, relative)?;
        if found.is_none() && item.is_nested() {
            let (parents, name) = split(relative);
            let dir = self.root.ensure_directory(parents)?;
            make_mount_point(&step, &dir, name, entry.kind)?;
            found = self.root.target(&step, relative)?;
        }
        let target = found.ok_or_else(|| step.found(Finding::Missing))?;
        let seen = step.look(&target)?;
        if seen.is_a(entry.kind) {
            Ok((target, seen.is_mount_root))
        } else {
            Err(step.found(Finding::NotA(entry.kind)))
        }
    }
}

fn note(entry: &Entry<'_>) -> Note {
    Note::of(entry.path.as_str().as_bytes())
}
