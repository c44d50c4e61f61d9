//! What an image holds where its state is merged with the next image's, one file at a time.

use crate::decode::DecodeFault;
use crate::record::{FACTORY_FILE, Frame, Frames};
use crate::sha256::Sha256;
use crate::{DecodeError, MAX_NAME_LEN, MAX_PATH_LEN};

/// SHA-256 of a file's description: see [`Description`].
pub type Digest = [u8; 32];

/// One file, directory or link as the image seeds it.
///
/// # Invariants
///
/// The path is absolute and normalised, as a [`StatePath`](crate::StatePath) is, but may be of any bytes other than
/// NUL: names of files are. It is where the file lies in the state, which for an entry that is a symlink is where that
/// points to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FactoryFile<'a> {
    /// Where it lies.
    pub path: &'a [u8],
    /// What it is.
    pub digest: &'a Digest,
}

impl<'a> FactoryFile<'a> {
    /// The record's payload is the digest and all the rest the path: not postcard's, which would say its length again.
    pub(crate) fn decode(frame: &Frame<'a>) -> Result<Self, DecodeError> {
        frame
            .payload
            .split_first_chunk()
            .map(|(digest, path)| Self { path, digest })
            .filter(|file| is_normalised(file.path))
            .ok_or_else(|| frame.error(DecodeFault::MalformedRecord(FACTORY_FILE)))
    }
}

/// The factory files of a [`Blob`](crate::Blob), in order. Ends after the first error.
#[derive(Clone)]
pub struct FactoryFiles<'a> {
    frames: Frames<'a>,
    /// The path of the last one; empty, and so before all paths, where there was none.
    last: &'a [u8],
}

impl<'a> FactoryFiles<'a> {
    pub(crate) fn new(frames: Frames<'a>) -> Self {
        Self { frames, last: b"" }
    }

    fn take(&mut self, frame: &Frame<'a>) -> Result<FactoryFile<'a>, DecodeError> {
        let file = FactoryFile::decode(frame)?;
        if compare_paths(self.last, file.path).is_ge() {
            return Err(frame.error(DecodeFault::UnorderedFactoryFile));
        }
        self.last = file.path;
        Ok(file)
    }
}

impl<'a> Iterator for FactoryFiles<'a> {
    type Item = Result<FactoryFile<'a>, DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        let file = loop {
            match self.frames.next()? {
                Ok(frame) if frame.tag == FACTORY_FILE => break self.take(&frame),
                Ok(_) => {}
                Err(error) => break Err(error),
            }
        };
        if file.is_err() {
            self.frames = Frames::new(&[], 0, &());
        }
        Some(file)
    }
}

fn is_normalised(path: &[u8]) -> bool {
    path.len() <= MAX_PATH_LEN
        && path.strip_prefix(b"/").is_some_and(|names| {
            names.split(|&byte| byte == b'/').all(|name| {
                !matches!(name, b"" | b"." | b"..") && name.len() <= MAX_NAME_LEN && !name.contains(&0)
            })
        })
}

/// Compares two paths by their names: the order of [`StatePath`](crate::StatePath), for any bytes.
#[must_use]
pub fn compare_paths(one: &[u8], other: &[u8]) -> core::cmp::Ordering {
    // No name holds a NUL, so it may stand for the separator and sort before every other byte.
    fn bytes(path: &[u8]) -> impl Iterator<Item = u8> + '_ {
        path.iter().map(|&byte| if byte == b'/' { 0 } else { byte })
    }
    bytes(one).cmp(bytes(other))
}

/// What counts when files are compared, on its way into a digest: type and permissions, owner, group, device number,
/// and the content of a file or the target of a link.
///
/// Extended attributes are not part of it: labels are given when the image is packed, after its plan was compiled.
/// Neither are times, which differ between builds of the same.
pub struct Description(Sha256);

impl Description {
    /// Starts with what `stat(2)` says. `mode` holds the type; the permissions of a link do not count, since there are
    /// none, and neither does the device number of what is no device.
    #[must_use]
    pub fn new(mode: u32, uid: u32, gid: u32, rdev: u64) -> Self {
        const TYPE: u32 = 0o170_000;
        const CHARACTER_DEVICE: u32 = 0o020_000;
        const BLOCK_DEVICE: u32 = 0o060_000;
        const LINK: u32 = 0o120_000;
        let mode = if mode & TYPE == LINK { LINK } else { mode & (TYPE | 0o7777) };
        let rdev = if matches!(mode & TYPE, CHARACTER_DEVICE | BLOCK_DEVICE) { rdev } else { 0 };
        let mut description = Self(Sha256::new());
        description.add(&mode.to_le_bytes());
        description.add(&uid.to_le_bytes());
        description.add(&gid.to_le_bytes());
        description.add(&rdev.to_le_bytes());
        description
    }

    /// Takes the next part of the content.
    pub fn add(&mut self, bytes: &[u8]) {
        self.0.take(bytes);
    }

    /// The digest of it all.
    #[must_use]
    pub fn digest(self) -> Digest {
        self.0.end()
    }
}

/// SHA-256 of `bytes`, for whoever has to tell a torn record from a whole one.
#[must_use]
pub fn checksum(bytes: &[u8]) -> Digest {
    let mut sha256 = Sha256::new();
    sha256.take(bytes);
    sha256.end()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_normalised_whatever_its_bytes() {
        for path in [&b"/a"[..], b"/a/\xff\n", b"/a/..b"] {
            assert!(is_normalised(path), "{path:?}");
        }
        for path in [&b""[..], b"/", b"a", b"/a/", b"//a", b"/a/../b", b"/a/.", b"/a\0", &[b'/'; 4096]] {
            assert!(!is_normalised(path), "{path:?}");
        }
        assert!(!is_normalised(&[&b"/"[..], &[b'n'; 256]].concat()));
    }

    extern crate alloc;
    use alloc::vec::Vec;

    #[test]
    fn everything_that_counts_changes_the_digest() {
        let of = |mode, uid, gid, rdev, content: &[u8]| {
            let mut description = Description::new(mode, uid, gid, rdev);
            description.add(content);
            description.digest()
        };
        let all: Vec<_> = [
            of(0o100_644, 0, 0, 0, b"x"),
            of(0o100_645, 0, 0, 0, b"x"),
            of(0o040_644, 0, 0, 0, b"x"),
            of(0o100_644, 1, 0, 0, b"x"),
            of(0o100_644, 0, 1, 0, b"x"),
            of(0o100_644, 0, 0, 0, b"y"),
            of(0o020_644, 0, 0, 1, b""),
            of(0o020_644, 0, 0, 2, b""),
        ]
        .into();
        for (at, one) in all.iter().enumerate() {
            assert!(!all[..at].contains(one), "{at}");
        }
        assert_eq!(of(0o120_777, 0, 0, 0, b"x"), of(0o120_700, 0, 0, 9, b"x"));
        assert_eq!(of(0o100_644, 0, 0, 5, b"x"), of(0o100_644, 0, 0, 0, b"x"));
    }
}
