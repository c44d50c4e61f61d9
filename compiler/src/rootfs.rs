//! The image's tree, looked at and changed without ever following one of its links.
//!
//! Links of an image point into the image, but the kernel of the build host would follow them on the build
//! host. So every path is walked name by name. Ownership is read and written through the C library: under pseudo or
//! fakeroot, raw system calls would see the builder's own.

mod content;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock};

use nix::fcntl::AtFlags;
use nix::sys::stat::{FileStat, SFlag, fstatat};
use state_schema::{FACTORY_DIR, Mode, StatePath};

use crate::accounts::Accounts;
use crate::mounts::Mounts;
use crate::packages;

/// Where systemd finds units, those that override others first.
const UNIT_DIRECTORIES: [&str; 3] = ["/etc/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"];

/// A tree that an image is made of.
#[derive(Debug)]
pub struct Rootfs {
    root: PathBuf,
    /// The same, opened: what lies in the tree is asked for from here, and the way to the tree is not walked each time.
    opened: File,
    /// The image's users and groups.
    pub accounts: Accounts,
    /// What the image mounts by itself.
    pub mounts: Mounts,
    /// Paths that were found to be directories, with all above them. Preparing an image only adds to it, so what was found
    /// holds on.
    directories: RwLock<HashSet<String>>,
    /// Its installed packages; `None` where its package manager keeps no list that can be read here.
    pub packages: Option<BTreeSet<String>>,
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

impl Found {
    /// Whether there is something at the path itself.
    #[must_use]
    pub fn exists(&self) -> bool {
        matches!(self, Self::Directory(_) | Self::File(_) | Self::Symlink { .. } | Self::Special(_))
    }
}

impl Access {
    fn of(found: &FileStat) -> Self {
        // Masked to the bits that a mode has, so that no number is refused.
        let bits = u16::try_from(found.st_mode & 0o7777).unwrap_or_default();
        let mode = Mode::new(bits).unwrap_or(Mode::FILE);
        Self { uid: found.st_uid, gid: found.st_gid, mode }
    }
}

impl Rootfs {
    /// Opens the tree and reads its users and groups.
    pub fn open(root: &Path) -> Result<Self, RootfsError> {
        if !root.is_dir() {
            return Err(RootfsError::NotADirectory(root.to_owned()));
        }
        let opened = File::open(root).map_err(|error| RootfsError::Read { path: root.to_owned(), error })?;
        let mut rootfs = Self {
            root: root.to_owned(),
            opened,
            accounts: Accounts::default(),
            mounts: Mounts::default(),
            directories: RwLock::default(),
            packages: None,
        };
        let [passwd, group] = [rootfs.read_file("/etc/passwd")?, rootfs.read_file("/etc/group")?];
        rootfs.accounts = Accounts::parse(passwd.as_deref(), group.as_deref());
        rootfs.mounts = rootfs.read_mounts()?;
        for file in packages::STATUS_FILES {
            if let Some(status) = rootfs.read_file(file)? {
                rootfs.packages.get_or_insert_default().extend(packages::parse(&status));
            }
        }
        Ok(rootfs)
    }

    /// What `/etc/fstab` and enabled mount units mount.
    fn read_mounts(&self) -> Result<Mounts, RootfsError> {
        let mut mounts = Mounts::default();
        if let Some(fstab) = self.read_file("/etc/fstab")? {
            mounts.add_fstab("/etc/fstab", &fstab);
        }
        for directory in UNIT_DIRECTORIES {
            for wanting in self
                .names_in(directory)
                .iter()
                .filter(|name| matches!(name.rsplit_once('.'), Some((_, "wants" | "requires"))))
            {
                let wanted = self.names_in(&format!("{directory}/{wanting}"));
                for unit in wanted.into_iter().filter(|unit| ends_in(unit, "mount")) {
                    let is_masked = StatePath::new(&format!("/etc/systemd/system/{unit}"))
                        .is_ok_and(|unit| matches!(self.look_up(unit), Found::Symlink { target } if target == "/dev/null"));
                    if !is_masked {
                        mounts.add_unit(&unit, &self.read_unit(&unit)?);
                    }
                }
            }
        }
        Ok(mounts)
    }

    /// A unit's file and its drop-ins. Of files with one name, the one counts that overrides the others.
    fn read_unit(&self, unit: &str) -> Result<Vec<String>, RootfsError> {
        let mut files = Vec::new();
        for directory in UNIT_DIRECTORIES {
            if files.is_empty() {
                files.extend(self.read_file(&format!("{directory}/{unit}"))?);
            }
        }
        let mut drop_ins = BTreeMap::new();
        for directory in UNIT_DIRECTORIES {
            for name in self.names_in(&format!("{directory}/{unit}.d")) {
                let path = format!("{directory}/{unit}.d/{name}");
                if ends_in(&name, "conf") && !drop_ins.contains_key(&name) {
                    drop_ins.insert(name, self.read_file(&path)?);
                }
            }
        }
        files.extend(drop_ins.into_values().flatten());
        Ok(files)
    }

    /// The names in a directory of the image, sorted; none where there is no directory, or it cannot be read.
    fn names_in(&self, path: &str) -> Vec<String> {
        let Some(path) =
            StatePath::new(path).ok().filter(|path| matches!(self.look_up(*path), Found::Directory(_)))
        else {
            return Vec::new();
        };
        let found = fs::read_dir(self.host_path(path)).into_iter().flatten().flatten();
        let mut names: Vec<String> = found.filter_map(|found| found.file_name().into_string().ok()).collect();
        names.sort();
        names
    }

    /// Something that the image holds at `path`, where [`look_up`](Self::look_up) has `found` something: the first file or
    /// empty directory in a directory, or a file that is not empty. What lies at and below a path that `is_excluded` does
    /// not count.
    #[must_use]
    pub fn first_content(
        &self,
        path: StatePath<'_>,
        found: &Found,
        is_excluded: impl Fn(&str) -> bool,
    ) -> Option<String> {
        match found {
            Found::Directory(_) => content::first(&self.opened, path, is_excluded),
            Found::File(_) => {
                (content::size_of_file(&self.opened, path.relative()) > 0).then(|| path.to_string())
            }
            _ => None,
        }
    }

    /// Bytes of all regular files at and below `path`, where [`look_up`](Self::look_up) has `found` something, without what
    /// lies at and below a path that `is_excluded`.
    #[must_use]
    pub fn content_size(
        &self,
        path: StatePath<'_>,
        found: &Found,
        is_excluded: impl Fn(&str) -> bool,
    ) -> u64 {
        match found {
            Found::Directory(_) => content::size(&self.opened, path, is_excluded),
            Found::File(_) => content::size_of_file(&self.opened, path.relative()),
            _ => 0,
        }
    }

    /// What the image holds at `path`.
    #[must_use]
    pub fn look_up(&self, path: StatePath<'_>) -> Found {
        if let Some(directory) = path.parent()
            && let Err(obstacle) = self.walk_to(directory)
        {
            return obstacle;
        }
        // An unreadable place is taken for an empty one: making something there will tell why it cannot be.
        let Some(found) = self.look_at(path) else { return Found::Nothing };
        match kind(&found) {
            SFlag::S_IFDIR => Found::Directory(Access::of(&found)),
            SFlag::S_IFREG => Found::File(Access::of(&found)),
            SFlag::S_IFLNK => Found::Symlink { target: read_link(&self.host_path(path)) },
            SFlag::S_IFIFO => Found::Special("a FIFO"),
            SFlag::S_IFSOCK => Found::Special("a socket"),
            _ => Found::Special("a device"),
        }
    }

    /// The status of what lies at `path`, behind no link at its end. By the C library's function, whose answer pseudo and
    /// fakeroot change.
    fn look_at(&self, path: StatePath<'_>) -> Option<FileStat> {
        fstatat(&self.opened, path.relative(), AtFlags::AT_SYMLINK_NOFOLLOW).ok()
    }

    /// Makes sure that `directory` and all above it are directories, or says what is in the way of anything beneath it.
    fn walk_to(&self, directory: StatePath<'_>) -> Result<(), Found> {
        if self.directories.read().unwrap_or_else(PoisonError::into_inner).contains(directory.as_str()) {
            return Ok(());
        }
        if let Some(parent) = directory.parent() {
            self.walk_to(parent)?;
        }
        let Some(found) = self.look_at(directory) else { return Err(Found::Nothing) };
        let ancestor = directory.to_string();
        match kind(&found) {
            SFlag::S_IFDIR => {}
            SFlag::S_IFLNK => {
                let target = read_link(&self.host_path(directory));
                return Err(Found::BehindSymlink { ancestor, target });
            }
            _ => return Err(Found::BehindFile { ancestor }),
        }
        self.directories.write().unwrap_or_else(PoisonError::into_inner).insert(ancestor);
        Ok(())
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
}

/// Whether a file's name ends in a dot and `ending`.
fn ends_in(name: &str, ending: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(_, last)| last == ending)
}

/// What kind of file a status is about.
fn kind(found: &FileStat) -> SFlag {
    SFlag::from_bits_truncate(found.st_mode) & SFlag::S_IFMT
}

/// Where a link points, as far as it is text; what is not is shown with replacements.
fn read_link(place: &Path) -> String {
    fs::read_link(place).unwrap_or_default().to_string_lossy().into_owned()
}

/// The path of an image's factory copy of `path`.
#[must_use]
pub fn factory_path(path: StatePath<'_>) -> String {
    format!("{FACTORY_DIR}{path}")
}
