//! Symlinks of the image that lead to state.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, symlink};

use state_schema::{Entry, How, OnFailure, Seed, StatePath};
use state_tests::scene::{Scene, directory, file, persistent};

use crate::Case;

pub(crate) const CASES: &[Case] = &[
    ("linked::file_is_seeded_from_the_factory_copy", file_is_seeded_from_the_factory_copy),
    ("linked::whatever_replaces_the_file_stays", whatever_replaces_the_file_stays),
    ("linked::relative_link_serves", relative_link_serves),
    ("linked::factory_copy_can_be_a_link", factory_copy_can_be_a_link),
    ("linked::what_a_cut_left_is_replaced", what_a_cut_left_is_replaced),
    ("linked::other_link_is_an_error", other_link_is_an_error),
];

fn hostname() -> Entry<'static> {
    let to = StatePath::new("/etcrw/hostname").unwrap();
    persistent(Entry { how: How::Symlink { to }, ..file("/etc/hostname") })
}

fn scene_with_link(link: &str) -> Scene {
    let scene = Scene::new();
    scene.add_directory("/etc");
    scene.add_directory("/etcrw");
    scene.add_file("/usr/share/factory/etc/hostname", "factory\n");
    symlink(link, scene.image("/etc/hostname")).unwrap();
    scene.plan(&[persistent(directory("/etcrw")), hostname()]);
    scene
}

fn file_is_seeded_from_the_factory_copy() {
    let scene = scene_with_link("/etcrw/hostname");
    let applied = scene.apply().expect(0);
    applied.expect_outcome("/etc/hostname", "linked");
    assert_eq!(applied.entry("/etc/hostname")["seeded"], true);
    assert_eq!(fs::read_to_string(scene.root("/etcrw/hostname")).unwrap(), "factory\n");
    assert_eq!(fs::metadata(scene.root("/etcrw/hostname")).unwrap().mode() & 0o7777, 0o644);
    assert_eq!(fs::read_dir(scene.root("/etcrw")).unwrap().count(), 1, "nothing else is left there");
    // As programs do it: a new file, renamed over the old one.
    fs::write(scene.root("/etcrw/new"), "mine\n").unwrap();
    fs::rename(scene.root("/etcrw/new"), scene.root("/etcrw/hostname")).unwrap();
    scene.reboot();
    let applied = scene.apply().expect(0);
    assert_eq!(applied.entry("/etc/hostname")["seeded"], false);
    assert_eq!(fs::read_to_string(scene.root("/etcrw/hostname")).unwrap(), "mine\n");
}

fn whatever_replaces_the_file_stays() {
    let scene = scene_with_link("/etcrw/hostname");
    let _ = scene.apply().expect(0);
    fs::remove_file(scene.root("/etcrw/hostname")).unwrap();
    symlink("../usr/share/zoneinfo/UTC", scene.root("/etcrw/hostname")).unwrap();
    scene.reboot();
    let _ = scene.apply().expect(0);
    let target = fs::read_link(scene.root("/etcrw/hostname")).unwrap();
    assert_eq!(target.to_str(), Some("../usr/share/zoneinfo/UTC"));
}

fn relative_link_serves() {
    let scene = scene_with_link("../etcrw/hostname");
    scene.apply().expect(0).expect_outcome("/etc/hostname", "linked");
}

fn factory_copy_can_be_a_link() {
    let scene = scene_with_link("/etcrw/hostname");
    fs::remove_file(scene.image("/usr/share/factory/etc/hostname")).unwrap();
    symlink("../usr/share/zoneinfo/UTC", scene.image("/usr/share/factory/etc/hostname")).unwrap();
    for seeded in [true, false] {
        let applied = scene.apply().expect(0);
        applied.expect_outcome("/etc/hostname", "linked");
        assert_eq!(applied.entry("/etc/hostname")["seeded"], seeded);
        let target = fs::read_link(scene.root("/etcrw/hostname")).unwrap();
        assert_eq!(target.to_str(), Some("../usr/share/zoneinfo/UTC"));
        assert_eq!(fs::read_dir(scene.root("/etcrw")).unwrap().count(), 1, "nothing else is left there");
        scene.reboot();
    }
}

fn what_a_cut_left_is_replaced() {
    let scene = scene_with_link("/etcrw/hostname");
    let _ = scene.apply().expect(0);
    scene.reboot();
    let etcrw = scene.data("slots/A/tree/etcrw");
    fs::remove_file(etcrw.join("hostname")).unwrap();
    fs::write(scene.data("outside"), "outside").unwrap();
    // Half a file, or a link out that a service put there.
    for link in [false, true] {
        let unfinished = etcrw.join(".sysota-unfinished");
        if link { symlink(scene.data("outside"), &unfinished) } else { fs::write(&unfinished, "fac") }
            .unwrap();
        let applied = scene.apply().expect(0);
        assert_eq!(applied.entry("/etc/hostname")["seeded"], true);
        assert_eq!(fs::read_to_string(scene.root("/etcrw/hostname")).unwrap(), "factory\n");
        assert_eq!(fs::read_dir(&etcrw).unwrap().count(), 1);
        assert_eq!(fs::read_to_string(scene.data("outside")).unwrap(), "outside");
        fs::remove_file(scene.root("/etcrw/hostname")).unwrap();
        scene.reboot();
    }
}

fn other_link_is_an_error() {
    let scene = scene_with_link("/run/hostname");
    let reason = "cannot provide what the symlink leads to: /etc/hostname: it is not a symlink to the place where the \
                  state lies";
    let applied = scene.apply().expect(3);
    applied.expect_outcome("/etc/hostname", "skipped");
    assert_eq!(applied.entry("/etc/hostname")["reason"], reason);
    scene.plan(&[
        persistent(directory("/etcrw")),
        Entry { on_failure: OnFailure::Fail, seed: Seed::Text("x"), ..hostname() },
    ]);
    let applied = scene.apply().expect(4);
    assert_eq!(applied.stderr, format!("stated: /etc/hostname: {reason}\n"));
    assert!(!scene.root("/etcrw/hostname").exists());
}
