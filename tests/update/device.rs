//! A device with two images, and what its owner does to it.

use std::fs;
use std::process::Output;

use state_schema::{BLOB_PATH, Entry};
use state_tests::namespace::system;
use state_tests::scene::{Applied, Scene};

/// What each image has in the directories of its plan.
pub(crate) type Files = [(&'static str, &'static str)];

/// Builds the image with this id, of these files and with this plan, for these slots.
pub(crate) fn build(
    scene: &mut Scene,
    id: &'static str,
    files: &Files,
    entries: &[Entry<'_>],
    slots: &[&str],
) {
    scene.use_image(id);
    for (path, content) in files {
        scene.add_file(path, content);
    }
    for entry in entries {
        if !scene.image(entry.path.as_str()).exists() {
            scene.add_directory(entry.path.as_str());
        }
    }
    scene.add_file(BLOB_PATH, "");
    fs::write(scene.image(BLOB_PATH), scene.blob(entries, slots)).unwrap();
}

/// Boots the image with this id in this slot.
pub(crate) fn boot(scene: &mut Scene, id: &'static str, slot: &str) -> Applied {
    start(scene, id, slot);
    scene.apply().expect(0)
}

/// As far as the program is started.
pub(crate) fn start(scene: &mut Scene, id: &'static str, slot: &str) {
    scene.use_image(id);
    scene.reboot();
    scene.command_line(&format!("quiet sysota.slot={slot}"));
}

/// Runs a command of the image's program, as its running system does.
pub(crate) fn run(scene: &Scene, arguments: &[&str]) -> Output {
    let mut command = std::process::Command::new(system());
    command.args(arguments).arg("--root").arg(scene.root("")).arg("--run").arg(scene.run(""));
    command.output().unwrap()
}

/// The same, and returns what it wrote.
pub(crate) fn said(scene: &Scene, arguments: &[&str], status: i32) -> String {
    let output = run(scene, arguments);
    let [out, err] = [&output.stdout, &output.stderr].map(|text| String::from_utf8(text.clone()).unwrap());
    assert_eq!(output.status.code(), Some(status), "{arguments:?}: {out}{err}");
    if status == 0 || !out.is_empty() { out } else { err }
}
