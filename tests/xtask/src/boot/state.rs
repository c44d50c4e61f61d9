//! The state of a slot as it lies on the disk, for comparing.

use std::collections::BTreeMap;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::disk::Disk;
use super::slot::Slot;
use crate::failure::{Failure, OrFail as _, Outcome};

/// All files of a slot's state.
#[derive(Debug)]
pub(super) struct State {
    files: BTreeMap<PathBuf, File>,
}

/// What is known of a file.
#[derive(Debug, PartialEq, Eq)]
struct File {
    mode: u32,
    owner: (u32, u32),
    /// Seconds, which is what is copied out of the disk.
    changed: i64,
    /// Of a file, or where a symlink leads.
    content: Vec<u8>,
}

impl State {
    /// Reads the state of `slot`, by way of the directory `copy`. The machine is to be off.
    pub(super) fn read(disk: &Disk, slot: Slot, copy: &Path) -> Outcome<Self> {
        disk.dump(&format!("/slots/{slot}"), copy)?;
        let mut files = BTreeMap::new();
        add(copy, copy, &mut files).or_fail(|| format!("read {}", copy.display()))?;
        fs::remove_dir_all(copy).or_fail(|| format!("remove {}", copy.display()))?;
        Ok(Self { files })
    }

    /// Fails unless it is as `before`, which is not empty. `what` may have changed it.
    pub(super) fn require_same(&self, before: &Self, what: &str) -> Outcome {
        let different = self.differences(before);
        if different.is_empty() && !before.files.is_empty() {
            return Ok(());
        }
        let (count, list) = (before.files.len(), different.join("\n  - "));
        Err(Failure::new(format!(
            "{what} has changed the state of the other slot, {count} files:\n  - {list}"
        )))
    }

    /// The names of files that are not as they are in `other`.
    fn differences(&self, other: &Self) -> Vec<String> {
        let names = self.files.keys().chain(other.files.keys());
        let mut differ: Vec<_> = names
            .filter(|name| self.files.get(*name) != other.files.get(*name))
            .map(|name| name.display().to_string())
            .collect();
        differ.sort();
        differ.dedup();
        differ
    }
}

fn add(top: &Path, directory: &Path, files: &mut BTreeMap<PathBuf, File>) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        let metadata = path.symlink_metadata()?;
        files.insert(path.strip_prefix(top).unwrap_or(&path).to_owned(), File::read(&path, &metadata)?);
        if metadata.is_dir() {
            add(top, &path, files)?;
        }
    }
    Ok(())
}

impl File {
    fn read(path: &Path, metadata: &Metadata) -> io::Result<Self> {
        let content = if metadata.is_symlink() {
            fs::read_link(path)?.as_os_str().as_bytes().to_owned()
        } else if metadata.is_file() {
            fs::read(path)?
        } else {
            Vec::new()
        };
        // Symlinks are copied out of the disk without their time.
        let changed = if metadata.is_symlink() { 0 } else { metadata.mtime() };
        Ok(Self { mode: metadata.mode(), owner: (metadata.uid(), metadata.gid()), changed, content })
    }
}
