//! The log of boots: which slot ran last, with which state, and what had happened to it.
//!
//! It is written once in each boot, and a power cut at any byte of that must lose no more than this one record. So it is
//! a ring in a file that never changes its size: a record is written over the oldest one, and one that is torn fails
//! its checksum, so that the one before it counts. And since the file is there as a whole from the beginning, a full
//! disk does not matter.

use core::mem::ManuallyDrop;
use core::ops::Range;

use rustix::fd::OwnedFd;
use rustix::fs::{FileType, OFlags, fdatasync};
use rustix::io::{Errno, pwrite};
use state_schema::checksum;
use state_schema::sys_data::BOOTS_FILE;

use crate::beneath::{self, file_type};
use crate::failure::Failure;
use crate::memory::Memory;
use crate::number::{Digits, hexadecimal, number};
use crate::step::Step;
use crate::transition::Event;
#[cfg(feature = "system")]
use crate::{displaced, store::Store};

/// Bytes of a record, of which none lies on two sectors of a disk.
const RECORD: usize = 512;

/// Records in the ring.
const RECORDS: usize = 64;

/// The columns of a record, with spaces between them and behind shorter fields; the last byte ends the line. Those who
/// read it with other tools find fields that spaces part, of which the last may hold some itself.
const CHECKSUM: Range<usize> = 0..16;
const NUMBER: Range<usize> = 17..33;
const STATE: Range<usize> = 34..50;
const SLOT: Range<usize> = 51..83;
const PREVIOUS: Range<usize> = 84..116;
const EVENT: Range<usize> = 117..133;
const IMAGE_ID: Range<usize> = 134..511;

/// What stands for no slot.
const NONE: &[u8] = b"-";

/// A record as it is in the file: one line of text.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Record([u8; RECORD]);

/// What a record says.
#[derive(Clone, Copy)]
pub(crate) struct Boot<'r> {
    /// Counts the boots of the device, from 1.
    pub(crate) number: u64,
    pub(crate) slot: &'r [u8],
    /// Number of the boot that made the state which the slot ran with.
    pub(crate) state: u64,
    pub(crate) event: &'r [u8],
    /// The slot that had run before.
    pub(crate) previous: Option<&'r [u8]>,
    pub(crate) image_id: &'r [u8],
}

/// The log, as it was before this boot.
pub(crate) struct Boots {
    file: ManuallyDrop<OwnedFd>,
    ring: ManuallyDrop<Memory>,
    last: Option<Record>,
    /// It was made in this boot, so that nothing is known of those before.
    #[cfg(feature = "system")]
    is_new: bool,
}

impl Record {
    #[inline(never)]
    fn of(boot: &Boot<'_>) -> Self {
        let mut bytes = [b' '; RECORD];
        let mut put = |column: Range<usize>, field: &[u8]| {
            for (place, &byte) in bytes.get_mut(column).unwrap_or_default().iter_mut().zip(field) {
                *place = byte;
            }
        };
        put(NUMBER, &hexadecimal(boot.number));
        put(STATE, &hexadecimal(boot.state));
        put(SLOT, boot.slot);
        put(PREVIOUS, boot.previous.unwrap_or(NONE));
        put(EVENT, boot.event);
        put(IMAGE_ID, boot.image_id);
        put(IMAGE_ID.end..RECORD, b"\n");
        let mut record = Self(bytes);
        let sum = record.checksum();
        if let Some(place) = record.0.first_chunk_mut() {
            *place = sum;
        }
        record
    }

    /// The checksum that it ought to have: of all behind the checksum's own column, the first eight bytes of SHA-256.
    fn checksum(&self) -> Digits {
        let sum = checksum(self.0.get(CHECKSUM.end..).unwrap_or_default());
        hexadecimal(sum.first_chunk().copied().map_or(0, u64::from_be_bytes))
    }

    /// Whether all of it was written. It was not where it is torn, or blank.
    fn is_whole(&self) -> bool {
        self.0.get(CHECKSUM).is_some_and(|sum| sum == self.checksum())
    }

    /// What it says, if it is whole.
    #[inline(never)]
    pub(crate) fn boot(&self) -> Option<Boot<'_>> {
        let field = |column: Range<usize>| self.0.get(column).map(<[u8]>::trim_ascii_end);
        let boot = Boot {
            number: number(field(NUMBER)?)?,
            slot: field(SLOT)?,
            state: number(field(STATE)?)?,
            event: field(EVENT)?,
            previous: field(PREVIOUS).filter(|&slot| slot != NONE),
            image_id: field(IMAGE_ID)?,
        };
        self.is_whole().then_some(boot)
    }
}

impl Boots {
    /// Opens the log in the directory `common`, if there is one: a file of the right size without a second name.
    #[inline(never)]
    pub(crate) fn open(common: &OwnedFd) -> Result<Option<Self>, Failure> {
        let name = BOOTS_FILE.as_bytes();
        let step = Step::new("open the log", name);
        let Some(stat) = step.stat_name(common, name)? else { return Ok(None) };
        let size = i64::try_from(RECORD.saturating_mul(RECORDS));
        if file_type(&stat) != FileType::RegularFile || Ok(stat.st_size) != size || stat.st_nlink != 1 {
            return Ok(None);
        }
        let flags = OFlags::RDWR | OFlags::NONBLOCK | OFlags::NOCTTY;
        let file = ManuallyDrop::new(beneath::open(&step, common, name, flags)?);
        let ring = ManuallyDrop::new(step.read_all(&file, RECORD.saturating_mul(RECORDS))?);
        let mut boots = Self {
            file,
            ring,
            last: None,
            #[cfg(feature = "system")]
            is_new: false,
        };
        boots.last = boots.highest_below(u64::MAX);
        Ok(Some(boots))
    }

    /// The whole record with the highest number below `limit`.
    #[inline(never)]
    fn highest_below(&self, mut limit: u64) -> Option<Record> {
        loop {
            let mut highest: Option<(u64, &[u8; RECORD])> = None;
            for (at, bytes) in (0_u64..).zip(self.ring.bytes().as_chunks().0) {
                let digits = bytes.get(NUMBER).unwrap_or_default();
                // In another place it is a copy.
                if let Some(number) = number(digits).filter(|number| place(*number) == at && *number < limit)
                    && highest.is_none_or(|(highest, _)| number > highest)
                {
                    highest = Some((number, bytes));
                }
            }
            // All records have numbers, so a checksum is worked out for one or two.
            let (number, bytes) = highest?;
            let record = Record(*bytes);
            if record.is_whole() {
                return Some(record);
            }
            limit = number;
        }
    }

    /// The last boot that got as far as its record.
    pub(crate) fn last(&self) -> Option<Boot<'_>> {
        self.last.as_ref().and_then(Record::boot)
    }

    /// The boot before the one of this number, as far back as the log goes.
    pub(crate) fn before(&self, number: u64) -> Option<Record> {
        self.highest_below(number)
    }

    /// Opens the log in `common`, or makes it there, by way of `work`. What else has its name goes aside.
    #[cfg(feature = "system")]
    pub(crate) fn ensure(common: &Store) -> Result<Self, Failure> {
        let mut is_new = false;
        loop {
            if let Some(boots) = Self::open(common.base())? {
                return Ok(Self { is_new, ..boots });
            }
            displaced::move_any(common, BOOTS_FILE.as_bytes())?;
            make(common.base(), common.work())?;
            is_new = true;
        }
    }

    /// Whether `slot` has run with the state of this number, as far as the log can tell.
    #[cfg(feature = "system")]
    pub(crate) fn has_run(&self, slot: &[u8], state: u64) -> bool {
        let mut oldest = None;
        while let Some(record) = self.highest_below(oldest.unwrap_or(u64::MAX)) {
            let Some(boot) = record.boot() else { break };
            if boot.slot == slot && boot.state == state {
                return true;
            }
            oldest = Some(boot.number);
        }
        // What came before the oldest record is not known. That nobody was told in all that time is unlikely.
        self.is_new || oldest.is_some_and(|oldest| state < oldest)
    }

    /// Writes this boot's record. Where it says more than the one before, it is on the disk then.
    #[inline(never)]
    pub(crate) fn write(&self, boot: &Boot<'_>) -> Result<(), Failure> {
        let step = Step::new("write to the log", BOOTS_FILE.as_bytes());
        let offset = place(boot.number).saturating_mul(RECORD as u64);
        let written = pwrite(&*self.file, &Record::of(boot).0, offset);
        match written {
            Ok(RECORD) => {}
            // A part of a record is as good as none.
            other => return Err(step.failed("pwrite64", other.err().unwrap_or(Errno::IO))),
        }
        // If one of these is lost, all is as if it had not been.
        if boot.event == Event::Same.as_bytes() {
            return Ok(());
        }
        fdatasync(&*self.file).map_err(|errno| step.failed("fdatasync", errno))
    }
}

/// The place in the ring of the record with this number.
fn place(number: u64) -> u64 {
    number.checked_rem(RECORDS as u64).unwrap_or(0)
}

/// Makes an empty log in `work` and puts it into `common`.
#[cfg(feature = "system")]
fn make(common: &OwnedFd, work: &OwnedFd) -> Result<(), Failure> {
    use rustix::fs::Mode;

    let name = BOOTS_FILE.as_bytes();
    let step = Step::new("make the log", name);
    let file = step.create(work, name, Mode::from_raw_mode(0o600))?;
    let mut blank = [b' '; RECORD];
    if let Some(end) = blank.last_mut() {
        *end = b'\n';
    }
    for _ in 0..RECORDS {
        step.write(&file, &blank)?;
    }
    step.sync(&file)?;
    step.rename(work, name, common, name)
}

#[cfg(test)]
mod tests {
    extern crate std;

    use super::*;

    const BOOT: Boot<'static> = Boot {
        number: 70,
        slot: b"B",
        state: 69,
        event: b"update",
        previous: Some(b"A"),
        image_id: b"image 2/x",
    };

    #[test]
    fn a_record_says_what_was_written() {
        let record = Record::of(&BOOT);
        let boot = record.boot().unwrap();
        assert_eq!((boot.number, boot.slot, boot.state), (70, BOOT.slot, 69));
        assert_eq!((boot.event, boot.previous, boot.image_id), (BOOT.event, BOOT.previous, BOOT.image_id));
        let line = str::from_utf8(&record.0[17..]).unwrap();
        let fields: std::vec::Vec<_> = line.split_ascii_whitespace().collect();
        assert_eq!(fields, ["0000000000000046", "0000000000000045", "B", "A", "update", "image", "2/x"]);
        assert_eq!(record.0[511], b'\n');
    }

    #[test]
    fn a_record_torn_at_any_byte_is_none() {
        let image_id = [b'i'; 255];
        let old = Record::of(&Boot { number: 6, image_id: &image_id, ..BOOT });
        let new = Record::of(&BOOT);
        // The interpreter takes a second for each, and looks for other things.
        let step = if cfg!(miri) { 73 } else { 1 };
        for at in (0..RECORD).step_by(step) {
            let mut torn = old;
            torn.0[..at].copy_from_slice(&new.0[..at]);
            let number = torn.boot().map(|boot| boot.number);
            assert!(number.is_none() || torn == old || torn == new, "{at}: {number:?}");
        }
    }

    #[test]
    fn blank_records_are_none() {
        assert!(Record([b' '; RECORD]).boot().is_none());
        assert!(Record([0; RECORD]).boot().is_none());
    }
}
