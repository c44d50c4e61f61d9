//! SHA-256 (FIPS 180-4) of bytes that come piece by piece.
//!
//! The compression, which is the hard part, is the crate `sha2`'s. Cutting bytes into blocks is done by hand: what the
//! crate has for that serves any digest, and takes up more of the program on the target than all the compression.

use sha2::compress256;

/// Bytes that are compressed at once.
const BLOCK: usize = 64;

/// Where in the last block the length begins.
const LENGTH: usize = 56;

/// What is known of the digest so far.
pub(crate) struct Sha256 {
    state: [u32; 8],
    block: [u8; BLOCK],
    /// How much of the block has come.
    filled: usize,
    /// Bytes that have come in all.
    len: u64,
}

impl Sha256 {
    /// The digest of nothing yet.
    pub(crate) fn new() -> Self {
        // The first 32 bits of the fractional parts of the square roots of the first eight primes.
        let state = [
            0x6a09_e667,
            0xbb67_ae85,
            0x3c6e_f372,
            0xa54f_f53a,
            0x510e_527f,
            0x9b05_688c,
            0x1f83_d9ab,
            0x5be0_cd19,
        ];
        Self { state, block: [0; BLOCK], filled: 0, len: 0 }
    }

    /// Takes the next bytes.
    #[inline(never)]
    pub(crate) fn take(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            if let Some(place) = self.block.get_mut(self.filled) {
                *place = byte;
            }
            self.filled = self.filled.wrapping_add(1);
            if self.filled == BLOCK {
                compress256(&mut self.state, &[self.block.into()]);
                self.filled = 0;
            }
        }
        self.len = self.len.wrapping_add(bytes.len() as u64);
    }

    /// The digest: behind the last byte come a bit, as many zeroes as it takes, and the number of bits.
    pub(crate) fn end(mut self) -> [u8; 32] {
        let bits = self.len.wrapping_mul(8);
        self.take(&[0x80]);
        while self.filled != LENGTH {
            self.take(&[0]);
        }
        self.take(&bits.to_be_bytes());
        let mut digest = [0; 32];
        for (bytes, word) in digest.as_chunks_mut().0.iter_mut().zip(self.state) {
            *bytes = word.to_be_bytes();
        }
        digest
    }
}

#[cfg(test)]
mod tests {
    use sha2::{Digest as _, Sha256 as Oracle};

    use super::*;

    #[test]
    fn is_the_digest_of_any_length_in_any_pieces() {
        let bytes: [u8; 300] = core::array::from_fn(|at| at.to_le_bytes()[0]);
        // The interpreter takes minutes for all of them, and looks for other things.
        let step = if cfg!(miri) { 59 } else { 1 };
        for len in (0..bytes.len()).step_by(step) {
            for piece in [1, 48, 63, 64, 65, 300] {
                let mut sha256 = Sha256::new();
                bytes[..len].chunks(piece).for_each(|piece| sha256.take(piece));
                assert_eq!(sha256.end(), <[u8; 32]>::from(Oracle::digest(&bytes[..len])), "{len} in {piece}");
            }
        }
    }
}
