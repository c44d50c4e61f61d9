//! No bytes are taken for a blob that are none, and none make the decoder panic.

use sha2::{Digest, Sha256};
use state_schema::{Blob, DecodeError, HEADER_LEN, MAX_SLOTS, encode};
use statec::diff::diff;
use statec::explain;
use statec::inspect::inspect;

use crate::lint::expect_harmless;

/// Where the header has the length of the payload, and behind it the digest.
const LENGTH: usize = 12;
const DIGEST: usize = 16;

/// Decodes the bytes as they are, and with length and digest set right, which nobody finds by chance.
pub fn check(data: &[u8]) {
    read(data);
    if let Some(sealed) = seal(data) {
        read(&sealed);
    }
}

fn seal(data: &[u8]) -> Option<Vec<u8>> {
    let mut blob = data.to_vec();
    let payload = blob.get(HEADER_LEN..)?;
    let length = u32::try_from(payload.len()).ok()?.to_le_bytes();
    blob[LENGTH..DIGEST].copy_from_slice(&length);
    let digest = Sha256::new().chain_update(&blob[..DIGEST]).chain_update(&blob[HEADER_LEN..]).finalize();
    blob[DIGEST..HEADER_LEN].copy_from_slice(&digest);
    Some(blob)
}

fn read(bytes: &[u8]) {
    match Blob::decode(bytes) {
        Ok(blob) => take_all(&blob).unwrap_or_else(|error| panic!("a blob that was verified: {error}")),
        Err(DecodeError { offset, fault }) => {
            assert!(offset <= bytes.len(), "{fault} at {offset}, which is behind the end");
            assert!(!fault.to_string().is_empty());
        }
    }
}

/// All that a verified blob hands out is there, and is the same when it was encoded again; and what people are told of it,
/// no terminal obeys.
fn take_all(blob: &Blob<'_>) -> Result<(), DecodeError> {
    // Who merges nothing skips these records, so a blob is one without them, too.
    if blob.check_factory_files().is_err() {
        assert!(inspect(blob).is_err());
        return Ok(());
    }
    let all = Everything::of(blob)?;
    assert!((1..=MAX_SLOTS).contains(&blob.slots().len()));
    let (entries, files) = (all.entries.iter().copied(), all.files.iter().copied());
    let again = encode(blob.image(), blob.sys_data(), blob.slots(), &all.rules, entries, files)
        .unwrap_or_else(|error| panic!("what was decoded cannot be encoded: {error}"));
    let again = Blob::decode(&again)?;
    assert_eq!(Everything::of(&again)?, all);
    assert_eq!(
        (again.image(), again.sys_data(), again.slots()),
        (blob.image(), blob.sys_data(), blob.slots())
    );
    expect_harmless(&inspect(blob)?.table());
    expect_harmless(&diff(blob, &again).text());
    // Each explanation goes through all entries.
    for planned in all.entries.iter().take(4) {
        expect_harmless(&explain::by_blob(blob, planned.entry.path)?.text());
    }
    Ok(())
}

#[derive(Debug, PartialEq, Eq)]
struct Everything<'a> {
    rules: Vec<state_schema::SlotRule<'a>>,
    entries: Vec<state_schema::PlannedEntry<'a>>,
    files: Vec<state_schema::FactoryFile<'a>>,
}

impl<'a> Everything<'a> {
    fn of(blob: &Blob<'a>) -> Result<Self, DecodeError> {
        Ok(Self {
            rules: blob.slot_rules().collect::<Result<_, _>>()?,
            entries: blob.entries().collect::<Result<_, _>>()?,
            files: blob.factory_files().collect::<Result<_, _>>()?,
        })
    }
}
