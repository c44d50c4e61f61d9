//! Everything about a tree that a copy has to keep.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::fs::{self, File};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::{FileExt as _, FileTypeExt as _, MetadataExt as _};
use std::path::Path;

use rustix::fs::{SeekFrom, lgetxattr, llistxattr, seek};
use sha2::{Digest as _, Sha256};

/// About one file or directory.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Facts {
    /// Type and permissions.
    mode: u32,
    owner: (u32, u32),
    device: u64,
    /// None for directories, whose size is their file system's affair.
    size: Option<u64>,
    accessed: (i64, i64),
    changed: (i64, i64),
    attributes: BTreeMap<Vec<u8>, Vec<u8>>,
    /// A symlink's target, a file's digest.
    content: Vec<u8>,
    /// The first name of the same file, where it has several, and how many it has.
    first_name: Option<(Vec<u8>, u64)>,
}

/// What a file takes up.
#[derive(Clone, Copy)]
pub(crate) struct Space {
    pub(crate) bytes: u64,
    /// Stretches of data between holes.
    pub(crate) segments: u64,
}

/// A tree, without its topmost directory itself.
#[derive(Default)]
pub(crate) struct Tree {
    pub(crate) facts: BTreeMap<Vec<u8>, Facts>,
    pub(crate) spaces: BTreeMap<Vec<u8>, Space>,
    pub(crate) sockets: u64,
    first_names: HashMap<(u64, u64), Vec<u8>>,
}

impl Tree {
    /// Looks at everything beneath `top`, except sockets.
    pub(crate) fn at(top: &Path) -> Self {
        let before = std::env::current_dir().unwrap();
        std::env::set_current_dir(top).unwrap();
        let mut tree = Self::default();
        tree.add_directory(&mut Vec::new());
        std::env::set_current_dir(before).unwrap();
        tree
    }

    /// Adds what is in the working directory: by single names, since paths may be longer than the kernel takes.
    fn add_directory(&mut self, at: &mut Vec<u8>) {
        let mut names: Vec<OsString> =
            fs::read_dir(".").unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        for name in names {
            let len = at.len();
            at.push(b'/');
            at.extend(name.as_bytes());
            let metadata = fs::symlink_metadata(&name).unwrap();
            if metadata.file_type().is_socket() {
                self.sockets += 1;
            } else {
                self.add(at, &name, &metadata);
            }
            if metadata.is_dir() {
                std::env::set_current_dir(&name).unwrap();
                self.add_directory(at);
                std::env::set_current_dir("..").unwrap();
            }
            at.truncate(len);
        }
    }

    fn add(&mut self, at: &[u8], name: &OsString, metadata: &fs::Metadata) {
        let mut content = Vec::new();
        if metadata.is_symlink() {
            content = fs::read_link(name).unwrap().into_os_string().into_vec();
        } else if metadata.is_file() {
            let (digest, segments) = digest(name, metadata.size());
            content = digest;
            self.spaces.insert(at.to_vec(), Space { bytes: metadata.blocks() * 512, segments });
        }
        let mut first_name = None;
        if !metadata.is_dir() && metadata.nlink() > 1 {
            let first =
                self.first_names.entry((metadata.dev(), metadata.ino())).or_insert_with(|| at.to_vec());
            first_name = Some((first.clone(), metadata.nlink()));
        }
        let facts = Facts {
            mode: metadata.mode(),
            owner: (metadata.uid(), metadata.gid()),
            device: metadata.rdev(),
            size: (!metadata.is_dir()).then_some(metadata.size()),
            accessed: (metadata.atime(), metadata.atime_nsec()),
            changed: (metadata.mtime(), metadata.mtime_nsec()),
            attributes: attributes(name),
            content,
            first_name,
        };
        self.facts.insert(at.to_vec(), facts);
    }

    /// Fails unless all facts are the same.
    pub(crate) fn expect_same(&self, other: &Self, whose: &str) {
        for (name, facts) in &self.facts {
            let shown = String::from_utf8_lossy(name);
            let shown = shown.chars().take(200).collect::<String>();
            let Some(expected) = other.facts.get(name) else { panic!("{whose} has no {shown}") };
            assert_eq!(facts, expected, "{shown}, compared with {whose}");
        }
        let missing = other.facts.keys().find(|name| !self.facts.contains_key(*name));
        assert!(missing.is_none(), "{whose} has more: {}", String::from_utf8_lossy(missing.unwrap()));
    }
}

fn attributes(name: &OsString) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let mut buffer = vec![0; 65536];
    let len = llistxattr(name, &mut buffer[..]).unwrap();
    let names = buffer[..len].to_vec();
    let mut attributes = BTreeMap::new();
    // XFS shows lists once more, under names of its own.
    let is_list = |attribute: &[u8]| attribute.starts_with(b"trusted.SGI_ACL_") && is_on_xfs(name);
    let is_own = |attribute: &&[u8]| !attribute.is_empty() && !is_list(attribute);
    for attribute in names.split(|&byte| byte == 0).filter(is_own) {
        let len = lgetxattr(name, attribute, &mut buffer[..]).unwrap();
        attributes.insert(attribute.to_vec(), buffer[..len].to_vec());
    }
    attributes
}

/// A digest of all that is not zero, and the number of stretches of data.
fn digest(name: &OsString, size: u64) -> (Vec<u8>, u64) {
    let file = File::open(name).unwrap();
    let (mut digest, mut segments, mut at) = (Sha256::new(), 0, 0);
    let mut block = [0; 4096];
    while at < size {
        let Ok(data) = seek(&file, SeekFrom::Data(at)) else { break };
        let hole = seek(&file, SeekFrom::Hole(data)).unwrap();
        segments += 1;
        at = data - data % 4096;
        while at < hole {
            let len = file.read_at(&mut block, at).unwrap();
            if block[..len].iter().any(|&byte| byte != 0) {
                digest.update(at.to_le_bytes());
                digest.update(&block[..len]);
            }
            at += 4096;
        }
    }
    (digest.finalize().to_vec(), segments)
}

fn is_on_xfs(name: &OsString) -> bool {
    nix::sys::statfs::statfs(name.as_os_str())
        .is_ok_and(|on| on.filesystem_type() == nix::sys::statfs::XFS_SUPER_MAGIC)
}
