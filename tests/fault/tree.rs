//! A directory with all that is in it.

use std::collections::BTreeMap;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::{fmt, fs};

use rustix::fs::{lgetxattr, llistxattr};
use sha2::{Digest as _, Sha256};

/// Files of the image are older than this, and what a boot makes is younger: seconds at the beginning of 2020.
pub(crate) const AGE_OF_BOOTS: i64 = 1_577_836_800;

/// The log of boots, on sys-data.
pub(crate) const LOG: &str = "common/boots";

/// Bytes of one of its records.
const RECORD: usize = 512;

/// Everything below a directory, by its path relative to it. What is mounted there is part of it.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(crate) struct Tree(pub(crate) BTreeMap<PathBuf, Node>);

/// Everything about a file that does not differ between two runs of the same boot.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Node {
    /// Type and permissions.
    pub(crate) mode: u32,
    pub(crate) owner: (u32, u32),
    device: u64,
    /// Names of a file. A directory's number of links says what the rest of the tree says.
    names: u64,
    /// When its content was changed last, unless that was at the time of the tests.
    changed: Option<(i64, i64)>,
    /// A file's content, or what a symlink leads to.
    pub(crate) content: Vec<u8>,
    attributes: BTreeMap<String, Vec<u8>>,
}

impl Tree {
    pub(crate) fn of(top: &Path) -> Self {
        let mut tree = Self::default();
        tree.add(top, Path::new(""));
        tree
    }

    fn add(&mut self, top: &Path, path: &Path) {
        let place = top.join(path);
        let mut node = Node::of(&place);
        if path == Path::new(LOG) {
            node.content = last_boot(&node.content);
        }
        // Begins with the number of the boot that made the state, and there may have been one more.
        if path.starts_with("slots") && path.ends_with("transition") {
            node.content.drain(..16);
        }
        if place.symlink_metadata().expect("stat").is_dir() {
            for entry in fs::read_dir(&place).expect("a directory") {
                self.add(top, &path.join(entry.expect("an entry").file_name()));
                // A mount point that has state in it is a directory above state, and which it was made as depends
                // on what was mounted there then.
                if node.mode & 0o7777 == 0 {
                    node.mode |= 0o755;
                }
            }
        }
        self.0.insert(path.to_owned(), node);
    }

    /// Without what is in sys-data's work directory.
    pub(crate) fn without_work(&self) -> Self {
        let is_work = |path: &Path| path.starts_with("tmp") && path != Path::new("tmp");
        let outside = self.0.iter().filter(|(path, _)| !is_work(path));
        Self(outside.map(|(path, node)| (path.clone(), node.clone())).collect())
    }

    /// What is at `path` and below it.
    pub(crate) fn beneath(&self, path: &Path) -> impl Iterator<Item = (&PathBuf, &Node)> {
        self.0.range(path.to_owned()..).take_while(move |(other, _)| other.starts_with(path))
    }

    /// The first few differences, one a line; nothing when there is none.
    pub(crate) fn difference(&self, other: &Self) -> String {
        let paths = self.0.keys().chain(other.0.keys().filter(|path| !self.0.contains_key(*path)));
        let differing = paths.filter(|path| self.0.get(*path) != other.0.get(*path));
        let lines = differing.take(8).map(|path| {
            format!("{}: {:?}, and not {:?}\n", path.display(), self.0.get(path), other.0.get(path))
        });
        lines.collect()
    }
}

/// Which slot ran last with which image, in the words of the log; nothing if none did. All that is whole of the log is looked at.
fn last_boot(log: &[u8]) -> Vec<u8> {
    assert_eq!(log.len(), 64 * RECORD, "the log never changes its size");
    let is_whole = |record: &&[u8]| {
        let sum = Sha256::digest(&record[16..]);
        record[..16] == *sum[..8].iter().map(|byte| format!("{byte:02x}")).collect::<String>().as_bytes()
    };
    let last = log.chunks(RECORD).filter(is_whole).max_by_key(|record| &record[17..33]);
    last.map(|record| [&record[51..83], &record[134..511]].concat()).unwrap_or_default()
}

impl Node {
    /// Whether it is a log in which nothing is.
    pub(crate) fn is_empty_log(&self) -> bool {
        self.mode & 0o170_000 == 0o100_000 && self.content.is_empty()
    }

    fn of(place: &Path) -> Self {
        let metadata = fs::symlink_metadata(place).expect("stat");
        let file_type = metadata.file_type();
        let content = if file_type.is_file() {
            fs::read(place).expect("a file")
        } else if file_type.is_symlink() {
            fs::read_link(place).expect("a link").into_os_string().into_encoded_bytes()
        } else {
            Vec::new()
        };
        let is_device = file_type.is_block_device() || file_type.is_char_device();
        Self {
            mode: metadata.mode(),
            owner: (metadata.uid(), metadata.gid()),
            device: if is_device { metadata.rdev() } else { 0 },
            names: if file_type.is_dir() { 0 } else { metadata.nlink() },
            changed: (metadata.mtime() < AGE_OF_BOOTS).then(|| (metadata.mtime(), metadata.mtime_nsec())),
            content,
            attributes: attributes(place),
        }
    }

    /// Whether it is `complete`, to which a boot may still add names.
    pub(crate) fn becomes(&self, complete: &Self) -> bool {
        let changed = complete.changed.and(self.changed);
        Self { changed, ..self.clone() } == *complete
    }
}

fn attributes(place: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut names = [0; 4096];
    let len = llistxattr(place, &mut names).expect("extended attributes");
    let names = names[..len].split(|&byte| byte == 0).filter(|name| !name.is_empty());
    // Which the kernel chooses at random when it first mounts an overlay.
    let names = names.filter(|name| *name != b"trusted.overlay.uuid");
    let values = names.map(|name| {
        let mut value = [0; 4096];
        let len = lgetxattr(place, name, &mut value).expect("an extended attribute");
        (String::from_utf8_lossy(name).into_owned(), value[..len].to_vec())
    });
    values.collect()
}

/// With the beginning of the content only.
impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { mode, owner: (uid, gid), device, names, changed, content, attributes } = self;
        let begin = String::from_utf8_lossy(&content[..content.len().min(24)]);
        write!(f, "{mode:o} {uid}:{gid} device {device} names {names} changed {changed:?} ")?;
        write!(f, "{} bytes {begin:?} {attributes:?}", content.len())
    }
}
