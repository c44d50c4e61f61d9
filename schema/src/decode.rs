//! Bytes to plan. Verifies everything before it hands out anything.

use core::fmt;

use crate::factory::FactoryFiles;
use crate::header::Check;
use crate::record::{
    ENTRY, FACTORY_FILE, Frames, IMAGE, Keeper, ORIGIN, SKIPPABLE, SLOT, SLOT_RULE, SYS_DATA,
};
use crate::{
    Entry, HEADER_LEN, How, Image, Kind, MAX_SLOTS, OnSysDataFailure, Origin, PlannedEntry, Seed, SlotName,
    SlotRule, StatePath, SysData,
};

/// A control blob, verified to its last record.
///
/// # Invariants
///
/// Length, version and digest are right. Every record decodes. There are one to [`MAX_SLOTS`] slots with
/// different names. Entries are strictly in mount order, none lies beneath a file, and none contradicts itself.
///
/// Factory files are in their place, after all entries. What is in them is looked at only by those who merge: see
/// [`Self::check_factory_files`].
#[derive(Clone, Debug)]
pub struct Blob<'a> {
    bytes: &'a [u8],
    keeper: &'a dyn Keeper,
    image: Image<'a>,
    sys_data: SysData<'a>,
    /// The first `slot_count` are the image's; the others are none.
    slots: [SlotName<'a>; MAX_SLOTS],
    slot_count: usize,
}

/// Where and why bytes are not a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecodeError {
    /// Bytes before the place: of the header's field, or of the record's frame.
    pub offset: usize,
    /// What is wrong there.
    pub fault: DecodeFault,
}

/// Why bytes are not a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecodeFault {
    /// The bytes end within the header or before the end of the payload.
    Truncated,
    /// The magic is not there: the file is something else.
    NotABlob,
    /// The format is one that this reader does not know.
    UnsupportedVersion(u16),
    /// Flags are set that this reader does not know.
    UnsupportedFlags(u16),
    /// The header announces more than [`MAX_PAYLOAD_LEN`](crate::MAX_PAYLOAD_LEN) bytes.
    PayloadTooLong(u32),
    /// There are bytes after the payload.
    TrailingBytes,
    /// The digest does not match: the blob was damaged or changed.
    WrongDigest,
    /// The payload ends within a record.
    TruncatedRecord,
    /// A record of this tag is neither known nor marked as one to skip.
    UnknownRecord(u8),
    /// The payload of a record with this tag is not one, or is not all of it.
    MalformedRecord(u8),
    /// A record of this tag is not where its kind belongs, or there is one too many.
    MisplacedRecord(u8),
    /// The record of this tag, which every blob has, is absent.
    MissingRecord(u8),
    /// Two slots have the same name, not counting case.
    DuplicateSlot,
    /// The entry does not follow the one before it in mount order.
    UnorderedEntry,
    /// The entry lies beneath one that is a file.
    EntryBeneathFile,
    /// The entry's fields contradict each other.
    ContradictoryEntry,
    /// The factory file does not follow the one before it.
    UnorderedFactoryFile,
}

/// A number in the words of a [`DecodeFault`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Number {
    /// Shown as it is.
    Decimal(u32),
    /// Shown as `0x` and four digits.
    Hexadecimal(u16),
}

impl DecodeFault {
    /// The fault in words: what is before the number, the number, and what is after it. In parts, since the
    /// target does without `core::fmt`.
    #[must_use]
    pub fn words(&self) -> (&'static str, Option<Number>, &'static str) {
        let (before, number, after) = match *self {
            Self::Truncated => return ("the blob is truncated", None, ""),
            Self::NotABlob => return ("this is no control blob", None, ""),
            Self::TrailingBytes => return ("there are bytes after the payload", None, ""),
            Self::WrongDigest => return ("the blob is damaged: its digest does not match", None, ""),
            Self::TruncatedRecord => return ("the payload ends within a record", None, ""),
            Self::DuplicateSlot => return ("two slots have the same name", None, ""),
            Self::UnorderedEntry => return ("the entry is not in mount order", None, ""),
            Self::EntryBeneathFile => return ("the entry lies beneath one that is a file", None, ""),
            Self::ContradictoryEntry => return ("the entry contradicts itself", None, ""),
            Self::UnorderedFactoryFile => return ("the factory file is not in order", None, ""),
            Self::UnsupportedFlags(flags) => {
                return ("blob flags ", Some(Number::Hexadecimal(flags)), " are not supported");
            }
            Self::UnsupportedVersion(version) => ("blob format ", version.into(), " is not supported"),
            Self::PayloadTooLong(length) => ("a payload of ", length, " bytes is too long"),
            Self::UnknownRecord(tag) => ("record of unknown kind ", tag.into(), ""),
            Self::MalformedRecord(tag) => ("malformed record of kind ", tag.into(), ""),
            Self::MisplacedRecord(tag) => ("misplaced record of kind ", tag.into(), ""),
            Self::MissingRecord(tag) => ("no record of kind ", tag.into(), ""),
        };
        (before, Some(Number::Decimal(number)), after)
    }
}

impl fmt::Display for DecodeFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (before, number, after) = self.words();
        f.write_str(before)?;
        match number {
            Some(Number::Decimal(number)) => write!(f, "{number}")?,
            Some(Number::Hexadecimal(number)) => write!(f, "{number:#06x}")?,
            None => {}
        }
        f.write_str(after)
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (at byte {})", self.fault, self.offset)
    }
}

impl core::error::Error for DecodeError {}

impl<'a> Blob<'a> {
    /// Verifies header and digest, then every record.
    pub fn decode(blob: &'a [u8]) -> Result<Self, DecodeError> {
        let mut check = Check::begin(blob, blob.len())?;
        check.take(blob.get(HEADER_LEN..).unwrap_or_default());
        check.end()?;
        Self::decode_checked(blob, &())
    }

    /// Verifies every record of bytes that went through a [`Check`]. Each is verified again whenever it is read: what
    /// becomes of the bytes meanwhile, nothing that violates an invariant of its type is handed out.
    pub fn decode_checked(blob: &'a [u8], keeper: &'a dyn Keeper) -> Result<Self, DecodeError> {
        let image = Image { id: "", on_sys_data_failure: OnSysDataFailure::Degrade };
        let mount_point = StatePath::PLACEHOLDER;
        let sys_data = SysData { device: "", fstype: "", options: "", mount_point };
        let slots = [SlotName::PLACEHOLDER; MAX_SLOTS];
        let nothing = Self { bytes: blob, keeper, image, sys_data, slots, slot_count: 0 };
        let mut reading = Reading { blob: nothing, entry: None, last: 0 };
        for frame in reading.blob.frames(HEADER_LEN) {
            reading.take(&frame?)?;
        }
        // Records have an order, so the last one tells what is not there.
        let missing = match reading.last {
            0 => IMAGE,
            IMAGE => SYS_DATA,
            SYS_DATA => SLOT,
            _ => return Ok(reading.blob),
        };
        Err(DecodeError { offset: blob.len(), fault: DecodeFault::MissingRecord(missing) })
    }

    /// The image that the plan belongs to.
    #[must_use]
    pub fn image(&self) -> Image<'a> {
        self.image
    }

    /// The partition that holds the state.
    #[must_use]
    pub fn sys_data(&self) -> SysData<'a> {
        self.sys_data
    }

    /// The image's slots, in the order of its policy; at least one.
    #[must_use]
    pub fn slots(&self) -> &[SlotName<'a>] {
        self.slots.get(..self.slot_count).unwrap_or_default()
    }

    /// The rules that tell the slot from the kernel command line, in the order of the policy.
    pub fn slot_rules(&self) -> impl Iterator<Item = Result<SlotRule<'a>, DecodeError>> + use<'a> {
        self.frames(HEADER_LEN).filter_map(|frame| match frame {
            Ok(frame) if frame.tag == SLOT_RULE => Some(frame.decode()),
            Ok(_) => None,
            Err(error) => Some(Err(error)),
        })
    }

    /// The entries, in mount order, decoded one at a time.
    #[must_use]
    pub fn entries(&self) -> Entries<'a> {
        self.entries_from(HEADER_LEN)
    }

    /// The entries from a place on that [`Entries::offset`] told.
    #[must_use]
    pub fn entries_from(&self, offset: usize) -> Entries<'a> {
        Entries { frames: self.frames(offset) }
    }

    #[inline(never)]
    fn frames(&self, offset: usize) -> Frames<'a> {
        Frames::new(self.bytes, offset, self.keeper)
    }

    /// What the image holds beneath the entries that are merged: strictly ascending by
    /// [`compare_paths`](crate::compare_paths), decoded one at a time, and ended by the first error.
    #[must_use]
    pub fn factory_files(&self) -> FactoryFiles<'a> {
        FactoryFiles::new(self.frames(HEADER_LEN))
    }

    /// Makes sure that no item of [`Self::factory_files`] is an error. Not part of [`Self::decode`], since a reader that
    /// merges nothing has no use for them.
    pub fn check_factory_files(&self) -> Result<(), DecodeError> {
        self.factory_files().try_for_each(|file| file.map(drop))
    }
}

/// The entries of a [`Blob`], in mount order. On a verified blob no item is an error.
#[derive(Clone)]
pub struct Entries<'a> {
    frames: Frames<'a>,
}

impl<'a> Entries<'a> {
    /// Where in the blob it reads on.
    #[must_use]
    pub fn offset(&self) -> usize {
        self.frames.offset
    }

    /// The next entry alone, without what is recorded of where it comes from.
    pub fn next_entry(&mut self) -> Option<Result<Entry<'a>, DecodeError>> {
        loop {
            match self.frames.next()? {
                Ok(frame) if frame.tag == ENTRY => return Some(frame.decode()),
                // No entry follows, and there may be thousands of these.
                Ok(frame) if frame.tag == FACTORY_FILE => return None,
                Ok(_) => {}
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

impl<'a> Iterator for Entries<'a> {
    type Item = Result<PlannedEntry<'a>, DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        let entry = self.next_entry()?;
        let mut ahead = self.frames.clone();
        let origin = match ahead.next() {
            Some(Ok(frame)) if frame.tag == ORIGIN => {
                self.frames = ahead;
                frame.decode().map(Some)
            }
            _ => Ok(None),
        };
        Some(entry.and_then(|entry| Ok(PlannedEntry { entry, origin: origin? })))
    }
}

/// What the records so far have said.
struct Reading<'a> {
    /// Complete when [`Self::last`] says so.
    blob: Blob<'a>,
    /// The last entry.
    entry: Option<Before<'a>>,
    /// Tag of the last record that was not skipped.
    last: u8,
}

/// What has to be known of an entry to check the one that follows.
struct Before<'a> {
    path: StatePath<'a>,
    kind: Kind,
}

impl<'a> Reading<'a> {
    fn take(&mut self, frame: &crate::record::Frame<'a>) -> Result<(), DecodeError> {
        let tag = frame.tag;
        // What may stand before each kind says the order of them all.
        let follows = match tag {
            IMAGE => self.last == 0,
            SYS_DATA => self.last == IMAGE,
            SLOT => matches!(self.last, SYS_DATA | SLOT),
            SLOT_RULE => matches!(self.last, SLOT | SLOT_RULE),
            ENTRY => matches!(self.last, SLOT | SLOT_RULE | ENTRY | ORIGIN),
            ORIGIN => self.last == ENTRY,
            FACTORY_FILE => self.last >= SLOT,
            _ if tag & SKIPPABLE != 0 => return Ok(()),
            _ => return Err(frame.error(DecodeFault::UnknownRecord(tag))),
        };
        if !follows {
            return Err(frame.error(DecodeFault::MisplacedRecord(tag)));
        }
        self.last = tag;
        match tag {
            IMAGE => self.blob.image = frame.decode()?,
            SYS_DATA => self.blob.sys_data = frame.decode()?,
            SLOT => self.add_slot(frame.decode()?).map_err(|fault| frame.error(fault))?,
            SLOT_RULE => {
                frame.decode::<SlotRule<'_>>()?;
            }
            ENTRY => self.add_entry(&frame.decode()?).map_err(|fault| frame.error(fault))?,
            FACTORY_FILE => {}
            _ => {
                frame.decode::<Origin<'_>>()?;
            }
        }
        Ok(())
    }

    fn add_slot(&mut self, slot: SlotName<'a>) -> Result<(), DecodeFault> {
        if self.blob.slots().iter().any(|other| other.is(slot.as_str().as_bytes())) {
            return Err(DecodeFault::DuplicateSlot);
        }
        let place =
            self.blob.slots.get_mut(self.blob.slot_count).ok_or(DecodeFault::MisplacedRecord(SLOT))?;
        *place = slot;
        self.blob.slot_count = self.blob.slot_count.saturating_add(1);
        Ok(())
    }

    fn add_entry(&mut self, entry: &Entry<'a>) -> Result<(), DecodeFault> {
        let contradicts = match (entry.kind, entry.how, entry.seed) {
            (Kind::Directory, How::Symlink { .. }, _)
            | (Kind::File, How::Overlay, _)
            | (Kind::Directory, _, Seed::Text(_)) => true,
            (_, How::Symlink { to }, _) => to == entry.path || to.is_beneath(entry.path),
            _ => false,
        };
        if contradicts {
            return Err(DecodeFault::ContradictoryEntry);
        }
        if let Some(last) = &self.entry {
            if entry.path <= last.path {
                return Err(DecodeFault::UnorderedEntry);
            }
            // All that lies beneath a path follows it at once, so the entry before is the only one to ask.
            if last.kind == Kind::File && entry.path.is_beneath(last.path) {
                return Err(DecodeFault::EntryBeneathFile);
            }
        }
        self.entry = Some(Before { path: entry.path, kind: entry.kind });
        Ok(())
    }
}
