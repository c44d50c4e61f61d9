//! Many files of a directory, put in order.

use rustix::fs::FileType;

/// Files at once.
const FILES: usize = 512;

/// Bytes that their names may have together.
const NAMES: usize = 16384;

/// Some files of a directory, by inode.
pub(crate) struct Batch {
    files: [Listed; FILES],
    count: usize,
    names: [u8; NAMES],
    len: usize,
}

#[derive(Clone, Copy)]
struct Listed {
    inode: u64,
    /// Where the name is.
    start: u32,
    len: u32,
    kind: FileType,
}

impl Batch {
    pub(crate) const fn new() -> Self {
        let none = Listed { inode: 0, start: 0, len: 0, kind: FileType::Unknown };
        Self { files: [none; FILES], count: 0, names: [0; NAMES], len: 0 }
    }

    /// Takes one more file, unless there is no room: an empty batch has some for any.
    pub(crate) fn take(&mut self, inode: u64, kind: FileType, name: &[u8]) -> bool {
        let end = self.len.saturating_add(name.len());
        let (Some(file), Some(place)) = (self.files.get_mut(self.count), self.names.get_mut(self.len..end))
        else {
            return false;
        };
        place.copy_from_slice(name);
        let as_u32 = |number| u32::try_from(number).unwrap_or(0);
        *file = Listed { inode, start: as_u32(self.len), len: as_u32(name.len()), kind };
        self.count = self.count.saturating_add(1);
        self.len = end;
        true
    }

    /// Name and kind of each, in the order of their inodes.
    pub(crate) fn in_order(&mut self) -> impl Iterator<Item = (&[u8], FileType)> {
        let files = self.files.get_mut(..self.count).unwrap_or_default();
        files.sort_unstable_by_key(|file| file.inode);
        let names = &self.names;
        files.iter().map(move |file| {
            let start = file.start as usize;
            (names.get(start..start.saturating_add(file.len as usize)).unwrap_or_default(), file.kind)
        })
    }

    /// Begins anew.
    pub(crate) fn clear(&mut self) {
        (self.count, self.len) = (0, 0);
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::vec::Vec;

    use super::*;

    #[test]
    fn files_come_in_the_order_of_their_inodes() {
        let mut batch = Batch::new();
        for (inode, name) in [(7, &b"c"[..]), (3, b"a"), (5, b"bb")] {
            assert!(batch.take(inode, FileType::RegularFile, name));
        }
        let names: Vec<_> = batch.in_order().map(|(name, _)| name).collect();
        assert_eq!(names, [&b"a"[..], b"bb", b"c"]);
    }

    #[test]
    fn what_has_no_room_is_left_for_the_next() {
        let mut batch = Batch::new();
        for number in 0..FILES as u64 {
            assert!(batch.take(number, FileType::Fifo, b"n"));
        }
        assert!(!batch.take(1, FileType::Fifo, b"n"));
        batch.clear();
        while batch.take(1, FileType::Fifo, &[b'n'; 255]) {}
        assert_eq!(batch.in_order().count(), NAMES / 255);
        batch.clear();
        assert!(batch.take(1, FileType::Fifo, &[b'n'; 255]));
    }
}
