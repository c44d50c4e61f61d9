//! The fixed start of every blob.
//!
//! | offset | bytes | what |
//! | --- | --- | --- |
//! | 0 | 8 | [`MAGIC`] |
//! | 8 | 2 | [`FORMAT_VERSION`], little-endian |
//! | 10 | 2 | flags, little-endian; none is defined, so 0 |
//! | 12 | 4 | length of the payload in bytes, little-endian |
//! | 16 | 32 | SHA-256 over bytes 0 to 15 and the payload |

use sha2::{Digest, Sha256};

use crate::decode::{DecodeError, DecodeFault};

/// The first bytes of every blob. As in PNG, a byte that is no text and a line end that transfers in text
/// mode would change.
pub const MAGIC: [u8; 8] = *b"\x93SYSOTA\n";

/// The format that this crate writes, and the newest that it reads.
pub const FORMAT_VERSION: u16 = 1;

/// Bytes before the payload.
pub const HEADER_LEN: usize = 48;

/// Longest payload, in bytes: what a reader on a small device agrees to map and digest at every boot.
pub const MAX_PAYLOAD_LEN: u32 = 16 << 20;

/// Bytes of the header which the digest covers.
const DIGESTED_LEN: usize = 16;

/// Checks everything that can be said before decoding, and returns the payload.
pub(crate) fn verify(blob: &[u8]) -> Result<&[u8], DecodeError> {
    let fault = |offset: usize, fault| DecodeError { offset, fault };
    let truncated = || fault(blob.len(), DecodeFault::Truncated);

    let (magic, rest) = blob.split_first_chunk::<8>().ok_or_else(truncated)?;
    if *magic != MAGIC {
        return Err(fault(0, DecodeFault::NotABlob));
    }
    let (version, rest) = rest.split_first_chunk::<2>().ok_or_else(truncated)?;
    let version = u16::from_le_bytes(*version);
    if version != FORMAT_VERSION {
        return Err(fault(8, DecodeFault::UnsupportedVersion(version)));
    }
    let (flags, rest) = rest.split_first_chunk::<2>().ok_or_else(truncated)?;
    let flags = u16::from_le_bytes(*flags);
    if flags != 0 {
        return Err(fault(10, DecodeFault::UnsupportedFlags(flags)));
    }
    let (length, rest) = rest.split_first_chunk::<4>().ok_or_else(truncated)?;
    let length = u32::from_le_bytes(*length);
    if length > MAX_PAYLOAD_LEN {
        return Err(fault(12, DecodeFault::PayloadTooLong(length)));
    }
    let (digest, payload) = rest.split_first_chunk::<32>().ok_or_else(truncated)?;
    // Both sides fit: MAX_PAYLOAD_LEN is far below what usize holds on any target.
    match payload.len().cmp(&(length as usize)) {
        core::cmp::Ordering::Less => return Err(truncated()),
        core::cmp::Ordering::Greater => {
            return Err(fault(HEADER_LEN.saturating_add(length as usize), DecodeFault::TrailingBytes));
        }
        core::cmp::Ordering::Equal => {}
    }
    let digested = blob.get(..DIGESTED_LEN).ok_or_else(truncated)?;
    if *digest != sha256(digested, payload) {
        return Err(fault(DIGESTED_LEN, DecodeFault::WrongDigest));
    }
    Ok(payload)
}

/// The header of a blob with this payload, whose length must fit [`MAX_PAYLOAD_LEN`].
#[cfg(feature = "encode")]
pub(crate) fn header(payload: &[u8], length: u32) -> [u8; HEADER_LEN] {
    let mut header = [0; HEADER_LEN];
    let (digested, digest) = header.split_at_mut(DIGESTED_LEN);
    let fields = MAGIC
        .into_iter()
        .chain(FORMAT_VERSION.to_le_bytes())
        .chain(0_u16.to_le_bytes())
        .chain(length.to_le_bytes());
    for (byte, field) in digested.iter_mut().zip(fields) {
        *byte = field;
    }
    digest.copy_from_slice(&sha256(digested, payload));
    header
}

fn sha256(digested: &[u8], payload: &[u8]) -> [u8; 32] {
    Sha256::new().chain_update(digested).chain_update(payload).finalize().into()
}
