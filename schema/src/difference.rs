//! What an update from one image to another changes for state: the same findings in the same words on the build host
//! and on the target.

use core::cmp::Ordering;

use crate::{Blob, Entries, Entry, How, Kind, Lifetime, OnUpdate, Persistence, Scope, StatePath};

/// What is to be said when both images have the same id: a slot's state is told to be another image's by that alone.
pub const SAME_IMAGE_ID: &str =
    "both have the same image id: the target would not see that there was an update";

/// What is different about a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Difference<'a> {
    /// The path, as the entries of the one or the other have it.
    pub path: StatePath<'a>,
    /// What the update does to it.
    pub change: Change<'a>,
}

/// What an update does to a path. If several things change, the one that says most about its state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change<'a> {
    /// No path of the new image shows its state any more.
    Orphaned,
    /// It has no entry any more, and its state is shown by this one.
    PartOf(StatePath<'a>),
    /// It has no entry any more, and never had state.
    NoLongerWritable,
    /// It is new.
    New(Lifetime),
    /// It is new, and shows the part of this entry's state that lies there.
    NewPartOf(Lifetime, StatePath<'a>),
    /// It is new, and lies over the part of this entry's state that lies there.
    NewOver(Lifetime, StatePath<'a>),
    /// It was persistent, and is not any more.
    TurnedEphemeral,
    /// It was ephemeral, and is not any more.
    TurnedPersistent,
    /// Its state is looked for where another scope has it.
    MovedScope {
        /// Where its state is.
        from: Scope,
        /// Where it will be looked for.
        to: Scope,
    },
    /// Its symlink leads to another file.
    MovedFile {
        /// Where its state is.
        from: StatePath<'a>,
        /// Where it will be looked for.
        to: StatePath<'a>,
    },
    /// Its state is not of the kind that it has to be.
    TypeConflict {
        /// What its state is.
        is: Kind,
        /// What it has to be.
        wanted: Kind,
    },
    /// It becomes writable in another way, which has no use for its state.
    OtherMeans {
        /// How it was.
        from: How<'a>,
        /// How it will be.
        to: How<'a>,
    },
    /// Its state stays what it is, or an update does to it what it is told to.
    Other {
        /// The entry as it was.
        old: Entry<'a>,
        /// The entry as it will be.
        new: Entry<'a>,
    },
}

impl Change<'_> {
    /// Its kind in one to three words: `turned ephemeral`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Orphaned => "orphaned",
            Self::NoLongerWritable => "no longer writable",
            Self::New(_) | Self::NewPartOf(..) | Self::NewOver(..) => "new",
            Self::TurnedEphemeral => "turned ephemeral",
            Self::TurnedPersistent => "turned persistent",
            Self::MovedScope { .. } => "moved scope",
            Self::MovedFile { .. } => "moved file",
            Self::TypeConflict { .. } => "type conflict",
            Self::OtherMeans { .. } => "other means",
            Self::PartOf(_) | Self::Other { .. } => "changed",
        }
    }

    /// Whether state is lost or left behind.
    #[must_use]
    pub fn loses_state(&self) -> bool {
        match self {
            Self::Orphaned
            | Self::NewOver(..)
            | Self::TurnedEphemeral
            | Self::MovedScope { .. }
            | Self::MovedFile { .. }
            | Self::TypeConflict { .. }
            | Self::OtherMeans { .. } => true,
            Self::PartOf(_)
            | Self::NoLongerWritable
            | Self::New(_)
            | Self::NewPartOf(..)
            | Self::TurnedPersistent => false,
            Self::Other { old, new } => {
                let is_reset = matches!(changed_on_update(old, new), Some((_, OnUpdate::Reset)));
                is_reset && is_kept(new.lifetime, Scope::Slot)
            }
        }
    }

    /// What there is to say about it, in parts, since the target does without `core::fmt`.
    pub fn detail(&self, put: &mut dyn FnMut(&str)) {
        const UNSEEN: &str = "its state stays on sys-data, and no path shows it";
        let parts = match self {
            Self::Orphaned | Self::TurnedEphemeral => [UNSEEN, "", "", ""],
            Self::PartOf(entry) => ["is now part of ", entry.as_str(), "", ""],
            Self::NoLongerWritable => ["was ephemeral", "", "", ""],
            Self::New(lifetime @ Lifetime::Ephemeral { .. }) => {
                [lasts(*lifetime), ", seeded at every boot", "", ""]
            }
            Self::New(lifetime) => [lasts(*lifetime), ", seeded on the first boot", "", ""],
            Self::NewPartOf(lifetime, entry) => {
                [lasts(*lifetime), ", with what the state of ", entry.as_str(), " has there"]
            }
            Self::NewOver(lifetime, entry) => {
                [lasts(*lifetime), ", hides what the state of ", entry.as_str(), " has there"]
            }
            Self::TurnedPersistent => ["seeded on the first boot", "", "", ""],
            Self::MovedScope { from, to } => {
                return put_all(
                    put,
                    &["from ", from.word(), " to ", to.word(), "; the state is left behind"],
                );
            }
            Self::MovedFile { from, to } => {
                return put_all(
                    put,
                    &["from ", from.as_str(), " to ", to.as_str(), "; the state is left behind"],
                );
            }
            Self::TypeConflict { is, wanted } => {
                ["the state is a ", is.word(), ", the new image wants a ", wanted.word()]
            }
            Self::OtherMeans { from, to } => {
                let end = "; the state of one is none of the other";
                return put_all(put, &["from ", from.word(), " to ", to.word(), end]);
            }
            Self::Other { old, new } => return put_other(old, new, put),
        };
        put_all(put, &parts);
    }
}

/// The differences between the plans of an image and of the one that is to follow it, in mount order.
#[must_use]
pub fn compare<'a>(old: &Blob<'a>, new: &Blob<'a>) -> Differences<'a> {
    Differences { old: Plan::new(old), new: Plan::new(new) }
}

/// What is different between two plans: see [`compare`].
#[derive(Clone)]
pub struct Differences<'a> {
    old: Plan<'a>,
    new: Plan<'a>,
}

impl<'a> Iterator for Differences<'a> {
    type Item = Difference<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let order = match (self.old.next, self.new.next) {
                (None, None) => return None,
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(old), Some(new)) => old.path.cmp(&new.path),
            };
            let old = if order.is_le() { self.old.take() } else { None };
            let new = if order.is_ge() { self.new.take() } else { None };
            let (path, change) = match (old, new) {
                (Some(old), Some(new)) => (new.path, self.changed(&old, &new)),
                (Some(old), None) => (old.path, Some(self.gone(&old))),
                (None, Some(new)) => (new.path, Some(self.added(&new))),
                (None, None) => return None,
            };
            if let Some(change) = change {
                return Some(Difference { path, change });
            }
        }
    }
}

impl<'a> Differences<'a> {
    /// What is different about an entry that both images have; the first that matters is the one to tell.
    fn changed(&self, old: &Entry<'a>, new: &Entry<'a>) -> Option<Change<'a>> {
        match (self.old.lifetime(old), self.new.lifetime(new)) {
            (Lifetime::Persistent(of_old), Lifetime::Persistent(of_new)) => {
                if of_old.scope != of_new.scope {
                    return Some(Change::MovedScope { from: of_old.scope, to: of_new.scope });
                }
                if old.kind != new.kind {
                    return Some(Change::TypeConflict { is: old.kind, wanted: new.kind });
                }
                if old.how.word() != new.how.word() {
                    return Some(Change::OtherMeans { from: old.how, to: new.how });
                }
                if let (How::Symlink { to: from }, How::Symlink { to }) = (old.how, new.how)
                    && from != to
                {
                    return Some(Change::MovedFile { from, to });
                }
            }
            (Lifetime::Persistent(_), Lifetime::Ephemeral { .. }) => return Some(Change::TurnedEphemeral),
            (Lifetime::Ephemeral { .. }, Lifetime::Persistent(_)) => return Some(Change::TurnedPersistent),
            (Lifetime::Ephemeral { .. }, Lifetime::Ephemeral { .. }) => {}
        }
        (old != new).then_some(Change::Other { old: *old, new: *new })
    }

    /// What becomes of an entry that the new image does not have.
    fn gone(&self, entry: &Entry<'a>) -> Change<'a> {
        let Lifetime::Persistent(of) = self.old.lifetime(entry) else { return Change::NoLongerWritable };
        self.new.shows(entry.state_path(), of.scope).map_or(Change::Orphaned, Change::PartOf)
    }

    /// What an entry means that the old image does not have.
    fn added(&self, entry: &Entry<'a>) -> Change<'a> {
        let (place, lifetime) = (entry.state_path(), self.new.lifetime(entry));
        for scope in [Scope::Slot, Scope::Common] {
            let Some(before) = self.old.shows(place, scope) else { continue };
            if is_kept(lifetime, scope) && entry.how != How::Overlay {
                return Change::NewPartOf(lifetime, before);
            }
            // Where what lies around it is not shown either, that is said of the entry above.
            if self.new.shows_around(place, scope).is_some() {
                return Change::NewOver(lifetime, before);
            }
        }
        Change::New(lifetime)
    }
}

/// The entries of a blob, on the way through them.
#[derive(Clone)]
struct Plan<'a> {
    entries: Entries<'a>,
    following: Entries<'a>,
    next: Option<Entry<'a>>,
}

impl<'a> Plan<'a> {
    fn new(blob: &Blob<'a>) -> Self {
        let mut plan = Self { entries: blob.entries(), following: blob.entries(), next: None };
        plan.take();
        plan
    }

    /// Takes the next entry and goes on to the one after it.
    fn take(&mut self) -> Option<Entry<'a>> {
        let following = entries(&mut self.following).next();
        core::mem::replace(&mut self.next, following)
    }

    /// The entry that shows the state which lies at `place` in the store of this scope.
    fn shows(&self, place: StatePath<'_>, scope: Scope) -> Option<StatePath<'a>> {
        let at_place = entries(&mut self.entries.clone()).find(|entry| {
            entry.state_path() == place && entry.how != How::Overlay && is_kept(self.lifetime(entry), scope)
        });
        at_place.map(|entry| entry.path).or_else(|| self.shows_around(place, scope))
    }

    /// The directory above `place` that shows what lies there in the store of this scope.
    fn shows_around(&self, place: StatePath<'_>, scope: Scope) -> Option<StatePath<'a>> {
        // State lies under the paths' own names, so that the nearest directory that is mounted shows it, if it is of that
        // store. An overlay's has only what differs from the image.
        let directory = self.directory_around(place)?;
        (directory.how == How::Bind && is_kept(directory.lifetime, scope)).then_some(directory.path)
    }

    /// The nearest directory above `place` that is writable.
    fn directory_around(&self, place: StatePath<'_>) -> Option<Entry<'a>> {
        let is_directory = |entry: &Entry<'_>| entry.kind == Kind::Directory && place.is_beneath(entry.path);
        entries(&mut self.entries.clone()).filter(is_directory).last()
    }

    /// How long the state of one of the entries lasts: the file that a symlink leads to, as long as what lies around it.
    fn lifetime(&self, entry: &Entry<'a>) -> Lifetime {
        match entry.how {
            How::Symlink { to } => {
                self.directory_around(to).map_or(entry.lifetime, |directory| directory.lifetime)
            }
            How::Bind | How::Overlay => entry.lifetime,
        }
    }
}

/// All entries. No item is an error on a verified blob.
fn entries<'a>(of: &mut Entries<'a>) -> impl Iterator<Item = Entry<'a>> {
    of.filter_map(|planned| planned.ok().map(|planned| planned.entry))
}

fn is_kept(lifetime: Lifetime, in_scope: Scope) -> bool {
    matches!(lifetime, Lifetime::Persistent(of) if of.scope == in_scope)
}

/// What updates did to state and what they will do, if that is not the same.
fn changed_on_update(old: &Entry<'_>, new: &Entry<'_>) -> Option<(OnUpdate, OnUpdate)> {
    match (old.lifetime, new.lifetime) {
        (Lifetime::Persistent(old), Lifetime::Persistent(new)) if old.on_update != new.on_update => {
            Some((old.on_update, new.on_update))
        }
        _ => None,
    }
}

/// Lists what differs between entries whose state stays where it is.
fn put_other(old: &Entry<'_>, new: &Entry<'_>, put: &mut dyn FnMut(&str)) {
    let on_update = changed_on_update(old, new);
    if let Some((from, to)) = on_update {
        put_all(put, &["on-update from ", from.word(), " to ", to.word()]);
        match to {
            OnUpdate::Reset if is_kept(new.lifetime, Scope::Slot) => put(" (the state is seeded afresh)"),
            // The old image's blob does not record what it had.
            OnUpdate::Merge if new.is_merged() => {
                put(" (files that differ from the new image's are conflicts)");
            }
            _ => {}
        }
    }
    let is_ephemeral = matches!(new.lifetime, Lifetime::Ephemeral { .. });
    let differing = [
        ("options", old.options != new.options),
        ("on-failure", old.on_failure != new.on_failure),
        ("means", old.how != new.how),
        ("size", is_ephemeral && old.lifetime != new.lifetime),
        ("type", old.kind != new.kind),
        ("first content", (old.seed, old.uid, old.gid, old.mode) != (new.seed, new.uid, new.gid, new.mode)),
    ];
    let mut separator = if on_update.is_some() { ", " } else { "" };
    for (name, differs) in differing {
        if differs {
            put_all(put, &[separator, name]);
            separator = ", ";
        }
    }
}

fn lasts(lifetime: Lifetime) -> &'static str {
    match lifetime {
        Lifetime::Ephemeral { .. } => "ephemeral",
        Lifetime::Persistent(Persistence { scope: Scope::Common, .. }) => "common",
        Lifetime::Persistent(_) => "persistent",
    }
}

fn put_all(put: &mut dyn FnMut(&str), parts: &[&str]) {
    for part in parts {
        put(part);
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::string::String;
    use alloc::vec::Vec;

    use super::*;
    use crate::{
        Image, Mode, MountOptions, OnFailure, OnSysDataFailure, PlannedEntry, Seed, SlotName, SysData, encode,
    };

    /// A directory in slot state that goes on unchanged.
    fn kept(path: &'static str) -> Entry<'static> {
        Entry {
            path: StatePath::new(path).unwrap(),
            kind: Kind::Directory,
            lifetime: persistent(Scope::Slot, OnUpdate::Carry),
            how: How::Bind,
            seed: Seed::Image,
            on_failure: OnFailure::Degrade,
            uid: 0,
            gid: 0,
            mode: Mode::DIRECTORY,
            options: MountOptions::DEFAULT,
        }
    }

    fn persistent(scope: Scope, on_update: OnUpdate) -> Lifetime {
        Lifetime::Persistent(Persistence { scope, on_update })
    }

    fn updated(path: &'static str, on_update: OnUpdate) -> Entry<'static> {
        Entry { lifetime: persistent(Scope::Slot, on_update), ..kept(path) }
    }

    fn common(path: &'static str) -> Entry<'static> {
        Entry { lifetime: persistent(Scope::Common, OnUpdate::Carry), ..kept(path) }
    }

    fn ephemeral(path: &'static str) -> Entry<'static> {
        Entry { lifetime: Lifetime::Ephemeral { size: None }, ..kept(path) }
    }

    fn overlay(path: &'static str) -> Entry<'static> {
        Entry { how: How::Overlay, ..kept(path) }
    }

    fn file(path: &'static str) -> Entry<'static> {
        Entry { kind: Kind::File, ..kept(path) }
    }

    fn link(path: &'static str, to: &'static str) -> Entry<'static> {
        Entry { how: How::Symlink { to: StatePath::new(to).unwrap() }, ..file(path) }
    }

    fn blob(entries: &[Entry<'_>]) -> Vec<u8> {
        let mount_point = StatePath::new("/run/x").unwrap();
        let sys_data = SysData { device: "", fstype: "", options: "", mount_point };
        let image = Image { id: "", on_sys_data_failure: OnSysDataFailure::Fail };
        let entries = entries.iter().map(|&entry| PlannedEntry { entry, origin: None });
        encode(image, sys_data, &[SlotName::new("A").unwrap()], &[], entries, []).unwrap()
    }

    /// One line for each difference; `!` where state is lost.
    fn told(old: &[Entry<'_>], new: &[Entry<'_>]) -> Vec<String> {
        let [old, new] = [old, new].map(blob);
        let differences = compare(&Blob::decode(&old).unwrap(), &Blob::decode(&new).unwrap());
        let line = |Difference { path, change }: Difference<'_>| {
            let mut line =
                format!("{}{path} {}: ", if change.loses_state() { "!" } else { "" }, change.kind());
            change.detail(&mut |part| line.push_str(part));
            line
        };
        differences.map(line).collect()
    }

    #[test]
    fn equal_plans_differ_in_nothing() {
        let plan = [kept("/a"), ephemeral("/a/b"), link("/c", "/a/c")];
        assert_eq!(told(&plan, &plan), [""; 0]);
        assert_eq!(told(&[], &[]), [""; 0]);
    }

    #[test]
    fn they_come_in_mount_order_from_both_plans() {
        let old = [kept("/a"), kept("/a-b"), kept("/c")];
        let new = [kept("/a/b"), kept("/b"), kept("/d")];
        let paths: Vec<_> =
            told(&old, &new).iter().map(|line| String::from(line.split(' ').next().unwrap())).collect();
        assert_eq!(paths, ["!/a", "/a/b", "!/a-b", "/b", "!/c", "/d"]);
    }

    #[test]
    fn state_is_orphaned_that_no_path_shows() {
        let orphaned = ["!/a/b orphaned: its state stays on sys-data, and no path shows it"];
        let old = [kept("/a/b")];
        assert_eq!(told(&old, &[]), orphaned);
        for (around, of_around) in [
            (ephemeral("/a"), "/a new: ephemeral, seeded at every boot"),
            (common("/a"), "/a new: common, seeded on the first boot"),
            (overlay("/a"), "/a new: persistent, seeded on the first boot"),
        ] {
            assert_eq!(told(&old, &[around]), [of_around, orphaned[0]]);
        }
        // The nearest directory is the one that is seen.
        let old = [kept("/a"), kept("/a/b/c")];
        assert_eq!(
            told(&old, &[kept("/a"), overlay("/a/b")]).last().unwrap(),
            &orphaned[0].replace("/b", "/b/c")
        );
    }

    #[test]
    fn state_is_found_where_another_path_shows_it() {
        let part_of = |path| [format!("/a/b changed: is now part of {path}")];
        assert_eq!(told(&[kept("/a"), kept("/a/b")], &[kept("/a")]), part_of("/a"));
        // A symlink's state lies where it leads to.
        let rw = kept("/rw");
        assert_eq!(told(&[link("/a/b", "/rw/b"), rw], &[rw]), part_of("/rw"));
        assert_eq!(told(&[link("/a/b", "/rw/b"), rw], &[rw, file("/rw/b")])[0], part_of("/rw/b")[0]);
        assert_eq!(told(&[link("/a/b", "/rw/b"), rw], &[kept("/a"), rw])[1], part_of("/rw")[0]);
        let lines = told(&[rw, file("/rw/b")], &[link("/c", "/rw/b"), rw]);
        assert!(lines.contains(&String::from("/rw/b changed: is now part of /c")), "{lines:?}");
        // And lasts as long as what lies around it, whatever the symlink says.
        assert_eq!(told(&[link("/a/b", "/rw/b"), common("/rw")], &[common("/rw")]), part_of("/rw"));
    }

    #[test]
    fn a_new_path_shows_or_hides_the_state_around_it() {
        let new = |entry| told(&[kept("/a")], &[kept("/a"), entry]);
        assert_eq!(new(kept("/a/b")), ["/a/b new: persistent, with what the state of /a has there"]);
        assert_eq!(new(ephemeral("/a/b")), ["!/a/b new: ephemeral, hides what the state of /a has there"]);
        assert_eq!(new(common("/a/b")), ["!/a/b new: common, hides what the state of /a has there"]);
        assert_eq!(new(overlay("/a/b")), ["!/a/b new: persistent, hides what the state of /a has there"]);
        assert_eq!(new(link("/b", "/a/b")), ["/b new: persistent, with what the state of /a has there"]);
        assert_eq!(new(common("/b")), ["/b new: common, seeded on the first boot"]);
        // It is said once that the state around it is not seen any more.
        let lines = told(&[kept("/a")], &[ephemeral("/a"), ephemeral("/a/b")]);
        assert_eq!(lines[1], "/a/b new: ephemeral, seeded at every boot");
    }

    #[test]
    fn what_becomes_of_the_state_is_told_first() {
        let to = |new: Entry<'static>| told(&[kept("/a")], &[Entry { mode: Mode::FILE, ..new }]);
        assert_eq!(
            to(ephemeral("/a")),
            ["!/a turned ephemeral: its state stays on sys-data, and no path shows it"]
        );
        assert_eq!(to(common("/a")), ["!/a moved scope: from slot to common; the state is left behind"]);
        assert_eq!(
            to(file("/a")),
            ["!/a type conflict: the state is a directory, the new image wants a file"]
        );
        assert_eq!(
            to(overlay("/a")),
            ["!/a other means: from bind to overlay; the state of one is none of the other"]
        );
        assert_eq!(to(kept("/a")), ["/a changed: first content"]);
        assert_eq!(
            told(&[ephemeral("/a")], &[kept("/a")]),
            ["/a turned persistent: seeded on the first boot"]
        );
        assert_eq!(told(&[ephemeral("/a")], &[]), ["/a no longer writable: was ephemeral"]);
        let rw = kept("/rw");
        assert_eq!(
            told(&[link("/a", "/rw/b"), rw], &[link("/a", "/rw/c"), rw]),
            ["!/a moved file: from /rw/b to /rw/c; the state is left behind"]
        );
        assert_eq!(
            told(&[link("/a", "/rw/b"), rw], &[link("/a", "/rw/b"), common("/rw")]),
            ["/a", "/rw"]
                .map(|path| format!("!{path} moved scope: from slot to common; the state is left behind"))
        );
    }

    #[test]
    fn what_updates_do_is_told_with_what_it_means_for_this_one() {
        let of = |from, to| told(&[updated("/a", from)], &[updated("/a", to)]);
        assert_eq!(
            of(OnUpdate::Carry, OnUpdate::Merge),
            [
                "/a changed: on-update from carry to merge (files that differ from the new image's are conflicts)"
            ]
        );
        assert_eq!(
            of(OnUpdate::Merge, OnUpdate::Reset),
            ["!/a changed: on-update from merge to reset (the state is seeded afresh)"]
        );
        assert_eq!(of(OnUpdate::Merge, OnUpdate::Carry), ["/a changed: on-update from merge to carry"]);
        assert_eq!(of(OnUpdate::Reset, OnUpdate::Reset), [""; 0]);
        let above = |on_update| Entry { how: How::Overlay, ..updated("/a", on_update) };
        assert_eq!(
            told(&[above(OnUpdate::Carry)], &[above(OnUpdate::Merge)]),
            ["/a changed: on-update from carry to merge"]
        );
        let of_all = |on_update| Entry { lifetime: persistent(Scope::Common, on_update), ..kept("/a") };
        assert_eq!(
            told(&[of_all(OnUpdate::Carry)], &[of_all(OnUpdate::Reset)]),
            ["/a changed: on-update from carry to reset"]
        );
    }

    #[test]
    fn all_else_is_listed() {
        let old = ephemeral("/a");
        let new = Entry {
            kind: Kind::File,
            lifetime: Lifetime::Ephemeral { size: Some(1) },
            how: How::Symlink { to: StatePath::new("/b").unwrap() },
            seed: Seed::Empty,
            on_failure: OnFailure::Skip,
            options: MountOptions::empty(),
            ..old
        };
        assert_eq!(
            told(&[old], &[new]),
            ["/a changed: options, on-failure, means, size, type, first content"]
        );
    }
}
