//! What may be visible on sys-data at any moment.

use std::path::{Path, PathBuf};

use state_schema::{Entry, How, Lifetime, Persistence, Scope};

use crate::tree::{LOG, Node, Tree};

/// What a state of sys-data is held against.
pub(crate) struct Visible<'a> {
    pub(crate) slot: &'a str,
    pub(crate) entries: &'a [Entry<'static>],
    pub(crate) before: &'a Tree,
    pub(crate) after: &'a Tree,
    /// Entries that begin afresh.
    pub(crate) afresh: &'a [&'static str],
}

impl Visible<'_> {
    /// Checks that everything outside `tmp/` is complete: as it was before the boot, or as it is after it.
    pub(crate) fn check(&self, now: &Tree) -> Result<(), String> {
        for (path, node) in now.0.iter().filter(|(path, _)| !is_no_state(path)) {
            // Every boot sees that this is no state.
            if is_mount_point(node) && self.is_place_for_mount(path) {
                continue;
            }
            // It is made before the boot gets to its record.
            if path == Path::new(LOG) && node.is_empty_log() {
                continue;
            }
            let versions = [self.before, self.after].map(|tree| tree.0.get(path));
            if !versions.iter().flatten().any(|version| node.becomes(version)) {
                return Err(format!(
                    "{} is half-made:\n{node:?}, and neither\n{:?} nor\n{:?}",
                    path.display(),
                    versions[0],
                    versions[1]
                ));
            }
        }
        let kept = self.before.0.iter().filter(|(path, node)| self.after.0.get(*path) == Some(node));
        let tree = Path::new("slots").join(self.slot).join("tree");
        let is_afresh = |path: &Path| {
            self.afresh.iter().any(|entry| path.starts_with(tree.join(entry.trim_start_matches('/'))))
        };
        for (path, _) in kept.filter(|(path, _)| !is_no_state(path) && !is_afresh(path)) {
            if !now.0.contains_key(path) {
                return Err(format!("{} is lost", path.display()));
            }
        }
        self.check_slot(now)?;
        self.entries.iter().try_for_each(|entry| self.check_entry(entry, now))
    }

    /// A slot that still has the blob of the image before must have nothing of this one.
    fn check_slot(&self, now: &Tree) -> Result<(), String> {
        let slot = Path::new("slots").join(self.slot);
        let [before, after, is] = [self.before, self.after, now].map(|tree| tree.0.get(&slot.join("blob")));
        if before.is_none() || before == after || is != before {
            return Ok(());
        }
        let [before, now] = [self.before, now].map(|tree| {
            let beneath = tree.beneath(&slot).filter(|(path, _)| !is_no_state(path));
            Tree(beneath.map(|(path, node)| (path.clone(), node.clone())).collect())
        });
        let difference = now.difference(&before);
        if difference.is_empty() { Ok(()) } else { Err(format!("the slot is half-made:\n{difference}")) }
    }

    /// An entry's state that is visible must have all that it has before or after.
    fn check_entry(&self, entry: &Entry<'_>, now: &Tree) -> Result<(), String> {
        let Some(place) = self.place(entry) else { return Ok(()) };
        let Some(node) = now.0.get(&place) else { return Ok(()) };
        if is_mount_point(node) {
            return Ok(());
        }
        let missing = |version: &Tree| {
            let wanted = version.0.get(&place).is_some_and(|version| node.becomes(version));
            let of_entry = self.of_entry(version, &place);
            if wanted {
                of_entry.into_iter().find(|path| !now.0.contains_key(path))
            } else {
                Some(place.clone())
            }
        };
        match (missing(self.before), missing(self.after)) {
            (Some(_), Some(missing)) => {
                Err(format!("{} is half-made: {} is missing", place.display(), missing.display()))
            }
            _ => Ok(()),
        }
    }

    /// What belongs to the entry at `place`: not what a later step of the boot adds to it.
    fn of_entry(&self, version: &Tree, place: &Path) -> Vec<PathBuf> {
        let tree: PathBuf = place.iter().take_while(|name| *name != "tree").collect();
        let tree = tree.join("tree");
        let later = |path: &Path| {
            self.entries.iter().any(|entry| {
                let to = if let How::Symlink { to } = entry.how { to } else { entry.path };
                let nested = tree.join(to.relative());
                nested != place && nested.starts_with(place) && path.starts_with(nested)
            })
        };
        let beneath = version.beneath(place).map(|(path, _)| path);
        beneath.filter(|path| !later(path) && !is_made_for_mounts(version, path)).cloned().collect()
    }

    fn is_place_for_mount(&self, path: &Path) -> bool {
        self.entries.iter().any(|entry| path.ends_with(Path::new("tree").join(entry.path.relative())))
    }

    /// Where on sys-data the entry's state lies, if that is made at once.
    fn place(&self, entry: &Entry<'_>) -> Option<PathBuf> {
        let Lifetime::Persistent(Persistence { scope, .. }) = entry.lifetime else { return None };
        if matches!(entry.how, How::Symlink { .. }) {
            return None;
        }
        let store = match scope {
            Scope::Slot => Path::new("slots").join(self.slot),
            Scope::Common => PathBuf::from("common"),
        };
        Some(store.join("tree").join(entry.path.relative()))
    }
}

/// Work in progress, as docs/boot.md lists it.
fn is_no_state(path: &Path) -> bool {
    let mut names = path.iter();
    let [first, second, third] =
        [names.next(), names.next(), names.next()].map(|name| name.and_then(|n| n.to_str()));
    first == Some("tmp")
        || (first, second) == (Some("common"), Some("work"))
        || (first, third) == (Some("slots"), Some("work"))
        || path.ends_with(".sysota-unfinished")
}

fn is_mount_point(node: &Node) -> bool {
    node.mode & 0o7777 == 0 && node.owner == (0, 0) && node.content.is_empty()
}

/// Whether a boot has made this for mounts inside state: a mount point, or a directory with nothing but such.
fn is_made_for_mounts(tree: &Tree, path: &Path) -> bool {
    let children: Vec<_> = tree.beneath(path).filter(|(other, _)| other.parent() == Some(path)).collect();
    if children.is_empty() {
        return is_mount_point(&tree.0[path]);
    }
    children.into_iter().all(|(child, _)| is_made_for_mounts(tree, child))
}
