//! The entries of a blob, one at a time, each with what surrounds it.

use state_schema::{Blob, Entries, Entry, How, Kind, StatePath};

/// One entry of the plan.
pub(crate) struct Item<'a> {
    pub(crate) entry: Entry<'a>,
    /// Its place in the plan, which names its work in progress.
    pub(crate) number: u64,
    /// All that follow. What lies beneath this entry follows it at once.
    following: Entries<'a>,
}

impl<'a> Item<'a> {
    /// The entries that lie beneath this one.
    pub(crate) fn nested(&self) -> impl Iterator<Item = Entry<'a>> + use<'a> {
        let path = self.entry.path;
        // No item is an error on a verified blob.
        self.following
            .clone()
            .filter_map(Result::ok)
            .map(|planned| planned.entry)
            .take_while(move |entry| entry.path.is_beneath(path))
    }
}

/// The entries of `blob` in mount order.
pub(crate) fn items<'a>(blob: &Blob<'a>) -> impl Iterator<Item = Item<'a>> + use<'a> {
    let mut entries = blob.entries();
    let mut number = 0_u64;
    core::iter::from_fn(move || {
        // No item is an error on a verified blob.
        let entry = entries.next()?.ok()?.entry;
        let item = Item { entry, number, following: entries.clone() };
        number = number.wrapping_add(1);
        Some(item)
    })
}

/// The nearest directory above `path` that the plan makes writable.
pub(crate) fn directory_above<'a>(blob: &Blob<'a>, path: StatePath<'_>) -> Option<Entry<'a>> {
    items(blob)
        .map(|item| item.entry)
        .filter(|entry| entry.kind == Kind::Directory && !matches!(entry.how, How::Symlink { .. }))
        .filter(|entry| path.is_beneath(entry.path))
        .last()
}
