//! What the running system can ask for: `stated reset`, `status` and `check`.

use std::fs;

use serde_json::{Value, json};
use state_schema::{Entry, Lifetime, OnUpdate, Seed};
use state_tests::scene::{Scene, common, directory, mount_tmpfs, persistent, updated};

use crate::Case;
use crate::device::{boot, build, said, start};
use crate::killed::kill_at;

pub(crate) const CASES: &[Case] = &[
    ("asked::reset_of_some", reset_of_some),
    ("asked::reset_of_all_but", reset_of_all_but),
    ("asked::reset_goes_with_an_update", reset_goes_with_an_update),
    ("asked::reset_that_is_cut_off", reset_that_is_cut_off),
    ("asked::reset_of_what_cannot_be", reset_of_what_cannot_be),
    ("asked::orphans_are_listed_and_stay", orphans_are_listed_and_stay),
    ("asked::status_of_everything", status_of_everything),
    ("asked::status_without_sys_data", status_without_sys_data),
    ("asked::check_says_what_an_update_would_do", check_says_what_an_update_would_do),
    ("asked::check_finds_no_room", check_finds_no_room),
];

const SLOTS: &[&str] = &["A", "B"];

const FILES: [(&str, &str); 4] =
    [("/var/log/f", "factory"), ("/var/lib/db/f", "factory"), ("/var/f", "factory"), ("/srv/f", "factory")];

fn entries() -> Vec<Entry<'static>> {
    vec![
        persistent(directory("/var")),
        persistent(directory("/var/lib/db")),
        directory("/var/log"),
        persistent(directory("/srv")),
        common(directory("/common")),
    ]
}

/// A device with two images of one plan, the first of which runs and is used.
fn device() -> Scene {
    let mut scene = Scene::new();
    for id in ["image-1", "image-2"] {
        build(&mut scene, id, &FILES, &entries(), SLOTS);
    }
    let _ = boot(&mut scene, "image-1", "A");
    for (path, _) in FILES {
        fs::write(scene.root(path), "used").unwrap();
    }
    scene
}

/// The files that are as the image has them.
fn fresh(scene: &Scene) -> Vec<&'static str> {
    let read = |path| fs::read_to_string(scene.root(path)).unwrap();
    FILES.into_iter().filter(|(path, content)| read(path) == *content).map(|(path, _)| path).collect()
}

fn reset_of_some() {
    let mut scene = device();
    let told = said(&scene, &["reset", "/srv/", "--dry-run"], 0);
    assert_eq!(told, "would begin afresh: /srv\n");
    let before = scene.snapshot();
    let told = said(&scene, &["reset", "/srv"], 0);
    assert_eq!(told, "begins afresh at the next boot: /srv\n");
    assert_eq!(scene.snapshot().len(), before.len() + 1, "nothing else happens now");
    assert!(fresh(&scene).is_empty());
    let applied = boot(&mut scene, "image-1", "A");
    assert_eq!(applied.report["event"], "reset");
    assert_eq!(applied.report["previous"]["slot"], "A");
    assert_eq!(fresh(&scene), ["/var/log/f", "/srv/f"]);
    let applied = boot(&mut scene, "image-1", "A");
    assert_eq!(applied.report["event"], "same");
}

fn reset_of_all_but() {
    let mut scene = device();
    said(&scene, &["reset", "--all", "--keep", "/var/lib"], 0);
    // A second wish does not undo the first, and all can be taken back.
    assert!(said(&scene, &["reset", "/srv"], 0).contains("/var\n"));
    said(&scene, &["reset", "--cancel"], 0);
    let applied = boot(&mut scene, "image-1", "A");
    assert_eq!(applied.report["event"], "same");
    said(&scene, &["reset", "--all", "--keep=/var/lib"], 0);
    let applied = boot(&mut scene, "image-1", "A");
    assert_eq!(applied.report["event"], "reset");
    assert_eq!(fresh(&scene), ["/var/log/f", "/var/f", "/srv/f"], "what was kept lies inside what was not");
}

/// The wish is for the state: what is made of it has it granted, and it waits for itself.
fn reset_goes_with_an_update() {
    let mut scene = device();
    said(&scene, &["reset", "/srv"], 0);
    let applied = boot(&mut scene, "image-2", "B");
    assert_eq!(applied.report["event"], "update");
    assert_eq!(fresh(&scene), ["/var/log/f", "/srv/f"]);
    let applied = boot(&mut scene, "image-1", "A");
    assert_eq!(applied.report["event"], "reset");
    assert_eq!(fresh(&scene), ["/var/log/f", "/srv/f"]);
}

fn reset_that_is_cut_off() {
    for nth in 1.. {
        let mut scene = Scene::in_directory(&format!("cut-{nth}"));
        build(&mut scene, "image-1", &FILES, &entries(), SLOTS);
        let _ = boot(&mut scene, "image-1", "A");
        for (path, _) in FILES {
            fs::write(scene.root(path), "used").unwrap();
        }
        said(&scene, &["reset", "/srv", "/var/lib/db"], 0);
        start(&mut scene, "image-1", "A");
        let was_killed = kill_at(&scene, "renameat2", nth);
        let applied = boot(&mut scene, "image-1", "A");
        assert_eq!(fresh(&scene), ["/var/log/f", "/var/lib/db/f", "/srv/f"], "{nth}");
        if !was_killed {
            assert_eq!(applied.report["event"], "same");
            assert!(nth > 3, "the exchange, and the seeds");
            break;
        }
    }
}

fn reset_of_what_cannot_be() {
    let scene = device();
    let before = scene.snapshot();
    for (arguments, why) in [
        (
            &["reset", "/etc"][..],
            "cannot reset /etc: no persistent entry lies there or beneath; `statec inspect` lists them",
        ),
        (
            &["reset", "/srv", "/var/log"],
            "cannot reset /var/log: it is ephemeral, and begins afresh at each boot",
        ),
        (
            &["reset", "/common"],
            "cannot reset /common: it is common state, which belongs to no slot and is never reset",
        ),
        (
            &["reset", "/srv/f"],
            "cannot reset /srv/f: it is a part of the entry /srv, and entries are reset as a whole",
        ),
        (
            &["reset", "--all", "--keep", "/nothing"],
            "cannot reset /nothing: no persistent entry lies there or beneath; `statec inspect` lists them",
        ),
    ] {
        assert_eq!(said(&scene, arguments, 4), format!("stated: {why}\n"));
    }
    for arguments in
        [&["reset"][..], &["reset", "--keep", "/var"], &["status", "x"], &["check"], &["invalidate"]]
    {
        assert!(said(&scene, arguments, 64).ends_with("; see `stated --help`\n"));
    }
    assert_eq!(scene.snapshot(), before);
}

fn orphans_are_listed_and_stay() {
    let mut scene = device();
    let fewer: Vec<_> = entries().into_iter().filter(|entry| entry.path.as_str() != "/srv").collect();
    build(&mut scene, "image-3", &FILES, &fewer, SLOTS);
    let applied = boot(&mut scene, "image-3", "B");
    assert_eq!(applied.report["conflicts"], json!([{"conflict": "orphaned", "path": "/srv"}]));
    assert!(said(&scene, &["status"], 0).contains("no entry shows, in B: /srv\n"));
    let _ = boot(&mut scene, "image-3", "B");
    assert_eq!(fs::read_to_string(scene.data("slots/B/tree/srv/f")).unwrap(), "used");
    said(&scene, &["reset", "--orphans"], 0);
    let _ = boot(&mut scene, "image-3", "B");
    assert!(!scene.data("slots/B/tree/srv").exists());
    assert_eq!(fresh(&scene), ["/var/log/f", "/srv/f"], "nothing else begins afresh");
    assert!(!said(&scene, &["status"], 0).contains("no entry shows"));
}

fn status_of_everything() {
    let mut scene = device();
    let _ = boot(&mut scene, "image-2", "B");
    said(&scene, &["invalidate", "A"], 0);
    said(&scene, &["reset", "/var/lib/db"], 0);
    let text = said(&scene, &["status"], 0);
    assert_eq!(
        text,
        "slot B, image image-2: update, boot 2 (before: slot A, image image-1)\n\
         5 entries, 0 of them not as planned\n\
         state of slot A: image image-1, made by boot 1; to be replaced at its next boot\n\
         state of slot B: image image-2, made by boot 2\n  \
         begins afresh at the next boot: /var/lib/db\n\
         last boots:\n  2 B update image-2\n  1 A first-boot image-1\n"
    );
    let status: Value = serde_json::from_str(&said(&scene, &["status", "--json"], 0)).unwrap();
    let report: Value = serde_json::from_slice(&fs::read(scene.run("report.json")).unwrap()).unwrap();
    assert_eq!((&status["version"], &status["report"]), (&json!(1), &report));
    assert_eq!(
        status["states"],
        json!([
            {"slot": "A", "image-id": "image-1", "made-by": 1, "event": "first-boot", "stale": true, "reset": [],
             "reset-orphans": false, "conflicts": []},
            {"slot": "B", "image-id": "image-2", "made-by": 2, "event": "update", "stale": false,
             "reset": ["/var/lib/db"], "reset-orphans": false, "conflicts": []},
        ])
    );
    assert_eq!(
        status["boots"],
        json!([
            {"boot": 2, "slot": "B", "state": 2, "event": "update", "previous-slot": "A", "image-id": "image-2"},
            {"boot": 1, "slot": "A", "state": 1, "event": "first-boot", "previous-slot": null, "image-id": "image-1"},
        ])
    );
    assert_eq!(status["orphans"], json!([]));
}

fn status_without_sys_data() {
    let scene = device();
    let why = "cannot open sys-data at /nowhere: open: ENOENT (2)";
    assert_eq!(
        said(&scene, &["status", "--data", "/nowhere"], 0),
        format!(
            "slot A, image image-1: first-boot, boot 1\n\
             5 entries, 0 of them not as planned\n\
             which state there is cannot be seen: {why}\n"
        )
    );
    let status = said(&scene, &["status", "--json", "--data", "/nowhere"], 0);
    let status: Value = serde_json::from_str(&status).unwrap();
    assert_eq!(status["report"]["event"], "first-boot");
    assert_eq!(
        (&status["not-seen"], &status["states"], &status["boots"]),
        (&json!(why), &json!([]), &json!([]))
    );
}

fn check_says_what_an_update_would_do() {
    let mut scene = Scene::new();
    let merged = updated(OnUpdate::Merge, directory("/etc"));
    let old = [("/etc/same", "x"), ("/etc/both", "old"), ("/etc/followed", "old"), ("/etc/gone/f", "x")];
    let new = [("/etc/same", "x"), ("/etc/both", "new"), ("/etc/followed", "new"), ("/etc/gone/g", "x")];
    build(&mut scene, "image-1", &old, &[merged, persistent(directory("/srv"))], SLOTS);
    let ephemeral =
        Entry { seed: Seed::Empty, lifetime: Lifetime::Ephemeral { size: None }, ..directory("/srv") };
    build(&mut scene, "image-2", &new, &[merged, ephemeral], SLOTS);
    build(&mut scene, "image-3", &old, &[merged, persistent(directory("/srv"))], SLOTS);
    let blob = |scene: &mut Scene, id| {
        scene.use_image(id);
        scene.image(state_schema::BLOB_PATH).to_str().unwrap().to_owned()
    };
    let [second, third] = ["image-2", "image-3"].map(|id| blob(&mut scene, id));
    let _ = boot(&mut scene, "image-1", "A");
    let before = scene.snapshot();
    let told = said(&scene, &["check", &third], 0);
    assert!(told.starts_with("slot A: from image-1 to image-3\n  a copy of the state needs "), "{told}");
    fs::write(scene.root("/etc/both"), "the user's").unwrap();
    fs::remove_dir_all(scene.root("/etc/gone")).unwrap();
    let told = said(&scene, &["check", &second], 3);
    let lines: Vec<_> = told.lines().take(4).collect();
    assert_eq!(
        lines,
        [
            "slot A: from image-1 to image-2",
            "! /srv  turned ephemeral: its state stays on sys-data, and no path shows it",
            "! /etc/both  conflict: both-changed",
            "! /etc/gone/g  conflict: user-removed",
        ]
    );
    let json: Value = serde_json::from_str(&said(&scene, &["check", "--json", &second], 3)).unwrap();
    assert_eq!(
        json["conflicts"],
        json!([
            {"conflict": "both-changed", "path": "/etc/both"},
            {"conflict": "user-removed", "path": "/etc/gone/g"},
        ])
    );
    assert_eq!(json["differences"][0]["kind"], "turned-ephemeral");
    assert_eq!(json["space"]["fits"], true);
    assert_eq!(scene.snapshot().len(), before.len() - 2, "it changes nothing");
    // And so it comes: what was said is what the report says then.
    let applied = boot(&mut scene, "image-2", "B");
    let mut conflicts = applied.report["conflicts"].as_array().unwrap().clone();
    for conflict in &mut conflicts {
        conflict.as_object_mut().unwrap().remove("kept");
    }
    assert_eq!(
        conflicts,
        [
            json!({"conflict": "orphaned", "path": "/srv"}),
            json!({"conflict": "both-changed", "path": "/etc/both"}),
            json!({"conflict": "user-removed", "path": "/etc/gone/g"}),
        ]
    );
}

fn check_finds_no_room() {
    let mut scene = Scene::new();
    let data = scene.data("");
    nix::mount::umount(&data).unwrap();
    nix::mount::mount(
        Some("tests"),
        &data,
        Some("tmpfs"),
        nix::mount::MsFlags::empty(),
        Some("size=1m,mode=0755"),
    )
    .unwrap();
    let entries = [persistent(directory("/srv"))];
    for id in ["image-1", "image-2"] {
        build(&mut scene, id, &[("/srv/f", "factory")], &entries, SLOTS);
    }
    scene.use_image("image-2");
    let blob = scene.image(state_schema::BLOB_PATH).to_str().unwrap().to_owned();
    let _ = boot(&mut scene, "image-1", "A");
    fs::write(scene.root("/srv/large"), vec![b'x'; 600 << 10]).unwrap();
    let told = said(&scene, &["check", &blob], 4);
    assert!(told.ends_with(": there is no room for the update\n"), "{told}");
    // The old slot's state is untouched, and boots.
    let before = scene.snapshot();
    start(&mut scene, "image-2", "B");
    let applied = scene.apply().expect(4);
    let why = "stated: the state of slot A cannot be taken over: cannot take over the state of srv/large: ";
    assert!(applied.stderr.starts_with(why) && applied.stderr.contains("ENOSPC"), "{}", applied.stderr);
    assert_eq!(scene.snapshot(), before);
    let applied = boot(&mut scene, "image-1", "A");
    assert_eq!(applied.report["event"], "same");
    fs::remove_file(scene.root("/srv/large")).unwrap();
    said(&scene, &["check", &blob], 0);
    let _ = boot(&mut scene, "image-2", "B");
    mount_tmpfs(&data);
}
