//! The payload: framed records, each `tag: u8`, `length: u16` little-endian, `length` bytes of postcard.
//!
//! Frames make an unknown record skippable and keep one wrong record from changing the meaning of the next.
//! A blob holds, in this order: one image, one sys-data, one to [`MAX_SLOTS`](crate::MAX_SLOTS) slots, any
//! number of slot rules, the entries, each followed by its origin where one is recorded, and any number of factory files.

use core::fmt;

use crate::decode::{DecodeError, DecodeFault};
use crate::fields::{Fields, FromFields};

/// Bytes before a record's payload.
pub(crate) const FRAME_LEN: usize = 3;

/// The bit of a tag that lets a reader which does not know the tag skip the record.
pub(crate) const SKIPPABLE: u8 = 0x80;

pub(crate) const IMAGE: u8 = 1;
pub(crate) const SYS_DATA: u8 = 2;
pub(crate) const SLOT: u8 = 3;
pub(crate) const SLOT_RULE: u8 = 4;
pub(crate) const ENTRY: u8 = 5;
pub(crate) const ORIGIN: u8 = SKIPPABLE | 1;
pub(crate) const FACTORY_FILE: u8 = SKIPPABLE | 2;

/// One record as it is framed.
#[derive(Clone, Copy)]
pub(crate) struct Frame<'a> {
    pub(crate) tag: u8,
    /// Offset of the frame in the blob.
    pub(crate) offset: usize,
    pub(crate) payload: &'a [u8],
}

impl<'a> Frame<'a> {
    pub(crate) fn error(&self, fault: DecodeFault) -> DecodeError {
        DecodeError { offset: self.offset, fault }
    }

    /// Decodes the payload, all of it.
    pub(crate) fn decode<T: FromFields<'a>>(&self) -> Result<T, DecodeError> {
        let mut fields = Fields::new(self.payload);
        let value = T::from_fields(&mut fields);
        if fields.are_all() { Ok(value) } else { Err(self.error(DecodeFault::MalformedRecord(self.tag))) }
    }
}

/// Holds a blob's bytes, and may put them away while they are not read: a plan is read from one end to the other.
pub trait Keeper: Sync {
    /// None of the bytes need to be in memory now. Called once for every [`STRIDE`] that is read. Whatever is read
    /// later, also of what was read before, must still be what it was.
    fn put_away(&self);
}

impl fmt::Debug for dyn Keeper + '_ {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keeper")
    }
}

/// Bytes that just stay.
impl Keeper for () {
    fn put_away(&self) {}
}

/// How many bytes are read before the [`Keeper`] is told, as a power of two.
pub const STRIDE: usize = 1 << STRIDE_BITS;
const STRIDE_BITS: u32 = 14;

/// The frames of a payload, in order. Ends after the first error.
#[derive(Clone)]
pub(crate) struct Frames<'a> {
    rest: &'a [u8],
    pub(crate) offset: usize,
    keeper: &'a dyn Keeper,
}

impl<'a> Frames<'a> {
    /// The frames of `blob` from `offset` on.
    pub(crate) fn new(blob: &'a [u8], offset: usize, keeper: &'a dyn Keeper) -> Self {
        Self { rest: blob.get(offset..).unwrap_or_default(), offset, keeper }
    }
}

impl<'a> Iterator for Frames<'a> {
    type Item = Result<Frame<'a>, DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let offset = self.offset;
        let frame = self.rest.split_first_chunk::<FRAME_LEN>().and_then(|(&[tag, low, high], rest)| {
            let length = usize::from(u16::from_le_bytes([low, high]));
            let (payload, rest) = rest.split_at_checked(length)?;
            self.rest = rest;
            self.offset = offset.saturating_add(FRAME_LEN).saturating_add(length);
            if (self.offset ^ offset) >> STRIDE_BITS != 0 {
                self.keeper.put_away();
            }
            Some(Frame { tag, offset, payload })
        });
        Some(frame.ok_or_else(|| {
            self.rest = &[];
            DecodeError { offset, fault: DecodeFault::TruncatedRecord }
        }))
    }
}

/// What may be framed under which tag.
#[cfg(feature = "encode")]
pub(crate) trait Record: serde::Serialize {
    const TAG: u8;
}

#[cfg(feature = "encode")]
impl Record for crate::Image<'_> {
    const TAG: u8 = IMAGE;
}
#[cfg(feature = "encode")]
impl Record for crate::SysData<'_> {
    const TAG: u8 = SYS_DATA;
}
#[cfg(feature = "encode")]
impl Record for crate::SlotName<'_> {
    const TAG: u8 = SLOT;
}
#[cfg(feature = "encode")]
impl Record for crate::SlotRule<'_> {
    const TAG: u8 = SLOT_RULE;
}
#[cfg(feature = "encode")]
impl Record for crate::Entry<'_> {
    const TAG: u8 = ENTRY;
}
#[cfg(feature = "encode")]
impl Record for crate::Origin<'_> {
    const TAG: u8 = ORIGIN;
}
