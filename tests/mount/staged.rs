//! Where the kernel cannot make detached mounts: the stage that they are made on instead.

use std::fs;

use nix::mount::{MsFlags, mount};
use state_schema::{Entry, How};
use state_tests::namespace::is_old_kernel;
use state_tests::scene::{Scene, directory, file, mount_tmpfs, persistent};

use crate::Case;

pub(crate) const CASES: &[Case] = &[
    ("staged::old_kernels_need_a_stage", old_kernels_need_a_stage),
    ("staged::nothing_is_left_of_it", nothing_is_left_of_it),
    ("staged::what_a_killed_run_left_is_cleared", what_a_killed_run_left_is_cleared),
    ("staged::options_of_the_store_stay", options_of_the_store_stay),
    ("staged::content_of_inner_mounts_is_seeded", content_of_inner_mounts_is_seeded),
];

fn scene() -> Scene {
    let scene = Scene::new();
    scene.add_file("/etc/app/a", "factory");
    scene.add_file("/etc/conf", "factory");
    scene.add_directory("/opt");
    scene.plan(&[
        persistent(directory("/etc/app")),
        file("/etc/conf"),
        Entry { how: How::Overlay, ..directory("/opt") },
    ]);
    scene
}

fn old_kernels_need_a_stage() {
    let scene = scene();
    fs::write(scene.run("stage"), "in the way").unwrap();
    let applied = scene.apply();
    if is_old_kernel() {
        let applied = applied.expect(4);
        let reason = applied.report["reason"].as_str().unwrap();
        assert_eq!(reason, "cannot stage mounts, which needs /proc, in stage: mount: ENOTDIR (20)");
    } else {
        let _ = applied.expect(0);
    }
}

fn nothing_is_left_of_it() {
    let scene = scene();
    let _ = scene.apply().expect(0);
    assert!(!scene.run("stage").exists());
    let left = |mount: &state_tests::scene::Mount| mount.place.contains("/run/stage");
    assert!(!scene.mounts().iter().any(left), "{:#?}", scene.mounts());
}

fn what_a_killed_run_left_is_cleared() {
    let scene = scene();
    fs::create_dir(scene.run("stage")).unwrap();
    mount_tmpfs(&scene.run("stage"));
    fs::create_dir(scene.run("stage/directory")).unwrap();
    mount_tmpfs(&scene.run("stage/directory"));
    let _ = scene.apply().expect(0);
    assert_eq!(scene.run("stage").exists(), !is_old_kernel());
}

fn options_of_the_store_stay() {
    let scene = scene();
    let none = None::<&str>;
    let flags = MsFlags::MS_REMOUNT | MsFlags::MS_BIND | MsFlags::MS_NOEXEC | MsFlags::MS_NODIRATIME;
    mount(none, &scene.data(""), none, flags, none).unwrap();
    let _ = scene.apply().expect(0);
    let mount = scene.mount_at("/etc/app");
    for option in ["noexec", "nodiratime", "nosuid", "nodev"] {
        assert!(mount.has(option), "{option}: {mount:?}");
    }
    assert!(!scene.mount_at("/etc/conf").has("noexec"));
}

fn content_of_inner_mounts_is_seeded() {
    let scene = Scene::new();
    scene.add_directory("/usr/inner");
    scene.plan(&[persistent(directory("/usr"))]);
    mount_tmpfs(&scene.root("/usr/inner"));
    fs::write(scene.root("/usr/inner/file"), "of another file system").unwrap();
    let _ = scene.apply().expect(0);
    assert_eq!(fs::read_to_string(scene.root("/usr/inner/file")).unwrap(), "of another file system");
    assert!(scene.data("slots/A/tree/usr/inner/file").exists());
}
