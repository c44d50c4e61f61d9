//! The entries of a blob, one at a time, each with what surrounds it.

use state_schema::{Blob, Entries, Entry, Kind, MAX_PATH_LEN, StatePath};

/// Most entries that can lie above one: each takes a slash and a name of its path.
const MAX_DEPTH: usize = MAX_PATH_LEN / 2;

/// One entry of the plan.
pub(crate) struct Item<'a> {
    pub(crate) entry: Entry<'a>,
    /// Its place in the plan, which names its work in progress.
    pub(crate) number: u64,
    /// From the nearest entry on that it lies in.
    above: Option<Entries<'a>>,
    /// All that follow. What lies beneath this entry follows it at once.
    following: Entries<'a>,
}

impl<'a> Item<'a> {
    /// Whether it lies in another entry.
    pub(crate) fn is_nested(&self) -> bool {
        self.above.is_some()
    }

    /// The nearest entry that it lies in: a directory, which the plan makes writable.
    pub(crate) fn above(&self) -> Option<Entry<'a>> {
        next(&mut self.above.clone()?)
    }

    /// The entries that lie beneath this one.
    pub(crate) fn nested(&self) -> impl Iterator<Item = Entry<'a>> + use<'a> {
        let path = self.entry.path;
        let mut following = self.following.clone();
        core::iter::from_fn(move || next(&mut following).filter(|entry| entry.path.is_beneath(path)))
    }
}

/// The entries of a plan in mount order.
pub(crate) struct Items<'p, 'a> {
    blob: &'p Blob<'a>,
    entries: Entries<'a>,
    number: u64,
    /// The last entry, and where in the blob it is.
    last: Option<(StatePath<'a>, usize)>,
    /// Where in the blob those are that it lies in, the topmost first.
    way: [u32; MAX_DEPTH],
    depth: usize,
}

/// The entries of `blob` in mount order.
pub(crate) fn items<'p, 'a>(blob: &'p Blob<'a>) -> Items<'p, 'a> {
    Items { blob, entries: blob.entries(), number: 0, last: None, way: [0; MAX_DEPTH], depth: 0 }
}

impl<'a> Iterator for Items<'_, 'a> {
    type Item = Item<'a>;

    fn next(&mut self) -> Option<Item<'a>> {
        let place = self.entries.offset();
        let entry = next(&mut self.entries)?;
        let number = self.number;
        self.number = number.wrapping_add(1);
        // All that lies in an entry follows it at once, so it lies in the last one, in some of those above, or in none.
        if let Some((last, place)) = self.last
            && entry.path.is_beneath(last)
        {
            *self.way.get_mut(self.depth)? = u32::try_from(place).ok()?;
            self.depth = self.depth.saturating_add(1);
        }
        self.last = Some((entry.path, place));
        let mut above = None;
        while let Some(nearest) = self.depth.checked_sub(1) {
            let entries = self.blob.entries_from(*self.way.get(nearest)? as usize);
            if entry.path.is_beneath(next(&mut entries.clone())?.path) {
                above = Some(entries);
                break;
            }
            self.depth = nearest;
        }
        Some(Item { entry, number, above, following: self.entries.clone() })
    }
}

/// The entries alone, in mount order.
#[cfg(feature = "system")]
pub(crate) fn entries<'a>(blob: &Blob<'a>) -> impl Iterator<Item = Entry<'a>> + use<'a> {
    let mut entries = blob.entries();
    core::iter::from_fn(move || next(&mut entries))
}

/// The nearest directory above `path` that the plan makes writable.
pub(crate) fn directory_above<'a>(blob: &Blob<'a>, path: StatePath<'_>) -> Option<Entry<'a>> {
    let mut entries = blob.entries();
    let mut above = None;
    while let Some(entry) = next(&mut entries)
        && entry.path < path
    {
        if entry.kind == Kind::Directory && path.is_beneath(entry.path) {
            above = Some(entry);
        }
    }
    above
}

#[inline(never)]
fn next<'a>(entries: &mut Entries<'a>) -> Option<Entry<'a>> {
    // None is an error on a verified blob.
    entries.next_entry()?.ok()
}
