//! What a repair does, in its details.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::Path;

use state_schema::{Entry, OnFailure};
use state_tests::guard::repairs;
use state_tests::scene::{Scene, common, directory, file, mount_tmpfs, persistent};

use crate::Case;

pub(crate) const CASES: &[Case] = &[
    ("repaired::state_is_seeded_afresh_and_the_old_kept", state_is_seeded_afresh_and_the_old_kept),
    ("repaired::way_to_the_state_is_a_link", way_to_the_state_is_a_link),
    ("repaired::mount_point_in_state_is_a_link", mount_point_in_state_is_a_link),
    ("repaired::both_state_and_mount_point", both_state_and_mount_point),
    ("repaired::sixteen_are_kept_of_one_place", sixteen_are_kept_of_one_place),
    ("repaired::replaced_is_a_link", replaced_is_a_link),
    ("repaired::entry_that_must_not_fail", entry_that_must_not_fail),
    ("repaired::mount_point_that_cannot_be_repaired", mount_point_that_cannot_be_repaired),
    ("repaired::mount_on_sys_data_is_not_entered", mount_on_sys_data_is_not_entered),
    ("repaired::directories_of_the_layout_are_links", directories_of_the_layout_are_links),
    ("repaired::tmp_is_no_directory", tmp_is_no_directory),
];

fn remove(path: &Path) {
    if path.is_dir() && !path.is_symlink() { fs::remove_dir_all(path) } else { fs::remove_file(path) }
        .unwrap();
}

fn state_is_seeded_afresh_and_the_old_kept() -> usize {
    let scene = Scene::new();
    scene.add_file("/etc/app/a", "factory");
    scene.add_file("/etc/conf", "factory");
    scene.plan(&[common(directory("/etc/app")), persistent(file("/etc/conf"))]);
    let _ = scene.apply().expect(0);
    scene.reboot();
    // Each becomes what the other has to be, with content.
    let [app, conf] = [scene.data("common/tree/etc/app"), scene.data("slots/A/tree/etc/conf")];
    remove(&app);
    fs::write(&app, "a file").unwrap();
    remove(&conf);
    fs::create_dir(&conf).unwrap();
    fs::write(conf.join("inside"), "a directory").unwrap();
    let applied = scene.apply().expect(0);
    for (path, kind, name) in
        [("/etc/app", "directory", "etc:app"), ("/etc/conf", "regular file", "etc:conf")]
    {
        applied.expect_outcome(path, "mounted");
        assert_eq!(applied.entry(path)["seeded"], true);
        let repair =
            format!("cannot use the state of {path}: it is not a {kind}; it is replaced/{name}.0 now");
        assert_eq!(applied.entry(path)["repaired"], serde_json::json!([repair]));
    }
    assert_eq!(fs::read_to_string(scene.root("/etc/app/a")).unwrap(), "factory");
    assert_eq!(fs::read_to_string(scene.root("/etc/conf")).unwrap(), "factory");
    assert_eq!(fs::read_to_string(scene.data("common/replaced/etc:app.0")).unwrap(), "a file");
    assert_eq!(fs::read_to_string(scene.data("slots/A/replaced/etc:conf.0/inside")).unwrap(), "a directory");
    assert_eq!(fs::metadata(scene.data("slots/A/replaced")).unwrap().mode() & 0o7777, 0o700);
    // What is kept is nobody's business from then on.
    fs::write(scene.root("/etc/conf"), "changed").unwrap();
    scene.reboot();
    let data = scene.snapshot_without_log();
    assert_eq!(scene.apply().expect(0).entry("/etc/conf")["repaired"], serde_json::Value::Null);
    assert_eq!(scene.snapshot_without_log(), data);
    2
}

fn way_to_the_state_is_a_link() -> usize {
    let scene = Scene::new();
    scene.add_file("/etc/app/a", "factory");
    scene.add_file("/etc/conf", "factory");
    scene.plan(&[persistent(directory("/etc/app")), persistent(file("/etc/conf"))]);
    let _ = scene.apply().expect(0);
    scene.reboot();
    let etc = scene.data("slots/A/tree/etc");
    fs::rename(&etc, scene.data("moved")).unwrap();
    symlink(scene.data("moved"), &etc).unwrap();
    let applied = scene.apply().expect(0);
    let repair = "cannot use the state of /etc: it is not a directory; it is replaced/etc.0 now";
    assert_eq!(applied.entry("/etc/app")["repaired"], serde_json::json!([repair]));
    assert_eq!(applied.entry("/etc/conf")["repaired"], serde_json::Value::Null);
    assert_eq!(applied.entry("/etc/conf")["seeded"], true);
    assert_eq!(fs::read_link(scene.data("slots/A/replaced/etc.0")).unwrap(), scene.data("moved"));
    1
}

fn mount_point_in_state_is_a_link() -> usize {
    let scene = Scene::new();
    scene.add_file("/var/lib/app/a", "factory");
    scene.add_file("/etc/app/a", "other");
    scene.plan(&[persistent(directory("/var")), directory("/var/lib/app")]);
    let _ = scene.apply().expect(0);
    let tree = scene.data("slots/A/tree");
    let mut boots = 0;
    for (path, link) in [("/var/lib/app", "/etc"), ("/var/lib", "/etc"), ("/var/lib", "../etc")] {
        scene.reboot();
        let at = tree.join(&path[1..]);
        remove(&at);
        symlink(link, &at).unwrap();
        let applied = scene.apply().expect(0);
        applied.expect_outcome("/var/lib/app", "mounted");
        assert_eq!(repairs(&applied).len(), 1);
        assert!(
            repairs(&applied)[0]
                .starts_with(&format!("cannot use the state of {path}: it is not a directory"))
        );
        assert_eq!(fs::read_to_string(scene.root("/var/lib/app/a")).unwrap(), "factory");
        assert!(scene.mounts().iter().all(|mount| !mount.place.contains("/etc")), "nothing lands on /etc");
        boots += 1;
    }
    boots
}

fn both_state_and_mount_point() -> usize {
    let scene = Scene::new();
    scene.add_file("/var/lib/rauc/status", "factory");
    scene.plan(&[persistent(directory("/var")), common(directory("/var/lib/rauc"))]);
    let _ = scene.apply().expect(0);
    scene.reboot();
    for store in ["slots/A", "common"] {
        let at = scene.data(store).join("tree/var/lib/rauc");
        remove(&at);
        fs::write(at, store).unwrap();
    }
    let applied = scene.apply().expect(0);
    assert_eq!(applied.entry("/var/lib/rauc")["repaired"].as_array().unwrap().len(), 2);
    for store in ["slots/A", "common"] {
        let kept = scene.data(store).join("replaced/var:lib:rauc.0");
        assert_eq!(fs::read_to_string(kept).unwrap(), store);
    }
    1
}

fn sixteen_are_kept_of_one_place() -> usize {
    let scene = Scene::new();
    scene.add_file("/etc/app/a", "factory");
    scene.add_directory("/srv");
    scene.plan(&[persistent(directory("/etc/app")), persistent(directory("/srv"))]);
    let _ = scene.apply().expect(0);
    let spoil = |path: &str, content: &str| {
        scene.reboot();
        let at = scene.data(&format!("slots/A/tree/{path}"));
        remove(&at);
        fs::write(at, content).unwrap();
    };
    for number in 0..16 {
        spoil("etc/app", &number.to_string());
        assert_eq!(repairs(&scene.apply().expect(0)).len(), 1);
    }
    spoil("etc/app", "16");
    let reason = "cannot move aside what is in place of the state of /etc/app: replaced/ holds 16 of it; look at them, \
                  and remove what is not needed";
    assert_eq!(scene.apply().expect(3).entry("/etc/app")["reason"], reason);
    // It keeps no other place from being repaired, and what is kept is still there.
    spoil("srv", "other");
    assert_eq!(repairs(&scene.apply().expect(3)).len(), 1);
    for number in 0..16 {
        let kept = scene.data(&format!("slots/A/replaced/etc:app.{number}"));
        assert_eq!(fs::read_to_string(kept).unwrap(), number.to_string());
    }
    scene.reboot();
    fs::remove_file(scene.data("slots/A/replaced/etc:app.7")).unwrap();
    assert_eq!(repairs(&scene.apply().expect(0)).len(), 1);
    19
}

fn replaced_is_a_link() -> usize {
    let scene = Scene::new();
    scene.add_file("/etc/app/a", "factory");
    scene.plan(&[persistent(directory("/etc/app"))]);
    let _ = scene.apply().expect(0);
    scene.reboot();
    fs::create_dir(scene.data("outside")).unwrap();
    symlink(scene.data("outside"), scene.data("slots/A/replaced")).unwrap();
    remove(&scene.data("slots/A/tree/etc/app"));
    fs::write(scene.data("slots/A/tree/etc/app"), "").unwrap();
    let data = scene.snapshot_without_log();
    let applied = scene.apply().expect(3);
    let reason = applied.entry("/etc/app")["reason"].as_str().unwrap();
    assert!(reason.starts_with("cannot make the directory replaced: openat2: "), "{reason}");
    assert_eq!(scene.snapshot_without_log(), data, "nothing is moved to where the link leads");
    1
}

fn entry_that_must_not_fail() -> usize {
    let scene = Scene::new();
    scene.add_file("/etc/app/a", "factory");
    let entry = Entry { on_failure: OnFailure::Fail, ..persistent(directory("/etc/app")) };
    scene.plan(&[entry]);
    let _ = scene.apply().expect(0);
    scene.reboot();
    remove(&scene.data("slots/A/tree/etc/app"));
    symlink("/", scene.data("slots/A/tree/etc/app")).unwrap();
    assert_eq!(repairs(&scene.apply().expect(0)).len(), 1, "repaired is as planned");
    1
}

/// Not even then does a service keep the system from booting.
fn mount_point_that_cannot_be_repaired() -> usize {
    let scene = Scene::new();
    scene.add_directory("/var/lib/app");
    scene.add_directory("/var/lib/keys");
    scene.plan(&[
        persistent(directory("/var")),
        directory("/var/lib/app"),
        common(directory("/var/lib/keys")),
    ]);
    let _ = scene.apply().expect(0);
    scene.reboot();
    for name in ["app", "keys"] {
        let at = scene.data("slots/A/tree/var/lib").join(name);
        remove(&at);
        fs::write(&at, "").unwrap();
        let file = fs::File::open(&at).unwrap();
        rustix::fs::ioctl_setflags(&file, rustix::fs::IFlags::IMMUTABLE).unwrap();
    }
    let applied = scene.apply().expect(3);
    applied.expect_outcome("/var", "mounted");
    for path in ["/var/lib/app", "/var/lib/keys"] {
        applied.expect_outcome(path, "skipped");
        let reason =
            format!("cannot move aside what is in place of the state of {path}: renameat2: EPERM (1)");
        assert_eq!(applied.entry(path)["reason"], reason);
    }
    1
}

fn mount_on_sys_data_is_not_entered() -> usize {
    let scene = Scene::new();
    scene.add_directory("/etc/app");
    scene.plan(&[persistent(directory("/etc/app"))]);
    let _ = scene.apply().expect(0);
    scene.reboot();
    mount_tmpfs(&scene.data("slots/A/tree/etc/app"));
    let applied = scene.apply().expect(3);
    let reason = "cannot look at the state of /etc/app: openat2: EXDEV (18)";
    assert_eq!(applied.entry("/etc/app")["reason"], reason);
    1
}

fn directories_of_the_layout_are_links() -> usize {
    let places = [
        ("slots", "make the directory slots"),
        ("slots/A", "open the state of slot A"),
        ("slots/A/tree", "make the directory tree"),
        ("common", "make the directory common"),
    ];
    for (name, what) in places {
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
    places.len()
}

/// Nothing in it is needed, so neither is a link in its place.
fn tmp_is_no_directory() -> usize {
    let scene = Scene::new();
    scene.add_directory("/srv");
    scene.plan(&[persistent(directory("/srv"))]);
    let _ = scene.apply().expect(0);
    scene.reboot();
    fs::create_dir_all(scene.data("outside/left/alone")).unwrap();
    remove(&scene.data("tmp"));
    symlink(scene.data("outside"), scene.data("tmp")).unwrap();
    let _ = scene.apply().expect(0);
    assert!(scene.data("outside/left/alone").is_dir());
    assert!(scene.data("tmp").symlink_metadata().unwrap().is_dir());
    1
}
