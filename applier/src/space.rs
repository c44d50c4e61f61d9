//! Whether there is room on sys-data for one more state.

use rustix::fd::OwnedFd;
use rustix::fs::{Mode, OFlags, ResolveFlags, fstatvfs, ioctl_ficlone};

use crate::failure::Failure;
use crate::step::Step;
use crate::usage::Usage;

/// What a file system has left, and what a state takes of it.
pub(crate) struct Space {
    pub(crate) needed: Usage,
    pub(crate) free: Usage,
}

impl Space {
    /// Measures in `work`, which has to be on the same file system as the state of which a copy takes `usage`.
    #[inline(never)]
    pub(crate) fn measure(work: &OwnedFd, usage: Usage) -> Result<Self, Failure> {
        let step = Step::new("look for room on", b"sys-data");
        let stat = fstatvfs(work).map_err(|errno| step.failed("fstatfs", errno))?;
        // A file system that makes inodes as it needs them says that it has none.
        let files = if stat.f_files == 0 { u64::MAX } else { stat.f_ffree };
        let free = Usage { bytes: stat.f_bfree.saturating_mul(stat.f_frsize), files };
        let needed = if is_sharing(&step, work) { Usage { bytes: 0, ..usage } } else { usage };
        Ok(Self { needed, free })
    }

    pub(crate) fn is_enough(&self) -> bool {
        self.needed.bytes <= self.free.bytes && self.needed.files <= self.free.files
    }
}

/// Whether a copy shares its blocks with the original: tried with two files that have no names.
fn is_sharing(step: &Step<'_>, work: &OwnedFd) -> bool {
    let make = || {
        let flags = OFlags::RDWR | OFlags::TMPFILE;
        step.open(work, b".", flags, Mode::RUSR | Mode::WUSR, ResolveFlags::BENEATH)
    };
    let (Ok(one), Ok(other)) = (make(), make()) else { return false };
    step.write(&one, &[b'x'; 4096]).is_ok() && ioctl_ficlone(&other, &one).is_ok()
}
