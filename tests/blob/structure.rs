//! Blobs whose digest is right and whose records are not. The bytes are put together here by hand, as
//! `docs/blob-format.md` describes them, so that the encoder cannot agree with the decoder's mistakes.

use sha2::{Digest, Sha256};
use state_schema::{
    Blob, DecodeFault, EncodeError, FactoryFile, HEADER_LEN, Image, OnSysDataFailure, SlotName, StatePath,
    SysData, encode,
};

const IMAGE: u8 = 1;
const SYS_DATA: u8 = 2;
const SLOT: u8 = 3;
const SLOT_RULE: u8 = 4;
const ENTRY: u8 = 5;
const ORIGIN: u8 = 0x81;
const FACTORY_FILE: u8 = 0x82;

/// A header for the payload, with a right length and digest.
pub(crate) fn seal(payload: &[u8]) -> Vec<u8> {
    let mut blob = b"\x93SYSOTA\n\x01\0\0\0".to_vec();
    blob.extend(u32::try_from(payload.len()).unwrap().to_le_bytes());
    let digest = Sha256::new().chain_update(&blob).chain_update(payload).finalize();
    blob.extend(digest);
    blob.extend(payload);
    blob
}

fn record(tag: u8, payload: &[u8]) -> Vec<u8> {
    let mut record = vec![tag];
    record.extend(u16::try_from(payload.len()).unwrap().to_le_bytes());
    record.extend(payload);
    record
}

fn text(text: &str) -> Vec<u8> {
    let mut bytes = vec![u8::try_from(text.len()).unwrap()];
    bytes.extend(text.bytes());
    bytes
}

fn image() -> Vec<u8> {
    record(IMAGE, &[text("id"), vec![0]].concat())
}

fn sys_data() -> Vec<u8> {
    record(SYS_DATA, &[text("LABEL=x"), text("ext4"), text(""), text("/run/x")].concat())
}

fn slot(name: &str) -> Vec<u8> {
    record(SLOT, &text(name))
}

/// Kind, lifetime, how and seed as written, and the rest as plain as can be.
fn entry(path: &str, policy: &[u8]) -> Vec<u8> {
    let rest = [1, 0, 0, 0xed, 0x03, 0x03];
    record(ENTRY, &[text(path), policy.to_vec(), rest.to_vec()].concat())
}

/// A directory: persistent, in the slot, carried, bound, seeded from the image.
fn directory(path: &str) -> Vec<u8> {
    entry(path, &[0, 1, 0, 0, 0, 0])
}

/// The same as a file.
fn file(path: &str) -> Vec<u8> {
    entry(path, &[1, 1, 0, 0, 0, 0])
}

fn preamble() -> Vec<u8> {
    [image(), sys_data(), slot("A")].concat()
}

/// The fault, and the offset in the payload of the record that has it.
fn refused(records: &[Vec<u8>]) -> (DecodeFault, usize) {
    let error = Blob::decode(&seal(&records.concat())).unwrap_err();
    (error.fault, error.offset - HEADER_LEN)
}

#[test]
fn the_smallest_blob_is_read() {
    let bytes = seal(&preamble());
    let blob = Blob::decode(&bytes).unwrap();
    assert_eq!(blob.image().id, "id");
    assert_eq!(blob.slots().len(), 1);
    assert_eq!(blob.entries().count(), 0);
}

#[test]
fn every_kind_of_record_is_in_its_place() {
    let before = preamble().len();
    assert_eq!(refused(&[]), (DecodeFault::MissingRecord(IMAGE), 0));
    assert_eq!(refused(&[image()]), (DecodeFault::MissingRecord(SYS_DATA), image().len()));
    assert_eq!(
        refused(&[image(), sys_data()]),
        (DecodeFault::MissingRecord(SLOT), image().len() + sys_data().len())
    );
    assert_eq!(refused(&[sys_data()]), (DecodeFault::MisplacedRecord(SYS_DATA), 0));
    assert_eq!(refused(&[image(), image()]), (DecodeFault::MisplacedRecord(IMAGE), image().len()));
    assert_eq!(refused(&[preamble(), image()]), (DecodeFault::MisplacedRecord(IMAGE), before));
    let rule = record(SLOT_RULE, &[text("root"), text(""), text("")].concat());
    let late = before + directory("/a").len();
    assert_eq!(
        refused(&[preamble(), directory("/a"), rule]),
        (DecodeFault::MisplacedRecord(SLOT_RULE), late)
    );
    let origin = record(ORIGIN, &[text("f.yaml"), vec![1], text("")].concat());
    assert_eq!(refused(&[preamble(), origin]), (DecodeFault::MisplacedRecord(ORIGIN), before));
}

#[test]
fn an_unknown_record_is_refused_or_skipped_by_its_tag() {
    assert_eq!(
        refused(&[preamble(), record(0x7f, b"x")]),
        (DecodeFault::UnknownRecord(0x7f), preamble().len())
    );
    let bytes =
        seal(&[preamble(), record(0xff, b"x"), directory("/a"), record(0xfe, b""), directory("/b")].concat());
    assert_eq!(Blob::decode(&bytes).unwrap().entries().count(), 2);
}

#[test]
fn a_record_is_all_of_its_frame() {
    let at = image().len() + sys_data().len();
    let longer = record(SLOT, &[text("A"), vec![0]].concat());
    assert_eq!(refused(&[image(), sys_data(), longer]), (DecodeFault::MalformedRecord(SLOT), at));
    assert_eq!(refused(&[image(), sys_data(), vec![SLOT, 9, 0, 1]]), (DecodeFault::TruncatedRecord, at));
    assert_eq!(refused(&[image(), sys_data(), vec![SLOT, 9]]), (DecodeFault::TruncatedRecord, at));
}

#[test]
fn slots_are_one_to_eight_different_names() {
    let eight: Vec<u8> =
        ["a", "b", "c", "d", "e", "f", "g", "h"].iter().flat_map(|name| slot(name)).collect();
    let bytes = seal(&[image(), sys_data(), eight.clone()].concat());
    assert_eq!(Blob::decode(&bytes).unwrap().slots().len(), 8);
    assert_eq!(refused(&[image(), sys_data(), eight, slot("i")]).0, DecodeFault::MisplacedRecord(SLOT));
    assert_eq!(refused(&[preamble(), slot("a")]).0, DecodeFault::DuplicateSlot);
    for name in ["", "..", "a/b", "-a", "a\n"] {
        assert_eq!(
            refused(&[image(), sys_data(), slot(name)]).0,
            DecodeFault::MalformedRecord(SLOT),
            "{name:?}"
        );
    }
}

#[test]
fn a_path_that_leads_elsewhere_is_malformed() {
    for path in ["", "etc", "/", "/etc/", "//etc", "/etc/../x", "/etc/./x", "/a\nb", "/a\0b"] {
        assert_eq!(
            refused(&[preamble(), directory(path)]).0,
            DecodeFault::MalformedRecord(ENTRY),
            "{path:?}"
        );
    }
}

#[test]
fn unknown_bits_and_variants_are_malformed() {
    let malformed = (DecodeFault::MalformedRecord(ENTRY), preamble().len());
    let with_tail =
        |tail: &[u8]| record(ENTRY, &[text("/a"), vec![0, 1, 0, 0, 0, 0], tail.to_vec()].concat());
    assert_eq!(refused(&[preamble(), with_tail(&[1, 0, 0, 0xed, 0x03, 0x20])]), malformed, "options");
    assert_eq!(refused(&[preamble(), with_tail(&[1, 0, 0, 0x80, 0x20, 0x03])]), malformed, "mode");
    assert_eq!(refused(&[preamble(), with_tail(&[3, 0, 0, 0xed, 0x03, 0x03])]), malformed, "on-failure");
    assert_eq!(refused(&[preamble(), entry("/a", &[2, 1, 0, 0, 0, 0])]), malformed, "kind");
}

#[test]
fn entries_are_in_mount_order_and_make_sense() {
    let refused = |entries: &[Vec<u8>]| refused(&[preamble(), entries.concat()]).0;
    assert_eq!(refused(&[directory("/b"), directory("/a")]), DecodeFault::UnorderedEntry);
    assert_eq!(refused(&[directory("/a"), directory("/a")]), DecodeFault::UnorderedEntry);
    assert_eq!(refused(&[directory("/a-b"), directory("/a/b")]), DecodeFault::UnorderedEntry);
    assert_eq!(refused(&[file("/a"), directory("/a/b")]), DecodeFault::EntryBeneathFile);

    let overlay_of_file = entry("/a", &[1, 1, 0, 0, 1, 0]);
    let text_in_directory = entry("/a", &[0, 1, 0, 0, 0, 2, 1, b'x']);
    let link = |kind, to| entry("/a", &[vec![kind, 1, 0, 0, 2], text(to), vec![0]].concat());
    assert_eq!(refused(&[overlay_of_file]), DecodeFault::ContradictoryEntry);
    assert_eq!(refused(&[text_in_directory]), DecodeFault::ContradictoryEntry);
    assert_eq!(refused(&[link(0, "/b")]), DecodeFault::ContradictoryEntry, "a link for a directory");
    assert_eq!(refused(&[link(1, "/a")]), DecodeFault::ContradictoryEntry, "a link to itself");
    assert!(Blob::decode(&seal(&[preamble(), link(1, "/b/a")].concat())).is_ok());
}

/// A factory file whose digest is all of one byte.
fn factory_file(path: &[u8]) -> Vec<u8> {
    record(FACTORY_FILE, &[&[7; 32], path].concat())
}

/// The fault among the factory files, and the offset in the payload of the record that has it.
fn refused_file(records: &[Vec<u8>]) -> (DecodeFault, usize) {
    let bytes = seal(&records.concat());
    let blob = Blob::decode(&bytes).expect("a reader that merges nothing looks into none");
    let error = blob.check_factory_files().unwrap_err();
    assert_eq!(blob.factory_files().last(), Some(Err(error)), "the error ends them");
    (error.fault, error.offset - HEADER_LEN)
}

#[test]
fn factory_files_follow_all_entries() {
    let early = preamble().len() + factory_file(b"/a").len();
    assert_eq!(
        refused(&[preamble(), factory_file(b"/a"), directory("/a")]),
        (DecodeFault::MisplacedRecord(ENTRY), early)
    );
    assert_eq!(
        refused(&[image(), factory_file(b"/a")]),
        (DecodeFault::MisplacedRecord(FACTORY_FILE), image().len())
    );
    let bytes = seal(
        &[preamble(), directory("/a"), factory_file(b"/a"), record(0xfe, b""), factory_file(b"/a/b")]
            .concat(),
    );
    let blob = Blob::decode(&bytes).unwrap();
    let files: Vec<_> = blob.factory_files().map(|file| file.unwrap()).collect();
    let digest = &[7; 32];
    assert_eq!(files, [b"/a".as_slice(), b"/a/b"].map(|path| FactoryFile { path, digest }));
    assert_eq!(blob.entries().count(), 1);
}

#[test]
fn factory_files_are_in_the_order_of_their_names() {
    let at = preamble().len() + factory_file(b"/a").len();
    for (one, other) in [("/b", "/a"), ("/a", "/a"), ("/a-b", "/a/b"), ("/a/b/c", "/a/b")] {
        let records =
            [preamble(), factory_file(b"/a"), factory_file(one.as_bytes()), factory_file(other.as_bytes())];
        let at = if one == "/a" { at } else { at + factory_file(one.as_bytes()).len() };
        assert_eq!(refused_file(&records), (DecodeFault::UnorderedFactoryFile, at), "{one} {other}");
    }
}

#[test]
fn a_factory_file_that_leads_elsewhere_is_malformed() {
    let malformed = (DecodeFault::MalformedRecord(FACTORY_FILE), preamble().len());
    for path in [&b""[..], b"/", b"a", b"/a/", b"//a", b"/a/../b", b"/a/.", b"/a\0"] {
        assert_eq!(refused_file(&[preamble(), factory_file(path)]), malformed, "{path:?}");
    }
    assert_eq!(refused_file(&[preamble(), record(FACTORY_FILE, &[7; 31])]), malformed, "half a digest");
}

#[test]
fn the_encoder_refuses_what_the_decoder_would() {
    let id = "i".repeat(1 << 16);
    let image = Image { id: &id, on_sys_data_failure: OnSysDataFailure::Fail };
    let mount_point = StatePath::new("/run/x").unwrap();
    let sys_data = SysData { device: "", fstype: "", options: "", mount_point };
    assert_eq!(encode(image, sys_data, &[], &[], [], []), Err(EncodeError::RecordTooLong(IMAGE)));
    let image = Image { id: "id", ..image };
    let error = encode(image, sys_data, &[], &[], [], []).unwrap_err();
    assert!(matches!(error, EncodeError::Refused(error) if error.fault == DecodeFault::MissingRecord(SLOT)));
    let file = FactoryFile { path: b"/a", digest: &[7; 32] };
    let error = encode(image, sys_data, &[SlotName::new("A").unwrap()], &[], [], [file, file]).unwrap_err();
    assert!(matches!(error, EncodeError::Refused(error) if error.fault == DecodeFault::UnorderedFactoryFile));
}
