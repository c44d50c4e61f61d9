//! What a compromised service may have left on sys-data.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use state_tests::scene::{Scene, directory, file, persistent};

use crate::Case;

pub(crate) const CASES: &[Case] = &[
    ("hostile::backing_is_not_what_it_has_to_be", backing_is_not_what_it_has_to_be),
    ("hostile::way_to_the_backing_is_a_link", way_to_the_backing_is_a_link),
    ("hostile::directories_of_the_layout_are_links", directories_of_the_layout_are_links),
    ("hostile::mount_on_sys_data_is_not_entered", mount_on_sys_data_is_not_entered),
    ("hostile::target_is_a_link_in_state", target_is_a_link_in_state),
    ("hostile::way_to_the_target_is_a_link_in_state", way_to_the_target_is_a_link_in_state),
];

const ENTRIES: [(&str, &str); 2] = [("/etc/app", "etc/app"), ("/etc/conf", "etc/conf")];

/// A scene whose state exists, rebooted, and a directory outside that must stay as it is.
fn scene_with_state() -> Scene {
    let scene = Scene::new();
    scene.add_file("/etc/app/a", "factory");
    scene.add_file("/etc/conf", "factory");
    scene.add_directory("/srv");
    scene.plan(&[
        persistent(directory("/etc/app")),
        persistent(file("/etc/conf")),
        persistent(directory("/srv")),
    ]);
    let _ = scene.apply().expect(0);
    scene.reboot();
    fs::create_dir(scene.data("outside")).unwrap();
    fs::write(scene.data("outside/file"), "outside").unwrap();
    scene
}

fn remove(path: &Path) {
    if path.is_dir() && !path.is_symlink() { fs::remove_dir_all(path) } else { fs::remove_file(path) }
        .unwrap();
}

/// Boots, and expects that only this entry is degraded, for this reason, and works in memory.
fn degrades(scene: &Scene, path: &str, reason: &str) {
    let data = scene.snapshot();
    let applied = scene.apply().expect(3);
    assert_eq!(applied.report["event"], "same");
    applied.expect_outcome(path, "degraded");
    assert_eq!(applied.entry(path)["reason"], reason);
    assert_eq!(applied.stderr, format!("stated: {path}: degraded: {reason}\n"));
    applied.expect_outcome("/srv", "mounted");
    let inside = if path == "/etc/app" { "/etc/app/a" } else { "/etc/conf" };
    assert_eq!(fs::read_to_string(scene.root(inside)).unwrap(), "factory");
    fs::write(scene.root(inside), "written").unwrap();
    assert_eq!(scene.snapshot(), data, "nothing on sys-data is touched");
    scene.reboot();
}

fn backing_is_not_what_it_has_to_be() {
    let scene = scene_with_state();
    for (path, at) in ENTRIES {
        let (kind, other) =
            if path == "/etc/app" { ("directory", "file") } else { ("regular file", "directory") };
        let backing = scene.data(&format!("slots/A/tree/{at}"));
        let not = format!("cannot use the state of {path}: it is not a {kind}");

        remove(&backing);
        symlink(scene.data(if other == "file" { "outside" } else { "outside/file" }), &backing).unwrap();
        degrades(&scene, path, &not);

        remove(&backing);
        mkfifo(&backing, Mode::S_IRWXU).unwrap();
        degrades(&scene, path, &not);

        remove(&backing);
        if other == "file" { fs::write(&backing, "") } else { fs::create_dir(&backing) }.unwrap();
        degrades(&scene, path, &not);

        remove(&backing);
        if other == "file" {
            fs::create_dir(&backing).unwrap();
            fs::write(backing.join("a"), "factory").unwrap();
        } else {
            fs::hard_link(scene.data("outside/file"), &backing).unwrap();
            degrades(
                &scene,
                path,
                &format!("cannot use the state of {path}: it has other names (hard links)"),
            );
        }
    }
}

fn way_to_the_backing_is_a_link() {
    let scene = scene_with_state();
    let etc = scene.data("slots/A/tree/etc");
    fs::rename(&etc, scene.data("moved")).unwrap();
    symlink(scene.data("moved"), &etc).unwrap();
    let data = scene.snapshot();
    let applied = scene.apply().expect(3);
    for (path, _) in ENTRIES {
        applied.expect_outcome(path, "degraded");
        let reason = format!("cannot look at the state of {path}: openat2: ELOOP (40)");
        assert_eq!(applied.entry(path)["reason"], reason);
    }
    applied.expect_outcome("/srv", "mounted");
    assert_eq!(scene.snapshot(), data);
}

fn directories_of_the_layout_are_links() {
    for (name, what) in [
        ("slots", "make the directory slots"),
        ("slots/A", "open the state of slot A"),
        ("slots/A/tree", "make the directory tree"),
        ("common", "make the directory common"),
        ("tmp", "make the directory tmp"),
    ] {
        let outside = Path::new("outside-of-all");
        let _ = fs::remove_dir_all(outside);
        let scene = Scene::in_directory(name.replace('/', "-").as_str());
        scene.add_directory("/srv");
        scene.plan(&[persistent(directory("/srv"))]);
        let _ = scene.apply().expect(0);
        scene.reboot();
        fs::rename(scene.data(name), scene.data("moved")).unwrap();
        symlink(scene.data("moved"), scene.data(name)).unwrap();
        fs::create_dir_all(scene.data("moved/left/alone")).unwrap();
        let data = scene.snapshot();
        let applied = scene.apply().expect(3);
        assert_eq!(applied.report["event"], "degraded", "{name}");
        let reason = applied.entry("/srv")["reason"].as_str().unwrap();
        assert!(reason.starts_with(&format!("cannot {what}: openat2: ")), "{name}: {reason}");
        assert!(reason.ends_with("ELOOP (40)") || reason.ends_with("ENOTDIR (20)"), "{name}: {reason}");
        assert_eq!(scene.snapshot(), data, "{name}: nothing is touched");
    }
}

fn mount_on_sys_data_is_not_entered() {
    let scene = scene_with_state();
    let backing = scene.data("slots/A/tree/etc/app");
    fs::create_dir_all(&backing).unwrap();
    state_tests::scene::mount_tmpfs(&backing);
    let applied = scene.apply().expect(3);
    applied.expect_outcome("/etc/app", "degraded");
    assert_eq!(
        applied.entry("/etc/app")["reason"],
        "cannot look at the state of /etc/app: openat2: EXDEV (18)"
    );
}

fn target_is_a_link_in_state() {
    let scene = Scene::new();
    scene.add_directory("/var/lib/app");
    scene.add_directory("/etc");
    scene.plan(&[persistent(directory("/var")), directory("/var/lib/app")]);
    let _ = scene.apply().expect(0);
    // A service that owns /var/lib puts a link where the next boot mounts.
    let app = scene.data("slots/A/tree/var/lib/app");
    scene.reboot();
    remove(&app);
    symlink("/etc", &app).unwrap();
    let applied = scene.apply().expect(4);
    let reason = "/var/lib/app: cannot open the mount point /var/lib/app: it is not a directory";
    assert_eq!(applied.report["reason"], reason);
    assert!(scene.mounts().iter().all(|mount| !mount.place.ends_with("/root/etc")), "nothing lands on /etc");
}

fn way_to_the_target_is_a_link_in_state() {
    let scene = Scene::new();
    scene.add_directory("/var/lib/app");
    scene.add_directory("/etc/app");
    scene.plan(&[persistent(directory("/var")), directory("/var/lib/app")]);
    let _ = scene.apply().expect(0);
    let lib = scene.data("slots/A/tree/var/lib");
    for link in ["/etc", "../etc"] {
        scene.reboot();
        remove(&lib);
        symlink(link, &lib).unwrap();
        let applied = scene.apply().expect(4);
        let reason = "/var/lib/app: cannot open the mount point /var/lib/app: openat2: ELOOP (40)";
        assert!(applied.report["reason"].as_str().unwrap().starts_with(reason), "{:#}", applied.report);
        assert!(scene.mounts().iter().all(|mount| !mount.place.ends_with("/etc/app")), "nothing lands there");
    }
}
