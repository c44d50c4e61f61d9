//! How much a tree takes up.

use rustix::fs::{FileType, Stat};

use crate::beneath::file_type;

/// What a copy of a tree needs.
#[derive(Clone, Copy, Default)]
pub(crate) struct Usage {
    /// Bytes on the disk, holes and sharing aside.
    pub(crate) bytes: u64,
    /// Files of every kind.
    pub(crate) files: u64,
}

/// Of another width on each architecture.
fn count(links: impl Into<u64>) -> u64 {
    links.into()
}

impl Usage {
    /// Adds one file, or one name of a file.
    pub(crate) fn add(&mut self, stat: &Stat) {
        // One of several names has its part, so that all of them have the whole.
        let names = match file_type(stat) {
            FileType::Directory => 1,
            _ => count(stat.st_nlink).max(1),
        };
        let bytes = u64::try_from(stat.st_blocks).unwrap_or(0).saturating_mul(512);
        self.bytes = self.bytes.saturating_add(bytes.div_ceil(names));
        self.files = self.files.saturating_add(1);
    }
}
