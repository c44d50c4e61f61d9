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
        // The build host sorts many, which have long beginnings in common: these need not be looked at byte by byte.
        let (mut one, mut another) = (self.0.as_bytes(), other.0.as_bytes());
        while let (Some((chunk, rest)), Some((other, other_rest))) =
            (one.split_first_chunk::<8>(), another.split_first_chunk())
        {
            if chunk != other {
                break;
            }
            (one, another) = (rest, other_rest);
        }
        crate::compare_paths(one, another)
    }
}

impl PartialOrd for StatePathBuf {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use alloc::borrow::ToOwned as _;

    use super::*;

    #[test]
    fn order_is_that_of_borrowed_paths() {
        let paths = [
            "/a",
            "/a/b",
            "/a-b",
            "/var/lib/x",
            "/var/lib/xy",
            "/var/lib/x/y",
            "/var/lib/x-y",
            "/var/li",
            "/var/lib",
            "/var/lib/package-1",
            "/var/lib/package-1/state",
            "/var/lib/package-10",
            "/var/lib/package-1-doc",
        ];
        for one in paths {
            for another in paths {
                let [owned, other] = [one, another].map(|path| StatePathBuf::new(path.to_owned()).unwrap());
                assert_eq!(owned.cmp(&other), owned.as_path().cmp(&other.as_path()), "{one} {another}");
            }
        }
    }
}
