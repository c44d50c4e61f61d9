//! Which state a slot goes on with: the rows of the table in `docs/boot.md`.

use std::fs;
use std::os::unix::fs::MetadataExt as _;

use serde_json::{Value, json};
use state_schema::Entry;
use state_tests::scene::{Scene, directory, persistent};

use crate::Case;
use crate::device::{boot, build, said, start};
use crate::killed::kill_at;

pub(crate) const CASES: &[Case] = &[
    ("succession::first_boot", first_boot),
    ("succession::same_image", same_image),
    ("succession::update_into_the_other_slot", update_into_the_other_slot),
    ("succession::rollback_and_roll_forward", rollback_and_roll_forward),
    ("succession::rewritten_slot", rewritten_slot),
    ("succession::same_image_installed_again", same_image_installed_again),
    ("succession::one_slot", one_slot),
    ("succession::three_slots", three_slots),
    ("succession::boot_that_nobody_was_told_of", boot_that_nobody_was_told_of),
    ("succession::boot_that_did_not_come_to_its_mounts", boot_that_did_not_come_to_its_mounts),
    ("succession::state_of_an_unknown_image", state_of_an_unknown_image),
    ("succession::state_that_is_mounted", state_that_is_mounted),
    ("succession::state_that_is_immutable", state_that_is_immutable),
];

fn entries() -> [Entry<'static>; 1] {
    [persistent(directory("/var/lib"))]
}

/// A device with three images, none of which has run.
fn device(slots: &[&str]) -> Scene {
    let mut scene = Scene::new();
    for id in ["image-1", "image-2", "image-3"] {
        build(&mut scene, id, &[("/var/lib/factory", "factory")], &entries(), slots);
    }
    scene
}

const SLOTS: &[&str] = &["A", "B"];

/// Writes who was here, and returns what was there.
fn write(scene: &Scene, who: &str) -> Option<String> {
    let place = scene.root("/var/lib/who");
    let before = fs::read_to_string(&place).ok();
    fs::write(place, who).unwrap();
    before
}

/// Boots, and checks the event and who had written what is there. Writes then.
fn expect(
    scene: &mut Scene,
    (id, slot): (&'static str, &str),
    event: &str,
    before: Option<&str>,
    who: &str,
) -> Value {
    let applied = boot(scene, id, slot);
    assert_eq!(applied.report["event"], event, "{:#}", applied.report);
    assert_eq!((&applied.report["slot"], &applied.report["image-id"]), (&json!(slot), &json!(id)));
    assert_eq!(write(scene, who).as_deref(), before);
    applied.report
}

fn first_boot() {
    let mut scene = device(SLOTS);
    let report = expect(&mut scene, ("image-1", "A"), "first-boot", None, "1");
    assert_eq!((&report["boot"], &report["previous"]), (&json!(1), &Value::Null));
}

fn same_image() {
    let mut scene = device(SLOTS);
    let _ = boot(&mut scene, "image-1", "A");
    write(&scene, "1");
    for number in 2..70 {
        let report = expect(&mut scene, ("image-1", "A"), "same", Some("1"), "1");
        let previous = json!({"boot": number - 1, "slot": "A", "image-id": "image-1"});
        assert_eq!((&report["boot"], &report["previous"]), (&json!(number), &previous));
        assert!(report["conflicts"].is_null());
    }
}

fn update_into_the_other_slot() {
    let mut scene = device(SLOTS);
    let _ = expect(&mut scene, ("image-1", "A"), "first-boot", None, "1");
    let report = expect(&mut scene, ("image-2", "B"), "update", Some("1"), "2");
    assert_eq!(report["previous"], json!({"boot": 1, "slot": "A", "image-id": "image-1"}));
    assert_eq!(report["conflicts"], json!([]));
    let _ = expect(&mut scene, ("image-2", "B"), "same", Some("2"), "3");
}

fn rollback_and_roll_forward() {
    let mut scene = device(SLOTS);
    let _ = expect(&mut scene, ("image-1", "A"), "first-boot", None, "1");
    let _ = expect(&mut scene, ("image-2", "B"), "update", Some("1"), "2");
    let report = expect(&mut scene, ("image-1", "A"), "rollback", Some("1"), "3");
    assert_eq!(report["previous"], json!({"boot": 2, "slot": "B", "image-id": "image-2"}));
    let _ = expect(&mut scene, ("image-1", "A"), "same", Some("3"), "4");
    // What was written after going back is not there: it was not made by this state.
    let _ = expect(&mut scene, ("image-2", "B"), "roll-forward", Some("2"), "5");
    let _ = expect(&mut scene, ("image-2", "B"), "same", Some("5"), "6");
}

fn rewritten_slot() {
    let mut scene = device(SLOTS);
    let _ = expect(&mut scene, ("image-1", "A"), "first-boot", None, "1");
    let _ = expect(&mut scene, ("image-2", "B"), "update", Some("1"), "2");
    let _ = expect(&mut scene, ("image-3", "A"), "update", Some("2"), "3");
    let _ = expect(&mut scene, ("image-2", "B"), "rollback", Some("2"), "4");
}

fn same_image_installed_again() {
    let mut scene = device(SLOTS);
    let _ = expect(&mut scene, ("image-2", "B"), "first-boot", None, "1");
    let _ = expect(&mut scene, ("image-1", "A"), "update", Some("1"), "2");
    let told = said(&scene, &["invalidate", "B"], 0);
    assert_eq!(told, "slot B takes the state over that was used last, at its next boot\n");
    assert!(said(&scene, &["status"], 0).contains("made by boot 1; to be replaced at its next boot"));
    // Twice is no more than once, and a boot of another slot changes nothing about it.
    said(&scene, &["invalidate", "b"], 0);
    let _ = expect(&mut scene, ("image-1", "A"), "same", Some("2"), "3");
    let _ = expect(&mut scene, ("image-2", "B"), "update", Some("3"), "4");
    let _ = expect(&mut scene, ("image-2", "B"), "same", Some("4"), "5");
    let unknown = said(&scene, &["invalidate", "C"], 4);
    assert_eq!(unknown, "stated: there is no slot `C`; the image's slots are A, B\n");
}

fn one_slot() {
    let mut scene = device(&["only"]);
    for (id, event, before, who) in [
        ("image-1", "first-boot", None, "1"),
        ("image-2", "update", Some("1"), "2"),
        ("image-2", "same", Some("2"), "3"),
        ("image-1", "update", Some("3"), "4"),
    ] {
        scene.use_image(id);
        scene.reboot();
        scene.command_line("quiet");
        let applied = scene.apply().expect(0);
        assert_eq!(applied.report["event"], event);
        assert_eq!(write(&scene, who).as_deref(), before);
        assert_eq!(fs::read_dir(scene.data("tmp")).unwrap().count(), 0, "nothing of the old state is left");
    }
}

fn three_slots() {
    let mut scene = device(&["A", "B", "recovery"]);
    let _ = expect(&mut scene, ("image-1", "A"), "first-boot", None, "1");
    let _ = expect(&mut scene, ("image-3", "recovery"), "update", Some("1"), "2");
    let _ = expect(&mut scene, ("image-1", "A"), "rollback", Some("1"), "3");
    let _ = expect(&mut scene, ("image-2", "B"), "update", Some("3"), "4");
    // The state of the recovery system is of its image, whatever happened since.
    let _ = expect(&mut scene, ("image-3", "recovery"), "rollback", Some("2"), "5");
    let _ = expect(&mut scene, ("image-2", "B"), "roll-forward", Some("4"), "6");
}

/// The power goes after the state is in its place, and before the record: the next boot tells what that one would have told.
fn boot_that_nobody_was_told_of() {
    let mut scene = device(SLOTS);
    let _ = expect(&mut scene, ("image-1", "A"), "first-boot", None, "1");
    start(&mut scene, "image-2", "B");
    kill_at(&scene, "move_mount", 2);
    assert!(scene.data("slots/B").exists());
    let report = expect(&mut scene, ("image-2", "B"), "update", Some("1"), "2");
    assert_eq!((&report["boot"], &report["conflicts"]), (&json!(2), &json!([])));
    let _ = expect(&mut scene, ("image-2", "B"), "same", Some("2"), "3");
}

/// It did not run, so the next update starts from the slot before.
fn boot_that_did_not_come_to_its_mounts() {
    let mut scene = device(SLOTS);
    let _ = expect(&mut scene, ("image-1", "A"), "first-boot", None, "1");
    start(&mut scene, "image-2", "B");
    kill_at(&scene, "move_mount", 2);
    let report = expect(&mut scene, ("image-1", "A"), "same", Some("1"), "2");
    assert_eq!(report["previous"]["boot"], 1);
    let _ = expect(&mut scene, ("image-3", "B"), "update", Some("2"), "3");
}

/// Nothing tells any more what the user changed, so all of it is the user's.
fn state_of_an_unknown_image() {
    let mut scene = device(SLOTS);
    let _ = expect(&mut scene, ("image-1", "A"), "first-boot", None, "1");
    let blob = scene.data("slots/A/blob");
    let good = fs::read(&blob).unwrap();
    let spoilt: [&dyn Fn(); 4] = [
        &|| fs::write(&blob, &good[1..]).unwrap(),
        &|| {},
        &|| nix::unistd::mkfifo(&blob, nix::sys::stat::Mode::S_IRWXU).unwrap(),
        &|| std::os::unix::fs::symlink(scene.image(state_schema::BLOB_PATH), &blob).unwrap(),
    ];
    for spoil in spoilt {
        let _ = fs::remove_file(&blob);
        spoil();
        scene.reboot();
        let applied = scene.apply().expect(0);
        assert_eq!(applied.report["event"], "update");
        assert_eq!(fs::read_to_string(scene.root("/var/lib/who")).unwrap(), "1");
        assert_eq!(fs::read(&blob).unwrap(), good);
    }
}

/// A second run in one boot leaves the state where it is, whatever is wanted of it since.
fn state_that_is_mounted() {
    let mut scene = device(SLOTS);
    let _ = expect(&mut scene, ("image-1", "A"), "first-boot", None, "1");
    fs::write(scene.data("slots/A/blob"), "spoilt").unwrap();
    said(&scene, &["invalidate", "A"], 0);
    said(&scene, &["reset", "--all"], 0);
    let inode = fs::metadata(scene.data("slots/A")).unwrap().ino();
    let applied = scene.apply().expect(0);
    assert_eq!((&applied.report["event"], &applied.report["boot"]), (&json!("first-boot"), &json!(1)));
    assert_eq!(fs::metadata(scene.data("slots/A")).unwrap().ino(), inode);
    assert_eq!(write(&scene, "2").as_deref(), Some("1"));
    let _ = expect(&mut scene, ("image-1", "A"), "update", None, "3");
}

/// What a service has made immutable stays behind where it was, and keeps nobody from discarding the rest.
fn state_that_is_immutable() {
    let mut scene = device(&["only"]);
    let command_line = |scene: &Scene| scene.command_line("quiet");
    command_line(&scene);
    let _ = scene.apply().expect(0);
    let deep = scene.root("/var/lib/deep/er");
    fs::create_dir_all(&deep).unwrap();
    for name in ["one", "two"] {
        fs::write(deep.join(name), name).unwrap();
    }
    fs::hard_link(deep.join("one"), deep.join("again")).unwrap();
    let lock = |path: &std::path::Path, flag: &str| {
        let status = std::process::Command::new("chattr").arg(flag).arg(path).status().unwrap();
        assert!(status.success());
    };
    lock(&deep.join("one"), "+i");
    lock(&deep.join("two"), "+a");
    lock(&deep, "+i");
    lock(&scene.root("/var/lib/deep"), "+a");
    scene.use_image("image-2");
    scene.reboot();
    let applied = scene.apply().expect(0);
    assert_eq!(applied.report["event"], "update");
    assert_eq!(fs::read_to_string(scene.root("/var/lib/deep/er/again")).unwrap(), "one");
    assert_eq!(fs::read_dir(scene.data("tmp")).unwrap().count(), 0, "nothing of the old state is left");
    // The new state has what was in it, and no flags.
    fs::write(scene.root("/var/lib/deep/er/one"), "more").unwrap();
    assert_eq!(fs::read_to_string(scene.root("/var/lib/deep/er/again")).unwrap(), "more");
}
