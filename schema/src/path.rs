//! Paths that need no further checking.

#[cfg(feature = "encode")]
mod owned;

use core::cmp::Ordering;
use core::fmt;

use serde::Serialize;

use crate::compare_paths;

#[cfg(feature = "encode")]
pub use owned::StatePathBuf;

/// Longest path, in bytes: `PATH_MAX` of Linux less the terminating NUL.
pub const MAX_PATH_LEN: usize = 4095;

/// Longest single name, in bytes: `NAME_MAX` of Linux.
pub const MAX_NAME_LEN: usize = 255;

/// An absolute, normalised path below `/`.
///
/// # Invariants
///
/// Starts with `/`; has at least one name; no name is empty, `.` or `..` or longer than [`MAX_NAME_LEN`];
/// no trailing `/`; no ASCII control character (so neither NUL nor newline); at most [`MAX_PATH_LEN`] bytes.
///
/// # Order
///
/// By names, not by bytes: `/a` < `/a/b` < `/a-b`. A path sorts before everything beneath it, and all that
/// lies beneath it follows before anything else. This is the mount order.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct StatePath<'a>(&'a str);

/// Why a text is not a [`StatePath`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidPath {
    /// It does not start with `/`.
    NotAbsolute,
    /// It is `/` itself.
    Root,
    /// It has an empty name (`//`, or a trailing `/`) or a name that is `.` or `..`.
    NotNormalised,
    /// It has an ASCII control character at this byte.
    ControlCharacter {
        /// Bytes before the character.
        at: usize,
    },
    /// The whole is longer than [`MAX_PATH_LEN`] bytes.
    PathTooLong,
    /// One name is longer than [`MAX_NAME_LEN`] bytes.
    NameTooLong,
}

impl fmt::Display for InvalidPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotAbsolute => "the path does not start with `/`",
            Self::Root => "the path is the root directory itself",
            Self::NotNormalised => "the path has an empty, `.` or `..` component or ends in `/`",
            Self::ControlCharacter { .. } => "the path has a control character",
            Self::PathTooLong => "the path is longer than 4095 bytes",
            Self::NameTooLong => "a name in the path is longer than 255 bytes",
        })
    }
}

impl core::error::Error for InvalidPath {}

impl<'a> StatePath<'a> {
    /// Stands where no path has been read, and is never handed out.
    pub(crate) const PLACEHOLDER: Self = Self("/-");

    /// Checks `text` against the invariants.
    pub fn new(text: &'a str) -> Result<Self, InvalidPath> {
        let Some(names) = text.strip_prefix('/') else { return Err(InvalidPath::NotAbsolute) };
        if let Some(at) = text.bytes().position(|b| b.is_ascii_control()) {
            return Err(InvalidPath::ControlCharacter { at });
        }
        if names.is_empty() {
            return Err(InvalidPath::Root);
        }
        if text.len() > MAX_PATH_LEN {
            return Err(InvalidPath::PathTooLong);
        }
        let mut rest = names.as_bytes();
        loop {
            let end = rest.iter().position(|&byte| byte == b'/');
            let (name, behind) = rest.split_at_checked(end.unwrap_or(rest.len())).unwrap_or_default();
            if matches!(name, b"" | b"." | b"..") {
                return Err(InvalidPath::NotNormalised);
            }
            if name.len() > MAX_NAME_LEN {
                return Err(InvalidPath::NameTooLong);
            }
            let [_, behind @ ..] = behind else { return Ok(Self(text)) };
            rest = behind;
        }
    }

    /// The path as it was written.
    #[must_use]
    pub fn as_str(self) -> &'a str {
        self.0
    }

    /// The path without its leading `/`: relative to an opened root.
    #[must_use]
    pub fn relative(self) -> &'a str {
        self.0.strip_prefix('/').unwrap_or(self.0)
    }

    /// Whether `self` lies strictly beneath `ancestor`.
    #[must_use]
    pub fn is_beneath(self, ancestor: StatePath<'_>) -> bool {
        self.below(ancestor).is_some()
    }

    /// The names by which `self` lies strictly beneath `ancestor`, without a leading `/`.
    #[must_use]
    pub fn below(self, ancestor: StatePath<'_>) -> Option<&'a str> {
        self.0.strip_prefix(ancestor.0)?.strip_prefix('/')
    }

    /// The directory this path lies in; `None` directly below `/`.
    #[must_use]
    pub fn parent(self) -> Option<StatePath<'a>> {
        match self.0.rsplit_once('/') {
            Some(("", _)) | None => None,
            Some((parent, _)) => Some(StatePath(parent)),
        }
    }
}

impl fmt::Display for StatePath<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl fmt::Debug for StatePath<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.0, f)
    }
}

impl Ord for StatePath<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        compare_paths(self.0.as_bytes(), other.0.as_bytes())
    }
}

impl PartialOrd for StatePath<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    extern crate alloc;

    use alloc::string::String;
    use alloc::vec::Vec;

    use super::*;

    #[test]
    fn accepts_what_a_kernel_would() {
        for text in ["/etc", "/var/lib/x y", "/a/..b", "/a/.b", "/ä"] {
            assert_eq!(StatePath::new(text).map(StatePath::as_str), Ok(text));
        }
    }

    #[test]
    fn names_what_is_wrong() {
        let long_name = String::from("/") + &"n".repeat(256);
        let long_path = "/name".repeat(820);
        for (text, fault) in [
            ("", InvalidPath::NotAbsolute),
            ("etc", InvalidPath::NotAbsolute),
            ("/", InvalidPath::Root),
            ("/etc/", InvalidPath::NotNormalised),
            ("//etc", InvalidPath::NotNormalised),
            ("/etc/../root", InvalidPath::NotNormalised),
            ("/etc/./x", InvalidPath::NotNormalised),
            ("/etc\n", InvalidPath::ControlCharacter { at: 4 }),
            ("/e\0tc", InvalidPath::ControlCharacter { at: 2 }),
            (&long_name, InvalidPath::NameTooLong),
            (&long_path, InvalidPath::PathTooLong),
        ] {
            assert_eq!(StatePath::new(text), Err(fault), "{text:?}");
        }
    }

    #[test]
    fn sorts_a_parent_before_its_children_and_these_before_its_siblings() {
        let mut paths: Vec<_> =
            ["/a-b", "/a/b/c", "/a", "/a.b", "/a/b"].map(|p| StatePath::new(p).unwrap()).into();
        paths.sort_unstable();
        let sorted: Vec<_> = paths.into_iter().map(StatePath::as_str).collect();
        assert_eq!(sorted, ["/a", "/a/b", "/a/b/c", "/a-b", "/a.b"]);
    }

    #[test]
    fn beneath_is_by_names() {
        let [a, ab, a_b] = ["/a", "/a/b", "/a-b"].map(|p| StatePath::new(p).unwrap());
        assert_eq!(ab.below(a), Some("b"));
        assert!(!a_b.is_beneath(a) && !a.is_beneath(a) && !a.is_beneath(ab));
        assert_eq!(ab.parent(), Some(a));
        assert_eq!(a.parent(), None);
    }
}
