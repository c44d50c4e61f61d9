//! Every truncation and every flipped bit of a real blob.

use std::fs;

use state_schema::{BLOB_PATH, Blob, Entry, How, Lifetime, Seed, StatePath};
use state_tests::scene::{Scene, common, directory, file, persistent};

use crate::Case;

pub(crate) const CASES: &[Case] = &[
    ("damaged_blob::every_bit_and_length_is_told", every_bit_and_length_is_told),
    ("damaged_blob::every_byte_and_length_is_refused", every_byte_and_length_is_refused),
];

fn scene_with_blob() -> (Scene, Vec<u8>) {
    let scene = Scene::new();
    for path in ["/var/lib", "/var/log", "/tmp", "/etcrw"] {
        scene.add_directory(path);
    }
    scene.add_file("/etc/machine-id", "");
    scene.plan(&[
        persistent(directory("/var/lib")),
        common(directory("/var/lib/rauc")),
        directory("/var/log"),
        persistent(Entry { seed: Seed::Text("uninitialized\n"), ..file("/etc/machine-id") }),
        persistent(directory("/etcrw")),
        persistent(Entry {
            how: How::Symlink { to: StatePath::new("/etcrw/hostname").unwrap() },
            ..file("/etc/hostname")
        }),
        Entry { lifetime: Lifetime::Ephemeral { size: Some(1 << 20) }, ..directory("/tmp") },
    ]);
    let blob = fs::read(scene.image(BLOB_PATH)).unwrap();
    (scene, blob)
}

fn every_bit_and_length_is_told() {
    let (_, blob) = scene_with_blob();
    assert!(Blob::decode(&blob).is_ok());
    for len in 0..blob.len() {
        assert!(Blob::decode(&blob[..len]).is_err(), "{len} bytes");
    }
    for at in 0..blob.len() {
        for bit in 0..8 {
            let mut damaged = blob.clone();
            damaged[at] ^= 1 << bit;
            assert!(Blob::decode(&damaged).is_err(), "bit {bit} of byte {at}");
        }
    }
}

fn every_byte_and_length_is_refused() {
    let (scene, blob) = scene_with_blob();
    let (mounts, data) = (scene.mounts(), scene.snapshot());
    let place = scene.image(BLOB_PATH);
    let refused = |damaged: &[u8], how: &str| {
        fs::write(&place, damaged).unwrap();
        let applied = scene.apply();
        assert_eq!(applied.status, 4, "{how}");
        let why = applied.stderr.strip_prefix("stated: cannot use the blob /usr/lib/sysota/state.blob: ");
        assert!(
            why.is_some_and(|why| why.ends_with(")\n") && why.contains(" (at byte ")),
            "{how}: {}",
            applied.stderr
        );
        assert_eq!(fs::read_dir(scene.run("")).unwrap().count(), 0, "{how}: nothing is made");
    };
    for len in 0..blob.len() {
        refused(&blob[..len], &format!("{len} bytes"));
    }
    for at in 0..blob.len() {
        let mut damaged = blob.clone();
        damaged[at] ^= 1 << (at % 8);
        refused(&damaged, &format!("bit {} of byte {at}", at % 8));
    }
    refused(&[&blob[..], b"\0"].concat(), "one byte more");
    assert_eq!(scene.mounts(), mounts, "nothing is mounted");
    assert_eq!(scene.snapshot(), data, "sys-data is untouched");
    // The same with the blob as it was, so that it was the damage which was refused.
    fs::write(&place, &blob).unwrap();
    scene.add_directory("/var/lib/rauc");
    scene.add_file("/usr/share/factory/etc/hostname", "");
    std::os::unix::fs::symlink("/etcrw/hostname", scene.image("/etc/hostname")).unwrap();
    let _ = scene.apply().expect(0);
}
