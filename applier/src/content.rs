//! The content of a file: shared where the file system can, else copied with its holes.

use rustix::fd::OwnedFd;
use rustix::fs::{SeekFrom, Stat, copy_file_range, ftruncate, ioctl_ficlone, seek};
use rustix::io::{Errno, pread, pwrite};

use crate::failure::{Failure, Finding};
use crate::step::Step;

/// Bytes that the kernel is asked to copy at once.
const RANGE: u64 = 1 << 30;

/// Bytes of zeroes that become a hole: the smallest that file systems of this day leave out.
const HOLE: usize = 4096;

/// How content gets from one file to another: each way is tried until the file systems turn out not to know
/// it, and not again for the next file.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Means {
    /// Both files share the blocks, until one is written to.
    Share,
    /// The kernel copies.
    Kernel,
    /// It goes through a buffer of ours.
    Buffer,
}

impl Means {
    /// Copies what `stat` says is in `from`, into the empty file `to`.
    pub(crate) fn copy(
        &mut self,
        step: &Step<'_>,
        from: &OwnedFd,
        to: &OwnedFd,
        stat: &Stat,
        buffer: &mut [u8],
    ) -> Result<(), Failure> {
        let size = u64::try_from(stat.st_size).unwrap_or(0);
        if size == 0 {
            return Ok(());
        }
        if *self == Self::Share {
            match ioctl_ficlone(to, from) {
                Ok(()) => return Ok(()),
                // This file cannot be shared, which says nothing of the next one.
                Err(Errno::INVAL) => {}
                Err(Errno::OPNOTSUPP | Errno::XDEV | Errno::NOTTY) => *self = Self::Kernel,
                Err(errno) => return Err(step.failed("ioctl", errno)),
            }
        }
        // Fewer blocks than bytes: holes, or compression. Two calls for each stretch of data tell.
        let has_holes = u64::try_from(stat.st_blocks).unwrap_or(0).wrapping_mul(512) < size;
        // Before there is anything: its last block may be a hole, and XFS sets blocks aside behind what makes a file longer.
        ftruncate(to, size).map_err(|errno| step.failed("ftruncate", errno))?;
        let mut at = 0;
        while at < size {
            let mut end = size;
            if has_holes {
                match seek(from, SeekFrom::Data(at)) {
                    Ok(data) => at = data,
                    // A hole up to the end.
                    Err(Errno::NXIO) => break,
                    Err(errno) => return Err(step.failed("lseek", errno)),
                }
                end = step.seek(from, SeekFrom::Hole(at))?.min(size);
            }
            self.copy_data(step, from, to, at, end, buffer)?;
            at = end;
        }
        Ok(())
    }

    /// Copies the bytes from `at` to `end`.
    fn copy_data(
        &mut self,
        step: &Step<'_>,
        from: &OwnedFd,
        to: &OwnedFd,
        mut at: u64,
        end: u64,
        buffer: &mut [u8],
    ) -> Result<(), Failure> {
        while at < end {
            let left = end.saturating_sub(at).min(RANGE);
            if *self != Self::Buffer {
                let (mut read, mut written) = (at, at);
                let left = usize::try_from(left).unwrap_or(usize::MAX);
                match copy_file_range(from, Some(&mut read), to, Some(&mut written), left) {
                    // Some file systems say so of files that are not empty, so the last word is `pread`'s.
                    Ok(0) | Err(Errno::XDEV | Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
                        *self = Self::Buffer;
                    }
                    Ok(_) => at = read,
                    Err(errno) => return Err(step.failed("copy_file_range", errno)),
                }
                continue;
            }
            let room = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            let room = buffer.get_mut(..room).unwrap_or_default();
            let len = pread(from, &mut *room, at).map_err(|errno| step.failed("pread64", errno))?;
            let data = room.get(..len).filter(|data| !data.is_empty());
            // It has become shorter.
            let data = data.ok_or_else(|| step.found(Finding::Changed))?;
            at = write_data(step, to, data, at)?;
        }
        Ok(())
    }
}

/// Writes `bytes` at `at`, but for blocks of zeroes, and returns where they end.
///
/// Most images are of file systems (squashfs, erofs) that do not tell where the holes of a file are: a file of
/// some gigabytes that takes nothing there would fill the disk here.
fn write_data(step: &Step<'_>, to: &OwnedFd, mut bytes: &[u8], mut at: u64) -> Result<u64, Failure> {
    let is_hole = |block: &[u8]| block.iter().all(|&byte| byte == 0);
    while !bytes.is_empty() {
        let blocks = bytes.chunks(HOLE).take_while(|block| !is_hole(block));
        let data = blocks.fold(0, |len: usize, block| len.saturating_add(block.len()));
        let len = match bytes.get(..data).unwrap_or_default() {
            [] => bytes.len().min(HOLE),
            data => pwrite(to, data, at).map_err(|errno| step.failed("pwrite64", errno))?,
        };
        bytes = bytes.get(len..).unwrap_or_default();
        at = at.saturating_add(len as u64);
    }
    Ok(at)
}
