//! Plan to bytes.

use alloc::vec::Vec;
use core::fmt;

use crate::record::Record;
use crate::{
    Blob, DecodeError, HEADER_LEN, Image, MAX_PAYLOAD_LEN, PlannedEntry, SlotName, SlotRule, SysData, header,
};

/// Why a plan cannot be a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EncodeError {
    /// The record of this tag is longer than its frame can say (65,535 bytes).
    RecordTooLong(u8),
    /// The payload is longer than [`MAX_PAYLOAD_LEN`].
    PayloadTooLong,
    /// The plan violates an invariant of [`Blob`]: the reader would refuse it, and this is how.
    Refused(DecodeError),
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RecordTooLong(tag) => write!(f, "a record of kind {tag} is longer than 65535 bytes"),
            Self::PayloadTooLong => write!(f, "the plan is longer than {MAX_PAYLOAD_LEN} bytes"),
            Self::Refused(error) => write!(f, "the plan would be refused: {error}"),
        }
    }
}

impl core::error::Error for EncodeError {}

/// The blob of a plan. The same plan gives the same bytes.
///
/// `entries` are in mount order.
pub fn encode<'a>(
    image: Image<'_>,
    sys_data: SysData<'_>,
    slots: &[SlotName<'_>],
    slot_rules: &[SlotRule<'_>],
    entries: impl IntoIterator<Item = PlannedEntry<'a>>,
) -> Result<Vec<u8>, EncodeError> {
    let mut blob = alloc::vec![0; HEADER_LEN];
    push(&mut blob, &image)?;
    push(&mut blob, &sys_data)?;
    for slot in slots {
        push(&mut blob, slot)?;
    }
    for rule in slot_rules {
        push(&mut blob, rule)?;
    }
    for PlannedEntry { entry, origin } in entries {
        push(&mut blob, &entry)?;
        if let Some(origin) = origin {
            push(&mut blob, &origin)?;
        }
    }
    let (header, payload) = blob.split_at_mut(HEADER_LEN);
    let length = u32::try_from(payload.len()).ok().filter(|&length| length <= MAX_PAYLOAD_LEN);
    header.copy_from_slice(&header::header(payload, length.ok_or(EncodeError::PayloadTooLong)?));
    // The reader has the only list of invariants, so it is asked instead of repeating it here.
    Blob::decode(&blob).map_err(EncodeError::Refused)?;
    Ok(blob)
}

fn push<R: Record>(blob: &mut Vec<u8>, record: &R) -> Result<(), EncodeError> {
    let too_long = |_| EncodeError::RecordTooLong(R::TAG);
    let payload = postcard::to_allocvec(record).map_err(|_| EncodeError::RecordTooLong(R::TAG))?;
    let length = u16::try_from(payload.len()).map_err(too_long)?;
    blob.push(R::TAG);
    blob.extend(length.to_le_bytes());
    blob.extend(payload);
    Ok(())
}
