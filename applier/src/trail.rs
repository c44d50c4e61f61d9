//! Where a copy is at.

use crate::failure::Failure;
use crate::path::PathBuf;
use crate::step::Step;

/// The path of what is being copied, for those who ask what to leave out and for messages.
///
/// Directories may lie deeper than a path is long. The names which do not fit any more are only counted: no
/// plan knows a path of that length, and a message shows no more than its beginning.
pub(crate) struct Trail {
    operation: &'static str,
    path: PathBuf,
    /// How many names at the end are not in `path`.
    unnamed: u64,
}

impl Trail {
    /// A trail that starts at `path`, of steps that do `operation`.
    pub(crate) fn new(operation: &'static str, path: &[u8]) -> Result<Self, Failure> {
        let mut trail = Self { operation, path: PathBuf::new(), unnamed: 0 };
        trail.path.append(path).map_err(|errno| Step::new(operation, path).failed("openat2", errno))?;
        Ok(trail)
    }

    pub(crate) fn push(&mut self, name: &[u8]) {
        if self.unnamed > 0 || self.path.push(name).is_err() {
            self.unnamed = self.unnamed.saturating_add(1);
        }
    }

    pub(crate) fn pop(&mut self) {
        match self.unnamed.checked_sub(1) {
            Some(fewer) => self.unnamed = fewer,
            None => self.path.pop(),
        }
    }

    pub(crate) fn path(&self) -> &[u8] {
        self.path.bytes()
    }

    pub(crate) fn step(&self) -> Step<'_> {
        Step::new(self.operation, self.path())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_beyond_the_longest_path_are_counted() {
        let Ok(mut trail) = Trail::new("copy", b"/srv") else { panic!() };
        for _ in 0..20 {
            trail.push(&[b'n'; 254]);
        }
        let longest = trail.path().len();
        trail.push(b"x");
        assert_eq!(
            trail.path().len(),
            longest,
            "a name that would fit is none of the path without the others"
        );
        for _ in 0..21 {
            trail.pop();
        }
        assert_eq!(trail.path(), b"/srv");
    }
}
