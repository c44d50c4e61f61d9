//! The payload: framed records, each `tag: u8`, `length: u16` little-endian, `length` bytes of postcard.
//!
//! Frames make an unknown record skippable and keep one wrong record from changing the meaning of the next.
//! A blob holds, in this order: one image, one sys-data, one to [`MAX_SLOTS`](crate::MAX_SLOTS) slots, any
//! number of slot rules, the entries, each followed by its origin where one is recorded, and any number of factory files.

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
        Fields::read(self.payload).ok_or_else(|| self.error(DecodeFault::MalformedRecord(self.tag)))
    }
}

/// The frames of a payload, in order. Ends after the first error.
#[derive(Clone)]
pub(crate) struct Frames<'a> {
    rest: &'a [u8],
    offset: usize,
}

impl<'a> Frames<'a> {
    /// `offset` is the one of `payload` in the blob, for errors.
    pub(crate) fn new(payload: &'a [u8], offset: usize) -> Self {
        Self { rest: payload, offset }
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
