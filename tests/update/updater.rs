//! What an updater is told, and the scripts that pass it on to RAUC.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Output};

use state_schema::OnUpdate;
use state_tests::program::workspace;
use state_tests::scene::{Scene, directory, updated};

use crate::Case;
use crate::device::{boot, build, start};

pub(crate) const CASES: &[Case] = &[
    ("updater::marks_good_what_is", marks_good_what_is),
    ("updater::finds_the_scripts_on_the_page", finds_the_scripts_on_the_page),
];

const SCRIPT: &str = "examples/gateway/image/files/usr/lib/sysota/mark-good";
const PRE_INSTALL: &str = "examples/gateway/image/files/usr/lib/sysota/rauc-pre-install";

/// Runs the script with something in RAUC's place that says how it was called.
fn mark_good(scene: &Scene) -> Output {
    let rauc = scene.data("../bin/rauc");
    fs::create_dir_all(rauc.parent().unwrap()).unwrap();
    fs::write(&rauc, "#!/bin/sh\necho \"rauc $*\"\n").unwrap();
    fs::set_permissions(&rauc, fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:/usr/bin:/bin", rauc.parent().unwrap().display());
    Command::new(workspace().join(SCRIPT)).arg(scene.run("report.json")).env("PATH", path).output().unwrap()
}

fn said(scene: &Scene, status: i32) -> String {
    let Output { status: was, stdout, stderr } = mark_good(scene);
    let text = [stdout, stderr].concat();
    let text = String::from_utf8(text).unwrap();
    assert_eq!(was.code(), Some(status), "{text}");
    text
}

fn marks_good_what_is() {
    let mut scene = Scene::new();
    let entries = [updated(OnUpdate::Merge, directory("/etc"))];
    build(&mut scene, "image-1", &[("/etc/a", "old"), ("/etc/b", "old")], &entries, &["A", "B"]);
    build(&mut scene, "image 2", &[("/etc/a", "new"), ("/etc/b", "new")], &entries, &["A", "B"]);
    assert_eq!(said(&scene, 1), "no report: nothing made this system's paths writable\n");
    let _ = boot(&mut scene, "image-1", "A");
    assert_eq!(said(&scene, 0), "rauc status mark-good\n");
    for file in ["/etc/a", "/etc/b"] {
        fs::write(scene.root(file), "the user's").unwrap();
    }
    let _ = boot(&mut scene, "image 2", "B");
    let told =
        "slot B runs image 2, with 2 conflicts between its files and the device's\nrauc status mark-good\n";
    assert_eq!(said(&scene, 0), told);
    let _ = boot(&mut scene, "image-1", "A");
    let told =
        "slot A runs again, with its state as it was: the update was given up\nrauc status mark-good\n";
    assert_eq!(said(&scene, 0), told);
    start(&mut scene, "image-1", "A");
    nix::mount::umount(&scene.data("")).unwrap();
    let _ = scene.apply().expect(3);
    assert_eq!(said(&scene, 1), "slot A runs with degraded state\n");
}

fn finds_the_scripts_on_the_page() {
    let page = fs::read_to_string(workspace().join("docs/ota-daemon.md")).unwrap();
    for script in [SCRIPT, PRE_INSTALL] {
        let text = fs::read_to_string(workspace().join(script)).unwrap();
        assert!(page.contains(&format!("```sh\n{text}```\n")), "{script}");
    }
}
