//! Who asked for an entry. The target does not need it; people do.

use serde::Serialize;

use crate::Entry;
use crate::fields::{Fields, FromFields};

/// The declaration that an entry goes back to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Origin<'a> {
    /// The fragment's path below the directory it was found in, so that no build's own paths end up in images.
    pub fragment: &'a str,
    /// The line, from 1, of the entry's path in the fragment.
    pub line: u32,
    /// The fragment's `reason`; empty where it gives none.
    pub reason: &'a str,
}

impl<'a> FromFields<'a> for Origin<'a> {
    fn from_fields(fields: &mut Fields<'a>) -> Self {
        Self { fragment: fields.text(), line: fields.number32(), reason: fields.text() }
    }
}

/// An entry and where it comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlannedEntry<'a> {
    /// What becomes of the path.
    pub entry: Entry<'a>,
    /// The declaration it goes back to, where the blob records it.
    pub origin: Option<Origin<'a>>,
}
