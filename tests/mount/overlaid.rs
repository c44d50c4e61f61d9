//! Overlays.

use std::fs;

use state_schema::{Entry, How, MountOptions};
use state_tests::scene::{Scene, directory, persistent};

use crate::Case;

pub(crate) const CASES: &[Case] = &[
    ("overlaid::image_shows_through_and_changes_stay", image_shows_through_and_changes_stay),
    ("overlaid::ephemeral_changes_go", ephemeral_changes_go),
    ("overlaid::overlays_nest", overlays_nest),
];

fn overlay(path: &'static str) -> Entry<'static> {
    Entry { how: How::Overlay, ..directory(path) }
}

fn image_shows_through_and_changes_stay() {
    let scene = Scene::new();
    scene.add_file("/etc/app/a", "factory a");
    scene.add_file("/etc/app/b", "factory b");
    scene.plan(&[persistent(Entry {
        options: MountOptions::DEFAULT | MountOptions::NOEXEC,
        ..overlay("/etc/app")
    })]);
    let _ = scene.apply().expect(0);
    let mount = scene.mount_at("/etc/app");
    assert!(mount.file_system.starts_with("overlay sysota "), "{mount:?}");
    assert!(mount.has("nosuid") && mount.has("nodev") && mount.has("noexec"), "{mount:?}");
    fs::write(scene.root("/etc/app/a"), "changed").unwrap();
    fs::write(scene.root("/etc/app/new"), "new").unwrap();
    fs::remove_file(scene.root("/etc/app/b")).unwrap();
    assert!(!scene.data("slots/A/tree/etc/app/b").is_file(), "only changes are state");
    scene.reboot();
    scene.add_file("/etc/app/late", "of a newer build");
    let _ = scene.apply().expect(0);
    assert_eq!(fs::read_to_string(scene.root("/etc/app/a")).unwrap(), "changed");
    assert_eq!(fs::read_to_string(scene.root("/etc/app/new")).unwrap(), "new");
    assert_eq!(fs::read_to_string(scene.root("/etc/app/late")).unwrap(), "of a newer build");
    assert!(!scene.root("/etc/app/b").exists());
    assert_eq!(fs::read_to_string(scene.image("/etc/app/b")).unwrap(), "factory b");
}

fn ephemeral_changes_go() {
    let scene = Scene::new();
    scene.add_file("/etc/app/a", "factory");
    scene.plan(&[overlay("/etc/app")]);
    for _ in 0..2 {
        let _ = scene.apply().expect(0);
        assert_eq!(fs::read_to_string(scene.root("/etc/app/a")).unwrap(), "factory");
        fs::write(scene.root("/etc/app/a"), "changed").unwrap();
        scene.reboot();
    }
}

fn overlays_nest() {
    let scene = Scene::new();
    scene.add_file("/etc/a", "factory");
    scene.add_file("/etc/work/b", "factory");
    // The kernel names a directory `work` inside an overlay's work directory.
    scene.plan(&[persistent(overlay("/etc")), persistent(overlay("/etc/work"))]);
    for round in ["one", "two"] {
        let _ = scene.apply().expect(0);
        for path in ["/etc/a", "/etc/work/b"] {
            let expected = if round == "one" { "factory" } else { "one" };
            assert_eq!(fs::read_to_string(scene.root(path)).unwrap(), expected, "{path}");
            fs::write(scene.root(path), round).unwrap();
        }
        scene.reboot();
    }
}
