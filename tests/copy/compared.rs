//! Whole trees: a made-up one, and a Debian's own.

use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use state_tests::scene::{Scene, directory, persistent};

use crate::Case;
use crate::facts::{Space, Tree};
use crate::file_system::{FileSystem, run, scene_on};
use crate::oddities;

pub(crate) const CASES: &[Case] = &[
    ("compared::on_btrfs", on_btrfs),
    ("compared::on_ext4", on_ext4),
    ("compared::on_tmpfs", on_tmpfs),
    ("compared::on_xfs", on_xfs),
    ("compared::from_ext4_to_xfs", from_ext4_to_xfs),
    ("compared::from_xfs_to_btrfs", from_xfs_to_btrfs),
];

fn on_btrfs() {
    compare(FileSystem::Btrfs, FileSystem::Btrfs);
}

fn on_ext4() {
    compare(FileSystem::Ext4, FileSystem::Ext4);
}

fn on_tmpfs() {
    compare(FileSystem::Tmpfs, FileSystem::Tmpfs);
}

fn on_xfs() {
    compare(FileSystem::Xfs, FileSystem::Xfs);
}

fn from_ext4_to_xfs() {
    compare(FileSystem::Ext4, FileSystem::Xfs);
}

fn from_xfs_to_btrfs() {
    compare(FileSystem::Xfs, FileSystem::Btrfs);
}

/// What is seeded.
const ENTRIES: [&str; 3] = ["/srv", "/etc", "/var"];

/// Seeds trees of an image on the file system `from` to sys-data on `to`, and compares them with the image's, and
/// with what `cp` makes of it.
fn compare(from: FileSystem, to: FileSystem) {
    let image = from.mount();
    let data = if from == to { image.clone() } else { to.mount() };
    let scene = scene_on(&image, &data);
    scene.add_directory("/srv/odd");
    let longest = from.longest_target().min(to.longest_target());
    oddities::make(&scene.image("/srv/odd"), longest);
    make_zeroes(&scene.image("/srv/zeroes"));
    add_debian(&scene);
    scene.add_directory("/opt");
    make_beyond_paths(&scene.image("/opt"));
    scene.plan(&[
        persistent(directory("/srv")),
        persistent(directory("/etc")),
        persistent(directory("/var")),
        persistent(directory("/opt")),
    ]);
    let sockets: u64 = ENTRIES.iter().map(|path| Tree::at(&scene.image(path)).sockets).sum();
    let applied = scene.apply().expect(0);
    assert_eq!(applied.report["left-out"], sockets);
    assert!(sockets > 0);
    for path in ENTRIES {
        let copied = data.join("cp").join(path.trim_start_matches('/'));
        fs::create_dir_all(copied.parent().unwrap()).unwrap();
        run(Command::new("cp").args(["-a", "--sparse=always"]).arg(scene.image(path)).arg(&copied));
        // Until then, file systems have not decided how much space a file takes.
        run(Command::new("sync").arg("--file-system").arg(&data));
        let [original, seeded, copied] =
            [scene.image(path), seeded(&scene, path), copied].map(|top| Tree::at(&top));
        assert_eq!(seeded.sockets, 0);
        seeded.expect_same(&original, "the image");
        seeded.expect_same(&copied, "cp");
        assert!(seeded.facts.len() > 100, "{path} is no tree to speak of");
        expect_no_more_space(&seeded, &copied, (from == to).then_some(&original));
    }
    // No path leads there, and so neither does cp.
    Tree::at(&seeded(&scene, "/opt")).expect_same(&Tree::at(&scene.image("/opt")), "the image");
    if from == to && matches!(to, FileSystem::Btrfs | FileSystem::Xfs) {
        expect_shared(&seeded(&scene, "/srv").join("odd/large"));
        expect_shared(&seeded(&scene, "/srv").join("odd/hole-inside"));
    }
}

fn seeded(scene: &Scene, path: &str) -> PathBuf {
    scene.data("slots/A/tree").join(path.trim_start_matches('/'))
}

/// A file of zeroes that take up space, between two bytes.
fn make_zeroes(path: &Path) {
    let file = File::create(path).unwrap();
    file.write_all_at(&vec![0; 3_000_000], 0).unwrap();
    file.write_all_at(b"x", 0).unwrap();
    file.write_all_at(b"x", 2_999_999).unwrap();
}

/// The machine's own /etc and /var, without what is large or comes and goes while it is looked at.
fn add_debian(scene: &Scene) {
    for path in ["/etc", "/var/lib"] {
        scene.add_directory(path);
    }
    run(Command::new("cp").args(["-ax", "/etc/.", scene.image("/etc").to_str().unwrap()]));
    for path in ["/var/lib/dpkg", "/var/backups", "/var/spool", "/var/mail"] {
        run(Command::new("cp").args(["-ax", path, scene.image(path).to_str().unwrap()]));
    }
}

/// Directories so deep that no path of the kernel's leads there, with something at the bottom.
fn make_beyond_paths(top: &Path) {
    let before = std::env::current_dir().unwrap();
    std::env::set_current_dir(top).unwrap();
    for _ in 0..1200 {
        fs::create_dir("a directory").unwrap();
        fs::write("file", "content").unwrap();
        std::env::set_current_dir("a directory").unwrap();
    }
    std::os::unix::fs::symlink("../file", "link").unwrap();
    std::env::set_current_dir(before).unwrap();
}

/// Fails when a file takes up more than where `cp` has looked for zeroes, but for a block each stretch of data.
/// Where the kernel copies, within one file system, nobody looks: there it may take what the original takes.
fn expect_no_more_space(seeded: &Tree, copied: &Tree, original: Option<&Tree>) {
    for (name, space) in &seeded.spaces {
        let of = |tree: &Tree| tree.spaces[name];
        let Space { mut bytes, segments } = of(copied);
        if let Some(original) = original {
            bytes = bytes.max(of(original).bytes);
        }
        let most = bytes + 4096 * segments;
        assert!(space.bytes <= most, "{}: {} of {most} bytes", String::from_utf8_lossy(name), space.bytes);
    }
}

/// Fails unless the file's blocks belong to another file as well.
fn expect_shared(path: &Path) {
    let listed = run(Command::new("filefrag").arg("-v").arg(path));
    let extents: Vec<_> = listed.lines().filter(|line| line.contains("..")).collect();
    assert!(!extents.is_empty(), "{listed}");
    assert!(extents.iter().all(|extent| extent.contains("shared")), "{listed}");
}
