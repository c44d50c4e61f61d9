//! A tmpfs of the entry's own.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt as _;

use state_schema::{Entry, Lifetime, Mode, Seed};
use state_tests::scene::{Scene, directory, file};

use crate::Case;

pub(crate) const CASES: &[Case] = &[
    ("sized::full_is_full", full_is_full),
    ("sized::nested_entries_have_their_place", nested_entries_have_their_place),
    ("sized::file_cannot_have_a_size", file_cannot_have_a_size),
];

const SIZE: Lifetime = Lifetime::Ephemeral { size: Some(256 * 1024) };

fn full_is_full() {
    let scene = Scene::new();
    scene.add_file("/var/volatile/note", "factory");
    scene.plan(&[Entry { lifetime: SIZE, mode: Mode::new(0o1777).unwrap(), ..directory("/var/volatile") }]);
    let applied = scene.apply().expect(0);
    applied.expect_outcome("/var/volatile", "mounted");
    assert_eq!(fs::read_to_string(scene.root("/var/volatile/note")).unwrap(), "factory");
    assert_eq!(fs::metadata(scene.root("/var/volatile")).unwrap().mode() & 0o7777, 0o1777);
    let mount = scene.mount_at("/var/volatile");
    assert!(mount.file_system.contains("size=256k"), "{mount:?}");
    assert!(mount.has("nosuid") && mount.has("nodev"), "{mount:?}");
    fs::write(scene.root("/var/volatile/fits"), vec![0; 128 * 1024]).unwrap();
    let error = fs::write(scene.root("/var/volatile/too-much"), vec![0; 512 * 1024]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StorageFull);
}

fn nested_entries_have_their_place() {
    let scene = Scene::new();
    scene.add_file("/var/volatile/log/boot", "factory");
    scene.plan(&[
        Entry { lifetime: SIZE, ..directory("/var/volatile") },
        Entry { seed: Seed::Image, ..directory("/var/volatile/log") },
    ]);
    let _ = scene.apply().expect(0);
    assert_eq!(fs::read_to_string(scene.root("/var/volatile/log/boot")).unwrap(), "factory");
    assert!(scene.mount_at("/var/volatile/log").root.ends_with("/tree/var/volatile/log"));
}

fn file_cannot_have_a_size() {
    let scene = Scene::new();
    scene.add_file("/etc/file", "factory");
    scene.plan(&[Entry { lifetime: SIZE, ..file("/etc/file") }]);
    let applied = scene.apply().expect(3);
    applied.expect_outcome("/etc/file", "degraded");
    assert_eq!(
        applied.entry("/etc/file")["reason"],
        "cannot mount /etc/file: only a directory that is bound can have a size of its own"
    );
    fs::write(scene.root("/etc/file"), "writable all the same").unwrap();
}
