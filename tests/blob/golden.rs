//! `v1.blob` holds every record and every variant of format version 1. Once released, a golden file is only ever read
//! again: a change that needs another file is a new version of the format.

use std::fs;
use std::path::PathBuf;

use state_schema::{
    Blob, Description, Digest, Entry, FactoryFile, How, Image, Kind, Lifetime, Mode, MountOptions, OnFailure,
    OnSysDataFailure, OnUpdate, Origin, Persistence, PlannedEntry, Scope, Seed, SlotName, SlotRule,
    StatePath, SysData, encode,
};
use state_tests::program::workspace;

const IMAGE: Image<'_> = Image { id: "gateway/1.2/20260102", on_sys_data_failure: OnSysDataFailure::Degrade };

const SLOT_RULES: [SlotRule<'_>; 2] = [
    SlotRule { parameter: "sysota.slot", prefix: "", suffix: "" },
    SlotRule { parameter: "root", prefix: "PARTLABEL=x-sys-", suffix: "" },
];

fn path(text: &'static str) -> StatePath<'static> {
    StatePath::new(text).unwrap()
}

fn sys_data() -> SysData<'static> {
    SysData {
        device: "PARTLABEL=x-sys-data",
        fstype: "ext4",
        options: "noatime",
        mount_point: path("/run/mount/sysdata"),
    }
}

fn slots() -> [SlotName<'static>; 2] {
    ["A", "B"].map(|name| SlotName::new(name).unwrap())
}

fn persistent(scope: Scope, on_update: OnUpdate) -> Lifetime {
    Lifetime::Persistent(Persistence { scope, on_update })
}

/// Every variant of every enum at least once.
fn entries() -> Vec<PlannedEntry<'static>> {
    let directory = Entry {
        path: path("/etc/ssh/keys"),
        kind: Kind::Directory,
        lifetime: persistent(Scope::Slot, OnUpdate::Carry),
        how: How::Bind,
        seed: Seed::Image,
        on_failure: OnFailure::Degrade,
        uid: 0,
        gid: 0,
        mode: Mode::new(0o700).unwrap(),
        options: MountOptions::all(),
    };
    let planned =
        |entry, line| PlannedEntry { entry, origin: Some(Origin { fragment: "app.yaml", line, reason: "" }) };
    vec![
        planned(
            Entry {
                path: path("/etc/app"),
                lifetime: persistent(Scope::Slot, OnUpdate::Merge),
                mode: Mode::DIRECTORY,
                options: MountOptions::DEFAULT,
                ..directory
            },
            9,
        ),
        planned(
            Entry {
                path: path("/etc/hostname"),
                kind: Kind::File,
                how: How::Symlink { to: path("/etcrw/hostname") },
                on_failure: OnFailure::Skip,
                mode: Mode::FILE,
                options: MountOptions::DEFAULT,
                ..directory
            },
            3,
        ),
        PlannedEntry {
            entry: directory,
            origin: Some(Origin {
                fragment: "openssh.yaml",
                line: 300,
                reason: "host keys are made on first boot",
            }),
        },
        planned(
            Entry { path: path("/etcrw"), seed: Seed::Empty, options: MountOptions::empty(), ..directory },
            4,
        ),
        planned(
            Entry {
                path: path("/opt"),
                lifetime: persistent(Scope::Slot, OnUpdate::Merge),
                how: How::Overlay,
                on_failure: OnFailure::Fail,
                ..directory
            },
            5,
        ),
        planned(
            Entry { path: path("/srv"), lifetime: persistent(Scope::Slot, OnUpdate::Reset), ..directory },
            6,
        ),
        planned(
            Entry { path: path("/tmp"), lifetime: Lifetime::Ephemeral { size: Some(16 << 20) }, ..directory },
            7,
        ),
        planned(
            Entry {
                path: path("/var/lib/rauc"),
                lifetime: persistent(Scope::Common, OnUpdate::Carry),
                uid: 1000,
                gid: 4_294_967_294,
                ..directory
            },
            8,
        ),
        PlannedEntry {
            entry: Entry {
                path: path("/var/lib/ü"),
                kind: Kind::File,
                lifetime: Lifetime::Ephemeral { size: None },
                seed: Seed::Text("on\n"),
                ..directory
            },
            origin: None,
        },
    ]
}

/// A directory, a file whose name is no text, and a symlink, each with the digest of what it is.
fn factory_files() -> [(&'static [u8], Digest); 3] {
    let mut file = Description::new(0o100_640, 0, 1000, 0);
    file.add(b"mode = standard\n");
    let mut link = Description::new(0o120_777, 0, 0, 0);
    link.add(b"../motd");
    [
        (b"/etc/app", Description::new(0o040_755, 0, 0, 0).digest()),
        (b"/etc/app/motd", link.digest()),
        (b"/etc/app/\xff", file.digest()),
    ]
}

pub(crate) fn blob() -> Vec<u8> {
    let files = factory_files();
    let files = files.iter().map(|(path, digest)| FactoryFile { path, digest });
    encode(IMAGE, sys_data(), &slots(), &SLOT_RULES, entries(), files).unwrap()
}

fn golden(name: &str) -> PathBuf {
    workspace().join("tests/blob").join(name)
}

#[test]
fn the_encoder_writes_the_golden_file() {
    let file = golden("v1.blob");
    if std::env::var_os("SNAPSHOTS").is_some_and(|action| action == "overwrite") {
        fs::write(&file, blob()).unwrap();
    }
    assert!(fs::read(file).unwrap() == blob(), "the format has changed: that needs a new version");
}

#[test]
fn the_decoder_reads_all_of_the_golden_file() {
    let bytes = fs::read(golden("v1.blob")).unwrap();
    let blob = Blob::decode(&bytes).unwrap();
    assert_eq!(blob.image(), IMAGE);
    assert_eq!(blob.sys_data(), sys_data());
    assert_eq!(blob.slots(), slots());
    assert_eq!(blob.slot_rules().map(Result::unwrap).collect::<Vec<_>>(), SLOT_RULES);
    assert_eq!(blob.entries().map(Result::unwrap).collect::<Vec<_>>(), entries());
    let files = blob.factory_files().map(Result::unwrap);
    assert_eq!(files.map(|file| (file.path, *file.digest)).collect::<Vec<_>>(), factory_files());
}

/// The page's example is the golden file, byte by byte.
#[test]
fn the_documentation_shows_the_golden_file() {
    let page = fs::read_to_string(workspace().join("docs/blob-format.md")).unwrap();
    let (_, after) = page.split_once("<!-- v1.blob -->\n\n```text\n").unwrap();
    let (listing, _) = after.split_once("```").unwrap();
    let mut shown = Vec::new();
    for line in listing.lines() {
        let (offset, rest) = line.split_once("  ").unwrap();
        assert_eq!(usize::from_str_radix(offset, 16).unwrap(), shown.len(), "{line}");
        let bytes = rest.split("  ").next().unwrap();
        shown.extend(bytes.split(' ').map(|byte| u8::from_str_radix(byte, 16).unwrap()));
    }
    assert!(
        shown == fs::read(golden("v1.blob")).unwrap(),
        "docs/blob-format.md does not show tests/blob/v1.blob"
    );
}
