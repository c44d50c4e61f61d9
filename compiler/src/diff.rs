//! What an update from one image to another changes for state.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::Serialize;
use state_schema::{Blob, DecodeError, Entry, How, Lifetime, Persistence, Scope};

use crate::fragment::Word;

/// All differences, in mount order.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Diff {
    old_image: String,
    new_image: String,
    changes: Vec<Change>,
}

/// What is different about a path.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Change {
    path: String,
    kind: Kind,
    /// Whether state is lost or left behind.
    loses_state: bool,
    detail: String,
}

#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    Orphaned,
    New,
    NoLongerWritable,
    TurnedEphemeral,
    TurnedPersistent,
    MovedScope,
    TypeConflict,
    OtherMeans,
    Changed,
}

/// Compares the entries of two blobs.
pub fn diff(old: &Blob<'_>, new: &Blob<'_>) -> Result<Diff, DecodeError> {
    let (old_entries, new_entries) = (entries(old)?, entries(new)?);
    let mut changes = Vec::new();
    for (path, entry) in &old_entries {
        match new_entries.get(path) {
            Some(new) => changes.extend(compare(entry, new)),
            None => changes.push(gone(entry, &new_entries)),
        }
    }
    for (path, entry) in &new_entries {
        if !old_entries.contains_key(path) {
            changes.push(change(
                entry,
                Kind::New,
                false,
                format!("{}, seeded on the first boot", lasts(entry.lifetime)),
            ));
        }
    }
    changes.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(Diff { old_image: old.image().id.to_owned(), new_image: new.image().id.to_owned(), changes })
}

fn entries<'a>(blob: &Blob<'a>) -> Result<BTreeMap<&'a str, Entry<'a>>, DecodeError> {
    blob.entries()
        .map(|planned| planned.map(|planned| (planned.entry.path.as_str(), planned.entry)))
        .collect()
}

/// An entry that the new image does not have.
fn gone(entry: &Entry<'_>, new: &BTreeMap<&str, Entry<'_>>) -> Change {
    let Lifetime::Persistent(old) = entry.lifetime else {
        return change(entry, Kind::NoLongerWritable, false, "was ephemeral".to_owned());
    };
    let mut above = entry.path.parent();
    while let Some(directory) = above {
        // State lies under the paths' own names, so that a directory above it still shows it.
        if let Some(parent) = new.get(directory.as_str()) {
            if matches!(parent.lifetime, Lifetime::Persistent(of) if of.scope == old.scope)
                && parent.how == How::Bind
            {
                return change(entry, Kind::Changed, false, format!("is now part of {directory}"));
            }
            break;
        }
        above = directory.parent();
    }
    change(entry, Kind::Orphaned, true, "its state stays on sys-data, and no path shows it".to_owned())
}

/// What is different about an entry that both images have; the first that matters is the one to tell.
fn compare(old: &Entry<'_>, new: &Entry<'_>) -> Option<Change> {
    let both = match (old.lifetime, new.lifetime) {
        (Lifetime::Persistent(old), Lifetime::Persistent(new)) => Some((old, new)),
        (Lifetime::Persistent(_), Lifetime::Ephemeral { .. }) => {
            return Some(change(
                new,
                Kind::TurnedEphemeral,
                true,
                "its state stays on sys-data, and no path shows it".to_owned(),
            ));
        }
        (Lifetime::Ephemeral { .. }, Lifetime::Persistent(_)) => {
            return Some(change(new, Kind::TurnedPersistent, false, "seeded on the first boot".to_owned()));
        }
        (Lifetime::Ephemeral { .. }, Lifetime::Ephemeral { .. }) => None,
    };
    if let Some((of_old, of_new)) = both {
        if of_old.scope != of_new.scope {
            let detail =
                format!("from {} to {}; the state is left behind", of_old.scope.word(), of_new.scope.word());
            return Some(change(new, Kind::MovedScope, true, detail));
        }
        if old.kind != new.kind {
            let detail =
                format!("the state is a {}, the new image wants a {}", old.kind.word(), new.kind.word());
            return Some(change(new, Kind::TypeConflict, true, detail));
        }
        if means(old.how) != means(new.how) {
            let detail = format!(
                "from {} to {}; the state of one is none of the other",
                means(old.how),
                means(new.how)
            );
            return Some(change(new, Kind::OtherMeans, true, detail));
        }
        return changed(old, new, Some((of_old, of_new)));
    }
    changed(old, new, None)
}

/// Differences that leave the state where it is.
fn changed(
    old: &Entry<'_>,
    new: &Entry<'_>,
    persistence: Option<(Persistence, Persistence)>,
) -> Option<Change> {
    let mut what = Vec::new();
    if let Some((old, new)) = persistence.filter(|(old, new)| old.on_update != new.on_update) {
        what.push(format!("on-update from {} to {}", old.on_update.word(), new.on_update.word()));
    }
    let pairs: [(&str, bool); 6] = [
        ("options", old.options != new.options),
        ("on-failure", old.on_failure != new.on_failure),
        ("symlink target", old.how != new.how),
        ("size", persistence.is_none() && old.lifetime != new.lifetime),
        ("type", old.kind != new.kind),
        ("first content", (old.seed, old.uid, old.gid, old.mode) != (new.seed, new.uid, new.gid, new.mode)),
    ];
    what.extend(pairs.iter().filter(|(_, differs)| *differs).map(|(name, _)| (*name).to_owned()));
    (!what.is_empty()).then(|| change(new, Kind::Changed, false, what.join(", ")))
}

fn change(entry: &Entry<'_>, kind: Kind, loses_state: bool, detail: String) -> Change {
    Change { path: entry.path.to_string(), kind, loses_state, detail }
}

fn means(how: How<'_>) -> &'static str {
    match how {
        How::Bind => "bind",
        How::Overlay => "overlay",
        How::Symlink { .. } => "symlink",
    }
}

fn lasts(lifetime: Lifetime) -> &'static str {
    match lifetime {
        Lifetime::Ephemeral { .. } => "ephemeral",
        Lifetime::Persistent(Persistence { scope: Scope::Common, .. }) => "common",
        Lifetime::Persistent(_) => "persistent",
    }
}

impl Kind {
    fn words(self) -> &'static str {
        match self {
            Self::Orphaned => "orphaned",
            Self::New => "new",
            Self::NoLongerWritable => "no longer writable",
            Self::TurnedEphemeral => "turned ephemeral",
            Self::TurnedPersistent => "turned persistent",
            Self::MovedScope => "moved scope",
            Self::TypeConflict => "type conflict",
            Self::OtherMeans => "other means",
            Self::Changed => "changed",
        }
    }
}

impl Diff {
    /// Whether an update would lose state or leave it behind.
    #[must_use]
    pub fn loses_state(&self) -> bool {
        self.changes.iter().any(|change| change.loses_state)
    }

    /// The differences for people; a `!` marks those that lose state.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = format!("from {} to {}\n", self.old_image, self.new_image);
        if self.old_image == self.new_image {
            text.push_str(
                "! both have the same image id: the target would not see that there was an update\n",
            );
        }
        if self.changes.is_empty() {
            text.push_str("nothing changes for state\n");
        }
        let width = self.changes.iter().map(|change| change.path.chars().count()).max().unwrap_or_default();
        for Change { path, kind, loses_state, detail } in &self.changes {
            let mark = if *loses_state { '!' } else { ' ' };
            // Writing to a string does not fail.
            let _ = writeln!(text, "{mark} {path:<width$}  {}: {detail}", kind.words());
        }
        text
    }
}
