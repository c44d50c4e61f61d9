//! What an emulated disk was told to write, in order, and what is left of it when the power goes.
//!
//! QEMU's driver `blklogwrites` writes such a log in the format of the kernel's dm-log-writes
//! (`drivers/md/dm-log-writes.c`): a block that describes the log, then for each request a block that describes it, followed by
//! its data. All numbers are little-endian.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use super::chance::Chance;
use crate::failure::{Failure, OrFail as _, Outcome};

/// "jsfwshr", which every log begins with.
const MAGIC: u64 = 0x006a_7366_7773_6872;

/// Bytes of the sectors that requests count in.
const SECTOR: u64 = 512;

/// The request carries no data of its own; all that was written before is on the disk when it is done.
const FLUSH: u64 = 1;

/// Its own data are on the disk when it is done.
const FUA: u64 = 2;

/// It has no data: what was there is not needed any more.
const DISCARD: u64 = 4;

/// All requests of one boot.
#[derive(Debug)]
pub(super) struct WriteLog {
    requests: Vec<Request>,
}

#[derive(Debug)]
struct Request {
    /// Where it writes to, in bytes.
    at: u64,
    data: Vec<u8>,
    is_flush: bool,
    is_durable: bool,
}

impl WriteLog {
    pub(super) fn read(path: &Path) -> Outcome<Self> {
        let bytes = fs::read(path).or_fail(|| format!("read {}", path.display()))?;
        Self::parse(&bytes)
            .ok_or_else(|| Failure::new(format!("{} is no log of writes, or cut off", path.display())))
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let number = |at: usize| Some(u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?));
        if number(0)? != MAGIC || number(8)? != 1 {
            return None;
        }
        let block = usize::try_from(number(24)? & u64::from(u32::MAX)).ok()?;
        let mut requests = Vec::new();
        let mut at = block;
        for _ in 0..number(16)? {
            let [sector, count, flags] = [0, 8, 16].map(|offset| number(at + offset));
            let (count, flags) = (count?, flags?);
            at += block;
            let len = if flags & DISCARD == 0 { usize::try_from(count * SECTOR).ok()? } else { 0 };
            let data = bytes.get(at..at + len)?.to_vec();
            at += len;
            let (is_flush, is_durable) = (flags & FLUSH != 0, flags & FUA != 0);
            requests.push(Request { at: sector? * SECTOR, data, is_flush, is_durable });
        }
        Some(Self { requests })
    }

    /// How many requests there are, and so one less than there are moments at which the power can go.
    pub(super) fn len(&self) -> usize {
        self.requests.len()
    }

    /// Writes to `disk`, which is as it was before the boot, what is on it if the power goes before the request `cut`: all that
    /// was flushed, and of what was not, each request or not, as `chance` has it. Returns how many are lost that were done.
    pub(super) fn replay(&self, disk: &Path, cut: usize, chance: &mut Chance) -> Outcome<usize> {
        let place = || format!("write to {}", disk.display());
        let file = File::options().write(true).open(disk).or_fail(place)?;
        self.replay_with(cut, chance, &mut |data, at| file.write_all_at(data, at)).or_fail(place)
    }

    fn replay_with(
        &self,
        cut: usize,
        chance: &mut Chance,
        write: &mut dyn FnMut(&[u8], u64) -> io::Result<()>,
    ) -> io::Result<usize> {
        let done = self.requests.get(..cut).unwrap_or(&self.requests);
        let flushed = done.iter().rposition(|request| request.is_flush).unwrap_or(0);
        let mut lost = 0;
        for (number, request) in done.iter().enumerate() {
            if number < flushed || request.is_durable || chance.is_heads() {
                write(&request.data, request.at)?;
            } else {
                lost += 1;
            }
        }
        Ok(lost)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A log with these requests: sector, flags, and what its one sector is filled with.
    fn log(requests: &[(u64, u64, u8)]) -> Vec<u8> {
        let block = |numbers: &[u64]| {
            let mut block = numbers.iter().flat_map(|number| number.to_le_bytes()).collect::<Vec<_>>();
            block.resize(512, 0);
            block
        };
        let mut bytes = block(&[MAGIC, 1, requests.len() as u64, 512]);
        for &(sector, flags, fill) in requests {
            let count = u64::from(flags & FLUSH == 0);
            bytes.extend(block(&[sector, count, flags, 0]));
            if flags & (FLUSH | DISCARD) == 0 {
                bytes.extend([fill; 512]);
            }
        }
        bytes
    }

    #[test]
    fn what_was_flushed_is_always_there_and_nothing_after_the_cut() {
        let log =
            WriteLog::parse(&log(&[(0, 0, 1), (1, 0, 2), (0, FLUSH, 0), (2, FUA, 3), (3, 0, 4)])).unwrap();
        assert_eq!(log.len(), 5);
        let disk_after = |cut, seed| {
            let mut sectors = [0; 4];
            let mut write = |data: &[u8], at: u64| {
                if let Some(first) = data.first() {
                    sectors[usize::try_from(at / SECTOR).unwrap()] = *first;
                }
                Ok(())
            };
            log.replay_with(cut, &mut Chance::new(seed), &mut write).unwrap();
            sectors
        };
        let mut seen = [false; 2];
        for seed in 0..32 {
            assert_eq!(disk_after(4, seed), [1, 2, 3, 0], "seed {seed}");
            seen[usize::from(disk_after(5, seed)[3] == 4)] = true;
        }
        assert_eq!(seen, [true, true], "what was not flushed is there or not");
    }

    #[test]
    fn a_log_that_is_cut_off_is_none() {
        let whole = log(&[(0, 0, 1), (1, DISCARD, 0)]);
        assert!(WriteLog::parse(&whole).is_some());
        assert!(WriteLog::parse(&whole[..whole.len() - 1]).is_none());
        assert!(WriteLog::parse(b"").is_none());
    }
}
