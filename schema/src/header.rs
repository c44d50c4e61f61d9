//! The fixed start of every blob.
//!
//! | offset | bytes | what |
//! | --- | --- | --- |
//! | 0 | 8 | [`MAGIC`] |
//! | 8 | 2 | [`FORMAT_VERSION`], little-endian |
//! | 10 | 2 | flags, little-endian; none is defined, so 0 |
//! | 12 | 4 | length of the payload in bytes, little-endian |
//! | 16 | 32 | SHA-256 over bytes 0 to 15 and the payload |

use core::cmp::Ordering;

use crate::decode::{DecodeError, DecodeFault};
use crate::sha256::Sha256;

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

/// Checks everything that can be said before decoding, as the bytes come: who reads them piece by piece needs no
/// room for all of them.
pub struct Check {
    /// What the header says.
    digest: [u8; 32],
    /// Of what was taken so far.
    so_far: Sha256,
}

impl Check {
    /// Checks the header. `start` is the blob's first [`HEADER_LEN`] bytes, or all it has, and `len` how many it has.
    pub fn begin(start: &[u8], len: usize) -> Result<Self, DecodeError> {
        let (digest, length) = read(start, len)?;
        // Both sides fit: MAX_PAYLOAD_LEN is far below what usize holds on any target.
        let end = HEADER_LEN.saturating_add(length as usize);
        match len.cmp(&end) {
            Ordering::Less => return Err(DecodeError { offset: len, fault: DecodeFault::Truncated }),
            Ordering::Greater => return Err(DecodeError { offset: end, fault: DecodeFault::TrailingBytes }),
            Ordering::Equal => {}
        }
        let digested = start.get(..DIGESTED_LEN).unwrap_or_default();
        let mut so_far = Sha256::new();
        so_far.take(digested);
        Ok(Self { digest, so_far })
    }

    /// Takes the next bytes of the payload.
    pub fn take(&mut self, payload: &[u8]) {
        self.so_far.take(payload);
    }

    /// Checks the digest, when all of the payload has been taken.
    pub fn end(self) -> Result<(), DecodeError> {
        if self.so_far.end() == self.digest {
            return Ok(());
        }
        Err(DecodeError { offset: DIGESTED_LEN, fault: DecodeFault::WrongDigest })
    }
}

/// Reads a header: the digest, and the length of the payload.
fn read(start: &[u8], len: usize) -> Result<([u8; 32], u32), DecodeError> {
    let fault = |offset: usize, fault| DecodeError { offset, fault };
    let truncated = || fault(len, DecodeFault::Truncated);

    if start.first_chunk().ok_or_else(truncated)? != &MAGIC {
        return Err(fault(0, DecodeFault::NotABlob));
    }
    let header: &[u8; HEADER_LEN] = start.first_chunk().ok_or_else(truncated)?;
    let [_, _, _, _, _, _, _, _, v0, v1, f0, f1, l0, l1, l2, l3, digest @ ..] = *header;
    let version = u16::from_le_bytes([v0, v1]);
    if version != FORMAT_VERSION {
        return Err(fault(8, DecodeFault::UnsupportedVersion(version)));
    }
    let flags = u16::from_le_bytes([f0, f1]);
    if flags != 0 {
        return Err(fault(10, DecodeFault::UnsupportedFlags(flags)));
    }
    let length = u32::from_le_bytes([l0, l1, l2, l3]);
    if length > MAX_PAYLOAD_LEN {
        return Err(fault(12, DecodeFault::PayloadTooLong(length)));
    }
    Ok((digest, length))
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
    let mut sha256 = Sha256::new();
    sha256.take(digested);
    sha256.take(payload);
    digest.copy_from_slice(&sha256.end());
    header
}
