//! What is refused, and leaves everything as it was.

use std::fs;

use state_schema::{BLOB_PATH, Entry, OnFailure, OnSysDataFailure, PROGRAM_PATH};
use state_tests::namespace::stated_file;
use state_tests::scene::{Scene, directory, file, persistent};

use crate::Case;

pub(crate) const CASES: &[Case] = &[
    ("refused::unknown_usage", unknown_usage),
    ("refused::slot_that_is_not_known", slot_that_is_not_known),
    ("refused::slot_argument_wins_but_must_be_one", slot_argument_wins_but_must_be_one),
    ("refused::blob_that_is_not_there", blob_that_is_not_there),
    ("refused::state_without_the_program_of_the_image", state_without_the_program_of_the_image),
    ("refused::other_layout", other_layout),
    ("refused::sys_data_that_is_not_mounted", sys_data_that_is_not_mounted),
    ("refused::entry_that_must_not_fail", entry_that_must_not_fail),
];

fn scene_with_entry() -> Scene {
    let scene = Scene::new();
    scene.add_directory("/var/lib");
    scene.plan(&[persistent(directory("/var/lib"))]);
    scene
}

/// Runs, and expects that nothing was mounted or made, and this line on standard error.
fn refuses(scene: &Scene, arguments: &[&str], status: i32, stderr: &str) {
    let (mounts, data) = (scene.mounts(), scene.snapshot());
    let applied = scene.apply_with(arguments).expect(status);
    assert_eq!(applied.stderr, stderr);
    assert_eq!(scene.mounts(), mounts, "nothing is mounted");
    assert_eq!(scene.snapshot(), data, "sys-data is untouched");
}

fn unknown_usage() {
    let scene = scene_with_entry();
    refuses(&scene, &["--force"], 64, "stated: unknown option `--force`; see `stated --help`\n");
    refuses(&scene, &["--slot"], 64, "stated: no value is given for `--slot`; see `stated --help`\n");
    assert_eq!(fs::read_dir(scene.run("")).unwrap().count(), 0);
}

fn slot_that_is_not_known() {
    let scene = scene_with_entry();
    for (line, why) in [
        (
            "quiet root=/dev/sda2",
            "the kernel command line has none of sysota.slot={slot}, root=PARTLABEL=x-sys-{slot} (found \
             root=/dev/sda2); let the boot loader add one, or name the slot with --slot",
        ),
        (
            "sysota.slot=C",
            "the kernel command line says `sysota.slot=C`, but the image's slots are A, B; correct the boot loader's \
             entry",
        ),
        (
            "sysota.slot=A root=PARTLABEL=x-sys-b",
            "the kernel command line says `sysota.slot=A` and `root=PARTLABEL=x-sys-b`, which name different slots; \
             correct the boot loader's entry",
        ),
        (
            "quiet -- sysota.slot=A",
            "the kernel command line has none of sysota.slot={slot}, root=PARTLABEL=x-sys-{slot}; let the boot loader \
             add one, or name the slot with --slot",
        ),
    ] {
        scene.command_line(line);
        refuses(&scene, &[], 4, &format!("stated: cannot tell which slot boots: {why}\n"));
        let report = fs::read(scene.run("report.json")).unwrap();
        let report: serde_json::Value = serde_json::from_slice(&report).unwrap();
        assert_eq!(report["slot"], serde_json::Value::Null);
        assert_eq!(report["reason"], format!("cannot tell which slot boots: {why}"));
    }
}

fn slot_argument_wins_but_must_be_one() {
    let scene = scene_with_entry();
    refuses(
        &scene,
        &["--slot", "C"],
        4,
        "stated: cannot tell which slot boots: --slot names `C`, but the image's slots are A, B\n",
    );
    scene.command_line("sysota.slot=A rauc.slot=C");
    assert_eq!(scene.apply_with(&["--slot=b"]).expect(0).report["slot"], "B");
}

fn blob_that_is_not_there() {
    let scene = Scene::new();
    refuses(&scene, &[], 4, "stated: cannot read the blob /usr/lib/sysota/state.blob: openat2: ENOENT (2)\n");
    assert_eq!(fs::read_dir(scene.run("")).unwrap().count(), 0);
    // A link that leads out of the image is followed within it.
    scene.add_directory("/usr/lib/sysota");
    let elsewhere = scene.data("blob");
    fs::write(&elsewhere, scene.blob(&[], &["A"])).unwrap();
    std::os::unix::fs::symlink(&elsewhere, scene.image(BLOB_PATH)).unwrap();
    refuses(&scene, &[], 4, "stated: cannot read the blob /usr/lib/sysota/state.blob: openat2: ENOENT (2)\n");
    fs::remove_file(scene.image(BLOB_PATH)).unwrap();
    nix::unistd::mkfifo(&scene.image(BLOB_PATH), nix::sys::stat::Mode::S_IRWXU).unwrap();
    let why = "cannot read the blob /usr/lib/sysota/state.blob: it is not a regular file";
    refuses(&scene, &[], 4, &format!("stated: {why}\n"));
    let _ = scene.apply_with(&["--blob", elsewhere.to_str().unwrap()]).expect(0);
}

fn state_without_the_program_of_the_image() {
    let mut scene = scene_with_entry();
    let _ = scene.apply().expect(0);
    fs::write(scene.root("/var/lib/file"), "kept").unwrap();
    scene.reboot();
    scene.image_id = "image-2";
    scene.plan(&[persistent(directory("/var/lib"))]);
    let program = scene.image(PROGRAM_PATH);
    let away = program.with_extension("away");
    fs::rename(&program, &away).unwrap();
    let why = "cannot hand this boot over to the image's /usr/sbin/stated";
    refuses(&scene, &[], 4, &format!("stated: {why}: openat2: ENOENT (2)\n"));
    fs::write(&program, "no program").unwrap();
    refuses(&scene, &[], 4, &format!("stated: {why}: execveat: EACCES (13)\n"));
    // The one of the initramfs does not hand over to itself.
    fs::copy(stated_file(), &program).unwrap();
    refuses(&scene, &[], 64, "stated: unknown command `take-over`; see `stated --help`\n");
    fs::rename(&away, &program).unwrap();
    let _ = scene.apply().expect(0);
    assert_eq!(fs::read_to_string(scene.root("/var/lib/file")).unwrap(), "kept");
}

fn other_layout() {
    let scene = scene_with_entry();
    let _ = scene.apply().expect(0);
    scene.reboot();
    for version in ["2\n", "1", "1\n1\n", ""] {
        fs::write(scene.data("version"), version).unwrap();
        refuses(
            &scene,
            &[],
            4,
            "stated: cannot use sys-data of the layout in version: it is not of layout version 1; boot the image that \
             wrote it, or set sys-data up anew\n",
        );
    }
    fs::remove_file(scene.data("version")).unwrap();
    refuses(
        &scene,
        &[],
        4,
        "stated: cannot use sys-data of the layout in slots: there is state, but no `version` file that says in which \
         layout; boot the image that wrote it, or set sys-data up anew\n",
    );
}

fn sys_data_that_is_not_mounted() {
    let mut scene = scene_with_entry();
    nix::mount::umount(&scene.data("")).unwrap();
    let place = scene.data("");
    let place = place.to_str().unwrap().trim_end_matches('/');
    let why = format!(
        "cannot open sys-data at {place}: nothing is mounted there; mount the partition first, or name a directory with \
         --data"
    );
    let applied = scene.apply().expect(3);
    applied.expect_outcome("/var/lib", "degraded");
    assert_eq!(applied.report["event"], "degraded");
    assert_eq!(applied.entry("/var/lib")["reason"], why);
    fs::write(scene.root("/var/lib/file"), "lost").unwrap();
    assert_eq!(fs::read_dir(place).unwrap().count(), 0);
    scene.reboot();
    scene.on_sys_data_failure = OnSysDataFailure::Fail;
    scene.plan(&[persistent(directory("/var/lib"))]);
    refuses(&scene, &[], 4, &format!("stated: {why}; the image does not run without sys-data\n"));
    scene.on_sys_data_failure = OnSysDataFailure::Degrade;
    scene.plan(&[persistent(Entry { on_failure: OnFailure::Fail, ..directory("/var/lib") })]);
    let applied = scene.apply().expect(4);
    assert!(applied.stderr.ends_with(&format!("stated: /var/lib: {why}\n")), "{}", applied.stderr);
    // Any directory will do where the caller names it.
    let _ = scene.apply_with(&["--data", place]).expect(0);
}

fn entry_that_must_not_fail() {
    let scene = Scene::new();
    scene.add_directory("/etc");
    scene.add_directory("/var/a");
    scene.plan(&[
        directory("/var/a"),
        Entry { on_failure: OnFailure::Fail, seed: state_schema::Seed::Empty, ..persistent(file("/var/b")) },
        directory("/var/c"),
    ]);
    let applied = scene.apply().expect(4);
    assert_eq!(
        applied.report["reason"],
        "/var/b: cannot open the mount point /var/b: it is missing; let the build of the image make it"
    );
    assert_eq!(applied.report["entries"].as_array().unwrap().len(), 1);
}
