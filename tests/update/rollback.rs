//! Perfect rollback: all of the state is reverted, except what the updater keeps.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use state_schema::{Entry, OnUpdate};
use state_tests::scene::{Scene, common, directory, file, persistent, updated};

use crate::Case;
use crate::device::{boot, build};

pub(crate) const CASES: &[Case] = &[("rollback::is_perfect", is_perfect)];

fn is_perfect() {
    let mut scene = Scene::new();
    let entries = [
        persistent(directory("/var/lib/app")),
        updated(OnUpdate::Merge, directory("/etc")),
        updated(OnUpdate::Reset, directory("/var/cache")),
        updated(OnUpdate::Reset, file("/etc/machine-id")),
        persistent(Entry { how: state_schema::How::Overlay, ..directory("/opt") }),
        common(directory("/var/lib/updater")),
    ];
    let old = [("/etc/hosts", "old"), ("/etc/motd", "old"), ("/opt/tool", "old"), ("/etc/machine-id", "old")];
    let new =
        [("/etc/hosts", "new"), ("/etc/profile", "new"), ("/opt/tool", "new"), ("/etc/machine-id", "new")];
    build(&mut scene, "old", &old, &entries, &["A", "B"]);
    build(&mut scene, "new", &new, &entries, &["A", "B"]);

    // The old image runs, and is used.
    let _ = boot(&mut scene, "old", "A");
    write_everywhere(&scene, "with the old image");
    let before = Facts::of(&scene.data("slots/A"));

    // The new one runs, and is used. Its files came through, and what was written is there.
    let applied = boot(&mut scene, "new", "B");
    assert_eq!(applied.report["event"], "update");
    assert_eq!(fs::read_to_string(scene.root("/etc/hosts")).unwrap(), "new");
    assert_eq!(fs::read_to_string(scene.root("/etc/own")).unwrap(), "with the old image");
    write_everywhere(&scene, "with the new image");
    fs::remove_file(scene.root("/etc/own")).unwrap();

    // It is no good, so the old one runs again.
    assert_eq!(Facts::of(&scene.data("slots/A")), before, "the state waited as it was");
    let applied = boot(&mut scene, "old", "A");

    // All is as it was,
    assert_eq!(Facts::of(&scene.data("slots/A")), before);
    for path in ["/var/lib/app/own", "/etc/own", "/var/cache/own", "/opt/own"] {
        assert_eq!(fs::read_to_string(scene.root(path)).unwrap(), "with the old image", "{path}");
    }
    // except what the updater keeps, which learns from it and from the report that there was a rollback.
    assert_eq!(fs::read_to_string(scene.root("/var/lib/updater/own")).unwrap(), "with the new image");
    assert_eq!(applied.report["event"], "rollback");
    assert_eq!(applied.report["previous"]["image-id"], "new");
}

fn write_everywhere(scene: &Scene, content: &str) {
    for directory in ["/var/lib/app", "/etc", "/var/cache", "/opt", "/var/lib/updater"] {
        fs::write(scene.root(directory).join("own"), content).unwrap();
    }
    fs::write(scene.root("/opt/tool"), content).unwrap();
}

/// All facts about all files: names, content, and metadata to the nanosecond, even which inode it is.
#[derive(Debug, PartialEq, Eq)]
struct Facts(BTreeMap<PathBuf, File>);

#[derive(Debug, PartialEq, Eq)]
struct File {
    /// Mode, owner, group, links, inode, size.
    numbers: [u64; 6],
    /// Of content and of the inode.
    times: [i64; 4],
    content: Vec<u8>,
}

impl Facts {
    fn of(top: &Path) -> Self {
        let mut facts = Self(BTreeMap::new());
        facts.add(top);
        facts
    }

    fn add(&mut self, place: &Path) {
        // Belongs to the kernel, which fills it anew for each mount of an overlay.
        if place.ends_with("work") {
            return;
        }
        let of = fs::symlink_metadata(place).unwrap();
        let content = if of.is_file() { fs::read(place).unwrap() } else { Vec::new() };
        let numbers = [of.mode().into(), of.uid().into(), of.gid().into(), of.nlink(), of.ino(), of.size()];
        let times = [of.mtime(), of.mtime_nsec(), of.ctime(), of.ctime_nsec()];
        self.0.insert(place.to_owned(), File { numbers, times, content });
        if of.is_dir() {
            for entry in fs::read_dir(place).unwrap() {
                self.add(&entry.unwrap().path());
            }
        }
    }
}
