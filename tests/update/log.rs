//! The log of boots: cut anywhere, lost, spoilt.

use std::fs;
use std::os::unix::fs::symlink;

use serde_json::json;
use state_tests::scene::{Scene, directory, persistent};

use crate::Case;
use crate::device::{boot, build};

pub(crate) const CASES: &[Case] = &[
    ("log::cut_at_any_byte", cut_at_any_byte),
    ("log::lost_or_spoilt", lost_or_spoilt),
    ("log::has_the_last_boots", has_the_last_boots),
];

const RECORD: usize = 512;
const RECORDS: usize = 64;

/// A device on which an update was made: image 1 in A, image 2 in B, which ran last.
fn device() -> Scene {
    let mut scene = Scene::new();
    for id in ["image-1", "image-2"] {
        build(&mut scene, id, &[], &[persistent(directory("/var/lib"))], &["A", "B"]);
    }
    let _ = boot(&mut scene, "image-1", "A");
    fs::write(scene.root("/var/lib/who"), "A").unwrap();
    scene
}

/// The record of an update is cut off at any of its bytes: the boot after it tells of the update, or is one like that.
fn cut_at_any_byte() {
    let mut scene = device();
    let log = scene.data("common/boots");
    let before = fs::read(&log).unwrap();
    let _ = boot(&mut scene, "image-2", "B");
    let after = fs::read(&log).unwrap();
    let changed: Vec<_> = (0..before.len()).filter(|at| before[*at] != after[*at]).collect();
    let (first, last) = (changed[0], changed[changed.len() - 1]);
    assert_eq!(first / RECORD, last / RECORD, "one record is written");
    // Where nothing else differs, nothing else happens.
    for at in changed.iter().map(|at| at + 1).filter(|at| at % 7 == 0 || *at > last - 3) {
        let cut = [&after[..at], &before[at..]].concat();
        fs::write(&log, &cut).unwrap();
        let applied = boot(&mut scene, "image-2", "B");
        let (event, previous) = if at > last { ("same", "B") } else { ("update", "A") };
        assert_eq!(applied.report["event"], event, "{at}");
        assert_eq!(applied.report["previous"]["slot"], previous, "{at}");
        assert_eq!(fs::read_to_string(scene.root("/var/lib/who")).unwrap(), "A");
    }
}

fn lost_or_spoilt() {
    let mut scene = device();
    let _ = boot(&mut scene, "image-2", "B");
    fs::write(scene.root("/var/lib/who"), "B").unwrap();
    let log = scene.data("common/boots");
    let elsewhere = scene.data("../elsewhere");
    fs::write(&elsewhere, vec![b' '; RECORD * RECORDS]).unwrap();
    let good = fs::read(&log).unwrap();
    let other = scene.data("other");
    fs::write(&other, &good).unwrap();
    let with_number = |number: &[u8]| {
        let mut log = good.clone();
        log[2 * RECORD + 17..][..number.len()].copy_from_slice(number);
        log
    };
    // A log that is there and has no record of this state is that of a boot which nobody was told of.
    let spoilt: [(&str, &str, &dyn Fn()); 9] = [
        ("lost", "same", &|| {}),
        ("a directory", "same", &|| fs::create_dir(&log).unwrap()),
        ("a symlink", "same", &|| symlink(&elsewhere, &log).unwrap()),
        ("a second name", "same", &|| fs::hard_link(&other, &log).unwrap()),
        ("a FIFO", "same", &|| nix::unistd::mkfifo(&log, nix::sys::stat::Mode::S_IRWXU).unwrap()),
        ("too short", "same", &|| fs::write(&log, &good[1..]).unwrap()),
        ("noise", "update", &|| fs::write(&log, vec![0xff; RECORD * RECORDS]).unwrap()),
        ("the highest number", "update", &|| fs::write(&log, with_number(b"ffffffffffffffff")).unwrap()),
        ("in other places", "update", &|| {
            fs::write(&log, [&good[RECORD..], &good[..RECORD]].concat()).unwrap();
        }),
    ];
    for (what, event, spoil) in spoilt {
        let _ = fs::remove_file(&log);
        spoil();
        scene.reboot();
        // The youngest state is the one that ran last then.
        let applied = scene.apply().expect(0);
        assert_eq!(applied.report["event"], event, "{what}");
        assert_eq!(fs::read_to_string(scene.root("/var/lib/who")).unwrap(), "B", "{what}");
        assert_eq!(fs::metadata(&log).unwrap().len(), 32768, "{what}");
        assert_eq!(fs::read(&elsewhere).unwrap(), vec![b' '; RECORD * RECORDS], "{what}");
        assert_eq!(fs::read(&other).unwrap(), good, "{what}");
    }
    assert!(scene.data("common/replaced/boots.0").is_dir(), "what was in its place is kept");
    let applied = boot(&mut scene, "image-1", "A");
    assert_eq!(applied.report["event"], "rollback");
}

fn has_the_last_boots() {
    let mut scene = device();
    for _ in 0..70 {
        let _ = boot(&mut scene, "image-1", "A");
    }
    let status = crate::device::said(&scene, &["status", "--json"], 0);
    let status: serde_json::Value = serde_json::from_str(&status).unwrap();
    let boots = status["boots"].as_array().unwrap();
    assert_eq!((boots.len(), &boots[0]["boot"], &boots[63]["boot"]), (64, &json!(71), &json!(8)));
}
