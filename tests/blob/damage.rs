//! No damage passes: not one bit, not one byte too few or too many.

use proptest::prelude::*;
use state_schema::{Blob, DecodeFault, HEADER_LEN};

use crate::golden;

#[test]
fn every_truncation_is_refused() {
    let blob = golden::blob();
    for length in 0..blob.len() {
        let error = Blob::decode(&blob[..length]).unwrap_err();
        assert_eq!((error.fault, error.offset), (DecodeFault::Truncated, length));
    }
}

#[test]
fn every_appended_byte_is_refused() {
    let mut blob = golden::blob();
    blob.push(0);
    let error = Blob::decode(&blob).unwrap_err();
    assert_eq!((error.fault, error.offset), (DecodeFault::TrailingBytes, blob.len() - 1));
}

#[test]
#[cfg_attr(miri, ignore = "thousands of digests take it too long")]
fn every_flipped_bit_is_refused() {
    let blob = golden::blob();
    for byte in 0..blob.len() {
        for bit in 0..8 {
            let mut damaged = blob.clone();
            damaged[byte] ^= 1 << bit;
            let fault = Blob::decode(&damaged).unwrap_err().fault;
            let is_expected = match byte {
                0..8 => fault == DecodeFault::NotABlob,
                8..10 => matches!(fault, DecodeFault::UnsupportedVersion(_)),
                10..12 => matches!(fault, DecodeFault::UnsupportedFlags(_)),
                12..16 => matches!(
                    fault,
                    DecodeFault::Truncated | DecodeFault::TrailingBytes | DecodeFault::PayloadTooLong(_)
                ),
                _ => fault == DecodeFault::WrongDigest,
            };
            assert!(is_expected, "bit {bit} of byte {byte}: {fault}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(20_000) })]

    /// Whoever can make a digest can also make the decoder see any payload. It must refuse or give a plan, and never
    /// panic; and what it accepts, its iterators must read.
    #[test]
    #[cfg_attr(miri, ignore = "thousands of digests take it too long")]
    fn any_payload_with_a_right_digest_is_read_or_refused(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in any::<prop::sample::Index>(),
        is_cut in any::<bool>(),
    ) {
        let mut payload = golden::blob()[HEADER_LEN..].to_vec();
        for (place, byte) in changes {
            let place = place.index(payload.len());
            payload[place] = byte;
        }
        if is_cut {
            payload.truncate(cut.index(payload.len()));
        }
        let blob = super::structure::seal(&payload);
        if let Ok(blob) = Blob::decode(&blob) {
            prop_assert!(blob.entries().all(|entry| entry.is_ok()));
            prop_assert!(blob.slot_rules().all(|rule| rule.is_ok()));
            prop_assert!(!blob.slots().is_empty());
            let files = blob.factory_files().take_while(Result::is_ok).map(|file| file.unwrap().path);
            let files: Vec<_> = files.collect();
            prop_assert!(files.is_sorted_by(|one, other| state_schema::compare_paths(one, other).is_lt()));
            prop_assert_eq!(blob.check_factory_files().is_ok(), files.len() == blob.factory_files().count());
        }
    }
}
