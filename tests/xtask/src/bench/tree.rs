//! Files that state is made of: many of them, with content.
//!
//! The same bytes on every machine: everything follows from a file's number.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

/// Files of a directory.
const FILES_OF_DIRECTORY: usize = 64;

/// Bytes that content is cut from.
const NOISE: usize = 1 << 20;

/// How big the files are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sizes {
    /// All alike.
    Equal,
    /// Many small ones, and few that are up to five times as big as the mean.
    Mixed,
}

/// What a tree is to be like.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tree {
    pub(super) files: usize,
    /// Of all files together.
    pub(super) bytes: u64,
    pub(super) sizes: Sizes,
}

impl Tree {
    /// Writes it into the directory `top`.
    pub(super) fn write(&self, top: &Path) -> io::Result<()> {
        let mut random = Random(0);
        let noise: Vec<u8> = (0..NOISE / 8).flat_map(|_| random.next().to_le_bytes()).collect();
        for (number, size) in self.sizes().into_iter().enumerate() {
            let directory = top.join(format!("directory-{:04}", number / FILES_OF_DIRECTORY));
            if number % FILES_OF_DIRECTORY == 0 {
                fs::create_dir(&directory)?;
            }
            let mut file = File::create_new(directory.join(format!("file-{number:05}")))?;
            let (mut from, mut left) = (number * 4099 % NOISE, size);
            while left > 0 {
                let len = usize::try_from(left).unwrap_or(NOISE).min(NOISE - from);
                file.write_all(&noise[from..from + len])?;
                left -= len as u64;
                from = 0;
            }
        }
        Ok(())
    }

    /// The size of each file. Together they are all of the tree's bytes.
    fn sizes(&self) -> Vec<u64> {
        let mut random = Random(1);
        let weight = |random: u64| match self.sizes {
            Sizes::Equal => 1,
            // The fourth power of an even distribution has a fifth of its highest value as its mean.
            Sizes::Mixed => u128::from(random >> 44).pow(4) + 1,
        };
        let weights: Vec<u128> = (0..self.files).map(|_| weight(random.next())).collect();
        let all: u128 = weights.iter().sum();
        // Where the files of some weight end; what is lost to rounding in one file goes to the next.
        let end = |weight: u128| u64::try_from(u128::from(self.bytes) * weight / all).unwrap_or(u64::MAX);
        let mut before = 0;
        let size = |weight: u128| {
            let start = end(before);
            before += weight;
            end(before) - start
        };
        weights.into_iter().map(size).collect()
    }
}

/// How many files lie beneath `directory`.
pub(super) fn count_files(directory: &Path) -> io::Result<usize> {
    let mut count = 0;
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        count += if kind.is_dir() { count_files(&entry.path())? } else { usize::from(kind.is_file()) };
    }
    Ok(count)
}

/// Numbers that look like chance: Sebastiano Vigna's `SplitMix64`.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let number = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        number ^ (number >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_differ_and_come_to_the_whole() {
        let tree = Tree { files: 20_000, bytes: 1 << 30, sizes: Sizes::Mixed };
        let mut sizes = tree.sizes();
        assert_eq!(sizes.iter().sum::<u64>(), 1 << 30);
        assert_eq!(sizes, tree.sizes());
        sizes.sort_unstable();
        let (median, longest) = (sizes[sizes.len() / 2], sizes[sizes.len() - 1]);
        assert!(median < (1 << 30) / 20_000 / 2, "{median}");
        assert!(longest <= 5 * ((1 << 30) / 20_000) * 11 / 10, "{longest}");
    }

    #[test]
    fn writes_as_many_files_as_it_says_with_their_bytes() {
        let top = std::env::temp_dir().join(format!("tree-{}", std::process::id()));
        fs::create_dir(&top).unwrap();
        let tree = Tree { files: 65, bytes: 65 * 4096, sizes: Sizes::Equal };
        tree.write(&top).unwrap();
        assert_eq!(count_files(&top).unwrap(), 65);
        let content = fs::read(top.join("directory-0001/file-00064")).unwrap();
        assert_eq!(content.len(), 4096);
        assert!(content.iter().any(|&byte| byte != 0));
        fs::remove_dir_all(&top).unwrap();
    }
}
