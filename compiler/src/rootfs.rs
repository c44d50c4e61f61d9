//! The image's tree, looked at and changed without ever following one of its links.
//!
//! Links of an image point into the image, but the kernel of the build host would follow them on the build
//! host. So every path is walked name by name. Ownership is read and written through std: under pseudo or
//! fakeroot, raw system calls would see the builder's own.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use state_schema::{FACTORY_DIR, Mode, StatePath};

use crate::accounts::Accounts;

/// A tree that an image is made of.
#[derive(Debug)]
pub struct Rootfs {
    root: PathBuf,
    /// The image's users and groups.
    pub accounts: Accounts,
}

/// The tree could not be looked at.
#[derive(Debug, thiserror::Error)]
pub enum RootfsError {
    /// The root is no directory.
    #[error("{} is not a directory: give the root of the image's tree", .0.display())]
    NotADirectory(PathBuf),
    /// A file in the tree could not be read.
    #[error("cannot read {}: {error}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
}

/// What the image holds at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// Nothing, though a directory could be made there.
    Nothing,
    /// A directory.
    Directory(Access),
    /// A regular file.
    File(Access),
    /// A symlink.
    Symlink {
        /// Where it points, as written in it.
        target: String,
    },
    /// A device, a socket or a FIFO.
    Special(&'static str),
    /// Nothing can be there: an ancestor is a symlink.
    BehindSymlink {
        /// The ancestor.
        ancestor: String,
        /// Where it points, as written in it.
        target: String,
    },
    /// Nothing can be there: an ancestor is no directory.
    BehindFile {
        /// The ancestor.
        ancestor: String,
    },
}

/// Who may do what with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Access {
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Permissions.
    pub mode: Mode,
}

impl Access {
    fn of(metadata: &Metadata) -> Self {
        // Masked to the bits that a mode has, so that no number is refused.
        let bits = u16::try_from(metadata.permissions().mode() & 0o7777).unwrap_or_default();
        let mode = Mode::new(bits).unwrap_or(Mode::FILE);
        Self { uid: metadata.uid(), gid: metadata.gid(), mode }
    }
}

impl Rootfs {
    /// Opens the tree and reads its users and groups.
    pub fn open(root: &Path) -> Result<Self, RootfsError> {
        if !root.is_dir() {
            return Err(RootfsError::NotADirectory(root.to_owned()));
        }
        let mut rootfs = Self { root: root.to_owned(), accounts: Accounts::default() };
        let [passwd, group] = [rootfs.read_file("/etc/passwd")?, rootfs.read_file("/etc/group")?];
        rootfs.accounts = Accounts::parse(passwd.as_deref(), group.as_deref());
        Ok(rootfs)
    }

    /// What the image holds at `path`.
    #[must_use]
    pub fn look_up(&self, path: StatePath<'_>) -> Found {
        let mut place = self.root.clone();
        let mut names = path.relative().split('/').peekable();
        while let Some(name) = names.next() {
            place.push(name);
            let is_last = names.peek().is_none();
            // An unreadable place is taken for an empty one: making something there will tell why it cannot be.
            let Ok(metadata) = fs::symlink_metadata(&place) else { return Found::Nothing };
            let kind = metadata.file_type();
            if kind.is_symlink() {
                let target = fs::read_link(&place).unwrap_or_default().to_string_lossy().into_owned();
                return if is_last {
                    Found::Symlink { target }
                } else {
                    Found::BehindSymlink { ancestor: self.inside(&place), target }
                };
            }
            if !is_last {
                if !kind.is_dir() {
                    return Found::BehindFile { ancestor: self.inside(&place) };
                }
                continue;
            }
            return if kind.is_dir() {
                Found::Directory(Access::of(&metadata))
            } else if kind.is_file() {
                Found::File(Access::of(&metadata))
            } else if kind.is_fifo() {
                Found::Special("a FIFO")
            } else if kind.is_socket() {
                Found::Special("a socket")
            } else {
                Found::Special("a device")
            };
        }
        Found::Nothing
    }

    /// The factory copy of a path whose place a symlink takes.
    #[must_use]
    pub fn look_up_factory(&self, path: StatePath<'_>) -> Found {
        let factory = factory_path(path);
        StatePath::new(&factory).map_or(Found::Nothing, |factory| self.look_up(factory))
    }

    /// Where a path of the image lies on the build host. Only for paths that [`look_up`](Self::look_up) found
    /// behind no link.
    #[must_use]
    pub fn host_path(&self, path: StatePath<'_>) -> PathBuf {
        self.root.join(path.relative())
    }

    /// A text file's content; `None` where there is no regular file.
    pub fn read_file(&self, path: &str) -> Result<Option<String>, RootfsError> {
        let Ok(state_path) = StatePath::new(path) else { return Ok(None) };
        if !matches!(self.look_up(state_path), Found::File(_)) {
            return Ok(None);
        }
        let path = self.host_path(state_path);
        match fs::read(&path) {
            Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
            Err(error) => Err(RootfsError::Read { path, error }),
        }
    }

    fn inside(&self, place: &Path) -> String {
        let below = place.strip_prefix(&self.root).unwrap_or(place);
        format!("/{}", below.display())
    }
}

/// The path of an image's factory copy of `path`.
#[must_use]
pub fn factory_path(path: StatePath<'_>) -> String {
    format!("{FACTORY_DIR}{path}")
}
