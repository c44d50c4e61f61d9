//! More than one run in a boot.

use std::fs;

use nix::mount::{MsFlags, mount};
use state_schema::{Entry, How, Lifetime, StatePath};
use state_tests::scene::{Scene, common, directory, file, persistent};

use crate::Case;

pub(crate) const CASES: &[Case] = &[
    ("repeated::second_run_mounts_nothing", second_run_mounts_nothing),
    ("repeated::second_run_after_a_repair", second_run_after_a_repair),
    ("repeated::second_run_repairs_what_is_missing", second_run_repairs_what_is_missing),
    ("repeated::second_run_hides_no_state", second_run_hides_no_state),
];

fn scene_with_everything() -> (Scene, Vec<Entry<'static>>) {
    let scene = Scene::new();
    for path in ["/var/lib/app", "/var/log", "/var/lib/rauc", "/etcrw", "/opt", "/tmp"] {
        scene.add_directory(path);
    }
    scene.add_file("/etc/machine-id", "");
    scene.add_file("/usr/share/factory/etc/hostname", "factory\n");
    std::os::unix::fs::symlink("/etcrw/hostname", scene.image("/etc/hostname")).unwrap();
    let entries = vec![
        persistent(directory("/var/lib")),
        persistent(directory("/var/lib/app")),
        common(directory("/var/lib/rauc")),
        directory("/var/log"),
        persistent(file("/etc/machine-id")),
        persistent(directory("/etcrw")),
        persistent(Entry {
            how: How::Symlink { to: StatePath::new("/etcrw/hostname").unwrap() },
            ..file("/etc/hostname")
        }),
        Entry { how: How::Overlay, ..persistent(directory("/opt")) },
        Entry { lifetime: Lifetime::Ephemeral { size: Some(1 << 20) }, ..directory("/tmp") },
    ];
    scene.plan(&entries);
    (scene, entries)
}

fn second_run_mounts_nothing() {
    let (scene, entries) = scene_with_everything();
    let first = scene.apply().expect(0);
    fs::write(scene.root("/tmp/file"), "x").unwrap();
    fs::write(scene.root("/opt/file"), "x").unwrap();
    let mounts = scene.mounts();
    for _ in 0..2 {
        let applied = scene.apply().expect(0);
        assert_eq!(scene.mounts(), mounts);
        for key in ["event", "boot", "previous"] {
            assert_eq!(applied.report[key], first.report[key], "{key}");
        }
        for entry in &entries {
            let expected =
                if matches!(entry.how, How::Symlink { .. }) { "linked" } else { "already-mounted" };
            applied.expect_outcome(entry.path.as_str(), expected);
            assert_eq!(applied.entry(entry.path.as_str())["seeded"], false);
        }
    }
    assert!(scene.root("/tmp/file").exists() && scene.root("/opt/file").exists());
}

fn second_run_after_a_repair() {
    let (scene, entries) = scene_with_everything();
    let _ = scene.apply().expect(0);
    scene.reboot();
    // Of each store, a directory on the way, a directory, a file and an upper directory.
    for path in ["slots/A/tree/opt", "slots/A/tree/var/lib/app", "slots/A/tree/etcrw", "common/tree/var"] {
        fs::remove_dir_all(scene.data(path)).unwrap();
        std::os::unix::fs::symlink("/", scene.data(path)).unwrap();
    }
    fs::remove_file(scene.data("slots/A/tree/etc/machine-id")).unwrap();
    fs::create_dir(scene.data("slots/A/tree/etc/machine-id")).unwrap();
    let applied = scene.apply().expect(0);
    for path in ["/opt", "/var/lib/app", "/etcrw", "/var/lib/rauc", "/etc/machine-id"] {
        assert_eq!(applied.entry(path)["seeded"], true, "{path}");
        assert_eq!(applied.entry(path)["repaired"].as_array().unwrap().len(), 1, "{path}");
    }
    let (mounts, data) = (scene.mounts(), scene.snapshot());
    let applied = scene.apply().expect(0);
    assert_eq!(applied.stderr, "");
    for entry in &entries {
        assert_eq!(applied.entry(entry.path.as_str())["repaired"], serde_json::Value::Null);
    }
    assert_eq!(scene.mounts(), mounts);
    assert_eq!(scene.snapshot(), data);
}

fn second_run_repairs_what_is_missing() {
    let (scene, _) = scene_with_everything();
    let _ = scene.apply().expect(0);
    fs::write(scene.root("/var/lib/app/file"), "kept").unwrap();
    let mounts = scene.mounts();
    for path in ["/var/lib/app", "/var/log", "/opt", "/tmp"] {
        nix::mount::umount(&scene.root(path)).unwrap();
    }
    let applied = scene.apply().expect(0);
    applied.expect_outcome("/var/lib", "already-mounted");
    for path in ["/var/lib/app", "/var/log", "/opt", "/tmp"] {
        applied.expect_outcome(path, "mounted");
    }
    let places = |mounts: &[state_tests::scene::Mount]| {
        let mut places: Vec<_> = mounts.iter().map(|mount| mount.place.clone()).collect();
        places.sort();
        places
    };
    assert_eq!(places(&scene.mounts()), places(&mounts));
    assert_eq!(fs::read_to_string(scene.root("/var/lib/app/file")).unwrap(), "kept");
}

/// sys-data may become unusable in between: as ext4 does it by itself, read-only.
fn second_run_hides_no_state() {
    let (scene, entries) = scene_with_everything();
    let _ = scene.apply().expect(0);
    fs::write(scene.root("/var/lib/app/file"), "x").unwrap();
    let mounts = scene.mounts().len();
    let none = None::<&str>;
    mount(none, &scene.data(""), none, MsFlags::MS_REMOUNT | MsFlags::MS_RDONLY, none).unwrap();
    for _ in 0..2 {
        let applied = scene.apply().expect(3);
        assert_eq!(scene.mounts().len(), mounts, "{:#?}", scene.mounts());
        for entry in entries.iter().filter(|entry| matches!(entry.lifetime, Lifetime::Persistent(_))) {
            let expected = if matches!(entry.how, How::Symlink { .. }) { "linked" } else { "degraded" };
            applied.expect_outcome(entry.path.as_str(), expected);
        }
    }
    assert_eq!(fs::read_to_string(scene.root("/var/lib/app/file")).unwrap(), "x");
}
