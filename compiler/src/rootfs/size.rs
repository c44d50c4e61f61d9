//! How much the image's files hold.
//!
//! An image has more files than all else that is looked at, so they are asked for by name in their opened directory, through
//! system calls of our own: pseudo and fakeroot pretend owners and modes, never sizes.

use std::ffi::OsStr;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, RawDir, RawDirEntry, open, statat};
use rustix::path::Arg;

/// Room for the names that one system call returns.
const NAMES_LEN: usize = 16 << 10;

/// Bytes of a file by its name in a directory. What cannot be looked at counts as nothing.
pub(super) fn of_file(directory: impl AsFd, name: impl Arg) -> u64 {
    let found = statat(directory, name, AtFlags::SYMLINK_NOFOLLOW);
    found.map_or(0, |found| u64::try_from(found.st_size).unwrap_or(0))
}

/// Bytes of all regular files below a directory, which is `inside` in the image, without what lies at and below places in
/// the image that are excluded.
pub(super) fn of_directory(place: &Path, inside: &str, is_excluded: impl Fn(&str) -> bool) -> u64 {
    let mut names = Vec::with_capacity(NAMES_LEN);
    let mut waiting: Vec<(PathBuf, String)> = vec![(place.to_owned(), inside.to_owned())];
    let mut size = 0;
    while let Some((place, inside)) = waiting.pop() {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let Ok(directory) = open(&place, flags, Mode::empty()) else { continue };
        let mut found = RawDir::new(&directory, names.spare_capacity_mut());
        while let Some(Ok(found)) = found.next() {
            let name = found.file_name();
            if matches!(name.to_bytes(), b"." | b"..") {
                continue;
            }
            let shown = name.to_string_lossy();
            if is_excluded(&format!("{inside}/{shown}")) {
                continue;
            }
            match kind(&directory, &found) {
                FileType::RegularFile => size += of_file(&directory, name),
                FileType::Directory => {
                    waiting
                        .push((place.join(OsStr::from_bytes(name.to_bytes())), format!("{inside}/{shown}")));
                }
                _ => {}
            }
        }
    }
    size
}

/// What a name in a directory is. Not every file system says so with the name.
fn kind(directory: impl AsFd, found: &RawDirEntry<'_>) -> FileType {
    match found.file_type() {
        FileType::Unknown => statat(directory, found.file_name(), AtFlags::SYMLINK_NOFOLLOW)
            .map_or(FileType::Unknown, |found| FileType::from_raw_mode(found.st_mode)),
        kind => kind,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn counts_files_that_are_not_excluded_once() {
        let root = tempfile::tempdir().unwrap();
        let place = root.path();
        for (file, content) in [("a", "1"), ("kept/deep/b", "22"), ("gone/c", "4444"), ("lost", "88888888")] {
            let file = place.join(file);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, content).unwrap();
        }
        symlink("gone", place.join("link")).unwrap();
        let is_excluded = |inside: &str| matches!(inside, "/srv/gone" | "/srv/lost");
        assert_eq!(of_directory(place, "/srv", is_excluded), 3);
        assert_eq!(of_directory(place, "/other", is_excluded), 15);
    }
}
