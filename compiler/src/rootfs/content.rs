//! What the image's directories hold.
//!
//! An image has more files than all else that is looked at, so they are asked for by name in their opened directory, through
//! system calls of our own: pseudo and fakeroot pretend owners and modes, never names or sizes.

use std::ffi::CStr;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, RawDir, openat, statat};
use rustix::path::Arg;
use state_schema::StatePath;

/// Room for the names that one system call returns.
const NAMES_LEN: usize = 16 << 10;

/// Bytes of a file by its name in a directory. What cannot be looked at counts as nothing.
pub(super) fn size_of_file(directory: impl AsFd, name: impl Arg) -> u64 {
    let found = statat(directory, name, AtFlags::SYMLINK_NOFOLLOW);
    found.map_or(0, |found| u64::try_from(found.st_size).unwrap_or(0))
}

/// Bytes of all regular files below a directory of the image whose root is opened, without what lies at and below places
/// that are excluded.
pub(super) fn size(root: impl AsFd, directory: StatePath<'_>, is_excluded: impl Fn(&str) -> bool) -> u64 {
    let mut size = 0;
    let mut waiting = vec![Place::from(directory.as_str())];
    while let Some(mut place) = waiting.pop() {
        let Some(directory) = place.open(&root) else { continue };
        each_name(&directory, |name, kind| {
            if place.within(name, |inside| is_excluded(&inside.show())) {
                return;
            }
            match kind {
                FileType::RegularFile => size += size_of_file(&directory, name),
                FileType::Directory => waiting.push(place.within(name, Place::clone)),
                _ => {}
            }
        });
    }
    size
}

/// The first by name among the files and empty directories below a directory, without what lies at and below places that
/// are excluded.
pub(super) fn first(
    root: impl AsFd,
    directory: StatePath<'_>,
    is_excluded: impl Fn(&str) -> bool,
) -> Option<String> {
    let mut waiting = list(&root, Place::from(directory.as_str()))?;
    while let Some((place, kind)) = waiting.pop() {
        if is_excluded(&place.show()) {
            continue;
        }
        if kind != FileType::Directory {
            return Some(place.show().into_owned());
        }
        match list(&root, place.clone()) {
            Some(names) if names.is_empty() => return Some(place.show().into_owned()),
            names => waiting.extend(names.into_iter().flatten()),
        }
    }
    None
}

/// All that a directory holds, the last by name first; `None` where it cannot be read.
fn list(root: impl AsFd, mut place: Place) -> Option<Vec<(Place, FileType)>> {
    let directory = place.open(root)?;
    let mut found = Vec::new();
    each_name(&directory, |name, kind| found.push((place.within(name, Place::clone), kind)));
    found.sort_by(|(one, _), (other, _)| other.cmp(one));
    Some(found)
}

/// A place in the image, as a path from its root. Names of files are not always text.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Place(Vec<u8>);

impl From<&str> for Place {
    fn from(path: &str) -> Self {
        Self(path.as_bytes().to_vec())
    }
}

impl Place {
    /// Asks about a name in this directory.
    fn within<R>(&mut self, name: &CStr, ask: impl FnOnce(&Self) -> R) -> R {
        let length = self.0.len();
        self.0.push(b'/');
        self.0.extend_from_slice(name.to_bytes());
        let answer = ask(self);
        self.0.truncate(length);
        answer
    }

    fn open(&self, root: impl AsFd) -> Option<OwnedFd> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        openat(root, self.0.strip_prefix(b"/")?, flags, Mode::empty()).ok()
    }

    fn show(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.0)
    }
}

/// Tells `take` of each name in a directory, and what it is of.
fn each_name(directory: &OwnedFd, mut take: impl FnMut(&CStr, FileType)) {
    let mut names = [MaybeUninit::uninit(); NAMES_LEN];
    let mut found = RawDir::new(directory, &mut names);
    while let Some(Ok(found)) = found.next() {
        let name = found.file_name();
        if matches!(name.to_bytes(), b"." | b"..") {
            continue;
        }
        // Not every file system says with the name what it is of.
        let kind = match found.file_type() {
            FileType::Unknown => statat(directory, name, AtFlags::SYMLINK_NOFOLLOW)
                .map_or(FileType::Unknown, |found| FileType::from_raw_mode(found.st_mode)),
            kind => kind,
        };
        take(name, kind);
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::os::unix::ffi::OsStrExt as _;
    use std::os::unix::fs::symlink;

    use tempfile::TempDir;

    use super::*;

    fn image(files: &[(&[u8], &str)]) -> (TempDir, File) {
        let directory = tempfile::tempdir().unwrap();
        for (file, content) in files {
            let file = directory.path().join(std::ffi::OsStr::from_bytes(file));
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, content).unwrap();
        }
        let opened = File::open(directory.path()).unwrap();
        (directory, opened)
    }

    #[test]
    fn counts_files_that_are_not_excluded_once() {
        let (directory, root) = image(&[
            (b"srv/a", "1"),
            (b"srv/kept/deep/b", "22"),
            (b"srv/\xff/c", "333"),
            (b"srv/gone/d", "4444"),
            (b"srv/lost", "88888888"),
        ]);
        symlink("gone", directory.path().join("srv/link")).unwrap();
        let srv = StatePath::new("/srv").unwrap();
        let is_excluded = |inside: &str| matches!(inside, "/srv/gone" | "/srv/lost");
        assert_eq!(size(&root, srv, is_excluded), 6);
        assert_eq!(size(&root, srv, |_| false), 18);
    }

    #[test]
    fn finds_what_comes_first_by_name() {
        let (directory, root) = image(&[(b"srv/b/c/d", ""), (b"srv/b/a/x", ""), (b"srv/c", "")]);
        fs::create_dir(directory.path().join("srv/b/b")).unwrap();
        let srv = StatePath::new("/srv").unwrap();
        let first = |excluded: &[&str]| first(&root, srv, |inside| excluded.contains(&inside));
        assert_eq!(first(&[]).as_deref(), Some("/srv/b/a/x"));
        assert_eq!(first(&["/srv/b/a"]).as_deref(), Some("/srv/b/b"));
        assert_eq!(first(&["/srv/b/a/x", "/srv/b/b"]).as_deref(), Some("/srv/b/c/d"));
        assert_eq!(first(&["/srv/b"]).as_deref(), Some("/srv/c"));
        assert_eq!(first(&["/srv/b", "/srv/c"]), None);
    }
}
