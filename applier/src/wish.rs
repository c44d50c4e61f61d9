//! What somebody wants to begin afresh at the next boot: a file in the slot's directory, a path on each line.

use rustix::fd::OwnedFd;
use state_schema::StatePath;
use state_schema::sys_data::RESET_FILE;

use crate::beneath::find_file;
use crate::failure::{Failure, Finding};
use crate::memory::Memory;
use crate::step::Step;

/// The line that stands for all state that no entry declares: no path, since it does not start with a slash.
pub(crate) const ORPHANS: &[u8] = b"orphans";

/// Longest file that is read, in bytes.
const MAX: i64 = 16 << 20;

/// The wishes for a state.
pub(crate) struct Wish(Option<Memory>);

impl Wish {
    /// Reads those for the state in a slot's directory.
    #[inline(never)]
    pub(crate) fn read(dir: &OwnedFd) -> Result<Self, Failure> {
        let name = RESET_FILE.as_bytes();
        let step = Step::new("read the slot's", name);
        // What has taken its place is nobody's wish, and goes when the state is replaced.
        let Some(file) = find_file(&step, dir, name)? else { return Ok(Self(None)) };
        let size = step.stat(&file)?.st_size;
        if size > MAX {
            return Err(step.found(Finding::TooLarge));
        }
        let Some(size) = usize::try_from(size).ok().filter(|&size| size > 0) else { return Ok(Self(None)) };
        Ok(Self(Some(step.read_all(&file, size)?)))
    }

    /// Whether the entry at this path is to begin afresh.
    pub(crate) fn is_for(&self, path: StatePath<'_>) -> bool {
        self.has(path.as_str().as_bytes())
    }

    /// Whether state that no entry declares is to go.
    pub(crate) fn is_for_orphans(&self) -> bool {
        self.has(ORPHANS)
    }

    #[inline(never)]
    fn has(&self, line: &[u8]) -> bool {
        let text = self.0.as_ref().map(Memory::bytes).unwrap_or_default();
        text.split(|&byte| byte == b'\n').any(|of| of == line)
    }
}
