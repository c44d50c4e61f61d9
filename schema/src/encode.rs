//! Plan to bytes.

use alloc::vec::Vec;
use core::fmt;

use crate::record::{FACTORY_FILE, Record};
use crate::{
    Blob, DecodeError, FactoryFile, HEADER_LEN, Image, MAX_PAYLOAD_LEN, PlannedEntry, SlotName, SlotRule,
    SysData, header,
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
/// `entries` are in mount order, `factory_files` strictly ascending by [`compare_paths`](crate::compare_paths).
pub fn encode<'a, 'f>(
    image: Image<'_>,
    sys_data: SysData<'_>,
    slots: &[SlotName<'_>],
    slot_rules: &[SlotRule<'_>],
    entries: impl IntoIterator<Item = PlannedEntry<'a>>,
    factory_files: impl IntoIterator<Item = FactoryFile<'f>>,
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
    for FactoryFile { path, digest } in factory_files {
        push_frame(&mut blob, FACTORY_FILE, &[digest, path])?;
    }
    let (header, payload) = blob.split_at_mut(HEADER_LEN);
    let length = u32::try_from(payload.len()).ok().filter(|&length| length <= MAX_PAYLOAD_LEN);
    header.copy_from_slice(&header::header(payload, length.ok_or(EncodeError::PayloadTooLong)?));
    // The reader has the only list of invariants, so it is asked instead of repeating it here.
    Blob::decode(&blob).and_then(|blob| blob.check_factory_files()).map_err(EncodeError::Refused)?;
    Ok(blob)
}

fn push<R: Record>(blob: &mut Vec<u8>, record: &R) -> Result<(), EncodeError> {
    let payload = postcard::to_allocvec(record).map_err(|_| EncodeError::RecordTooLong(R::TAG))?;
    push_frame(blob, R::TAG, &[&payload])
}

/// Adds the record of this payload, which comes in parts.
fn push_frame(blob: &mut Vec<u8>, tag: u8, payload: &[&[u8]]) -> Result<(), EncodeError> {
    let length = payload.iter().fold(0_usize, |length, part| length.saturating_add(part.len()));
    let length = u16::try_from(length).map_err(|_| EncodeError::RecordTooLong(tag))?;
    blob.push(tag);
    blob.extend(length.to_le_bytes());
    for part in payload {
        blob.extend_from_slice(part);
    }
    Ok(())
}
