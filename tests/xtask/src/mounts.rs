//! What is mounted on this machine.

use std::fs;
use std::path::Path;

use crate::failure::{Failure, OrFail as _, Outcome};

/// Fails if anything is mounted at or below `directory` in this program's own namespace.
pub(crate) fn require_none_below(directory: &Path) -> Outcome {
    let table =
        fs::read_to_string("/proc/self/mountinfo").or_fail(|| "read /proc/self/mountinfo".to_owned())?;
    match below(directory, &table) {
        None => Ok(()),
        Some(place) => Err(Failure::new(format!("{place} is a mount point: unmount it first"))),
    }
}

/// The first mount point at or below `directory`. `table` is as `proc_pid_mountinfo(5)` describes it.
fn below<'t>(directory: &Path, table: &'t str) -> Option<&'t str> {
    // The fifth field. The kernel escapes blanks in it, which keeps a path of ours with one from being recognised;
    // every other path is.
    let points = table.lines().filter_map(|line| line.split(' ').nth(4));
    let mut below = points.filter(|point| Path::new(point).starts_with(directory));
    below.next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_what_is_mounted_below_a_directory_only() {
        let table = "21 1 0:20 / /proc rw - proc proc rw\n22 1 0:21 / /a-b rw - tmpfs t rw\n";
        assert_eq!(below(Path::new("/a"), table), None);
        assert_eq!(below(Path::new("/a-b"), table), Some("/a-b"));
        assert_eq!(below(Path::new("/"), table), Some("/proc"));
    }
}
