//! Paths that own their text.

use alloc::string::String;
use core::cmp::Ordering;
use core::fmt;
use core::ops::Deref;

use super::{InvalidPath, StatePath};

/// A [`StatePath`] that owns its text: checked once, compared as often as wanted.
#[derive(Clone, PartialEq, Eq)]
pub struct StatePathBuf(String);

impl StatePathBuf {
    /// Checks `text` against the invariants of [`StatePath`].
    pub fn new(text: String) -> Result<Self, InvalidPath> {
        StatePath::new(&text)?;
        Ok(Self(text))
    }

    /// The path, borrowed.
    #[must_use]
    pub fn as_path(&self) -> StatePath<'_> {
        StatePath(&self.0)
    }
}

impl Deref for StatePathBuf {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for StatePathBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl Ord for StatePathBuf {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_path().cmp(&other.as_path())
    }
}

impl PartialOrd for StatePathBuf {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
