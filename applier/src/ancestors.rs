//! The directories above the one that is being copied.

use rustix::fs::Stat;
use rustix::io::Errno;

use crate::memory::Memory;

/// Levels of directories that are copied. A path of the kernel's longest has 2,048.
const MAX: usize = 16_384;

/// Words of one [`Ancestor`].
const WORDS: usize = 5;

/// What of a file stays the same wherever it is moved.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Identity {
    device: u64,
    inode: u64,
}

impl Identity {
    pub(crate) fn of(stat: &Stat) -> Self {
        Self { device: stat.st_dev, inode: stat.st_ino }
    }
}

/// What has to be known of a directory to come back to it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ancestor {
    /// Where reading it goes on.
    pub(crate) position: u64,
    pub(crate) from: Identity,
    /// The directory that is its copy.
    pub(crate) to: Identity,
}

/// The directories above the one that is being copied, the topmost first.
///
/// They are not kept open: a process may have a thousand files open, and directories lie as deep as somebody
/// likes. So the way back is `..`, which leads elsewhere once the directory has been moved; what is found
/// there has to be what was left. Forty bytes each, in memory that the kernel provides as it is touched.
pub(crate) struct Ancestors {
    memory: Memory,
    depth: usize,
}

impl Ancestors {
    pub(crate) fn new() -> Result<Self, Errno> {
        Ok(Self { memory: Memory::of_len(MAX * WORDS * 8)?, depth: 0 })
    }

    pub(crate) fn depth(&self) -> usize {
        self.depth
    }

    /// Takes one more, unless there are too many.
    pub(crate) fn push(&mut self, ancestor: Ancestor) -> Option<()> {
        let Ancestor { position, from, to } = ancestor;
        let words = [position, from.device, from.inode, to.device, to.inode];
        let (places, _) = self.memory.bytes_mut().as_chunks_mut();
        let start = self.depth.saturating_mul(WORDS);
        for (place, word) in places.get_mut(start..start.saturating_add(WORDS))?.iter_mut().zip(words) {
            *place = word.to_ne_bytes();
        }
        self.depth = self.depth.saturating_add(1);
        Some(())
    }

    /// The directory above; `None` from the topmost.
    pub(crate) fn pop(&mut self) -> Option<Ancestor> {
        self.depth = self.depth.checked_sub(1)?;
        let places: &[[[u8; 8]; WORDS]] = self.memory.bytes().as_chunks().0.as_chunks().0;
        let [position, device, inode, to_device, to_inode] = places.get(self.depth)?.map(u64::from_ne_bytes);
        let to = Identity { device: to_device, inode: to_inode };
        Some(Ancestor { position, from: Identity { device, inode }, to })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comes_back_by_the_way_it_went() {
        let ancestor = |number| {
            let identity = |device| Identity { device, inode: number };
            Ancestor { position: number, from: identity(1), to: identity(2) }
        };
        let mut ancestors = Ancestors::new().unwrap();
        for number in 0..MAX as u64 {
            assert!(ancestors.push(ancestor(number)).is_some());
        }
        assert!(ancestors.push(ancestor(0)).is_none());
        for number in (0..MAX as u64).rev() {
            assert!(ancestors.pop() == Some(ancestor(number)));
        }
        assert!(ancestors.pop().is_none());
    }
}
