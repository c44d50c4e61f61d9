//! What is writable until the next boot.

use std::fs;

use state_schema::{Entry, MountOptions, Seed};
use state_tests::scene::{Scene, directory, file};

use crate::Case;

pub(crate) const CASES: &[Case] = &[
    ("ephemeral::directory_is_writable_until_reboot", directory_is_writable_until_reboot),
    ("ephemeral::file_is_writable_until_reboot", file_is_writable_until_reboot),
    ("ephemeral::options_are_those_of_the_entry", options_are_those_of_the_entry),
    ("ephemeral::report_says_what_happened", report_says_what_happened),
];

fn directory_is_writable_until_reboot() {
    let scene = Scene::new();
    scene.add_file("/var/log/note", "from the image");
    scene.plan(&[directory("/var/log")]);
    for _ in 0..2 {
        assert!(fs::write(scene.root("/var/log/new"), "x").is_err(), "the image is read-only");
        let applied = scene.apply().expect(0);
        assert_eq!(applied.stderr, "");
        applied.expect_outcome("/var/log", "mounted");
        assert_eq!(fs::read_to_string(scene.root("/var/log/note")).unwrap(), "from the image");
        fs::write(scene.root("/var/log/note"), "changed").unwrap();
        fs::write(scene.root("/var/log/new"), "x").unwrap();
        scene.reboot();
    }
    assert_eq!(fs::read_to_string(scene.image("/var/log/note")).unwrap(), "from the image");
}

fn file_is_writable_until_reboot() {
    let scene = Scene::new();
    scene.add_file("/etc/resolv.conf", "nameserver 192.0.2.1\n");
    scene.add_file("/etc/motd", "");
    scene.plan(&[file("/etc/resolv.conf"), Entry { seed: Seed::Text("hello\n"), ..file("/etc/motd") }]);
    for _ in 0..2 {
        let _ = scene.apply().expect(0);
        assert_eq!(fs::read_to_string(scene.root("/etc/resolv.conf")).unwrap(), "nameserver 192.0.2.1\n");
        assert_eq!(fs::read_to_string(scene.root("/etc/motd")).unwrap(), "hello\n");
        fs::write(scene.root("/etc/resolv.conf"), "changed").unwrap();
        assert_eq!(fs::read_to_string(scene.root("/etc/resolv.conf")).unwrap(), "changed");
        scene.reboot();
    }
}

fn options_are_those_of_the_entry() {
    let scene = Scene::new();
    for path in ["/default", "/none", "/all"] {
        scene.add_directory(path);
    }
    scene.plan(&[
        directory("/default"),
        Entry { options: MountOptions::empty(), ..directory("/none") },
        Entry { options: MountOptions::all(), ..directory("/all") },
    ]);
    let _ = scene.apply().expect(0);
    let options = ["nosuid", "nodev", "noexec", "nosymfollow", "noatime"];
    let has = |path| options.map(|option| scene.mount_at(path).has(option));
    assert_eq!(has("/default"), [true, true, false, false, false]);
    assert_eq!(has("/none"), [false; 5]);
    assert_eq!(has("/all"), [true; 5]);
    assert!(scene.mount_at("/none").has("relatime"));
}

fn report_says_what_happened() {
    let scene = Scene::new();
    scene.add_directory("/var/log");
    scene.plan(&[directory("/var/log")]);
    let applied = scene.apply().expect(0);
    let expected = serde_json::json!({
        "version": 1,
        "image-id": "image-1",
        "slot": "A",
        "event": "first-boot",
        "boot": 1,
        "entries": [
            {"path": "/var/log", "outcome": "mounted", "seeded": true, "lifetime": "ephemeral"},
        ],
        "left-out": 0,
        "status": 0,
    });
    assert_eq!(applied.report, expected);
    assert!(!scene.run("report.json.tmp").exists());
}
