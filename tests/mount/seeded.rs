//! The first content.

use std::fs;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;

use nix::sys::stat::{Mode, UtimensatFlags, utimensat};
use nix::sys::time::TimeSpec;
use state_schema::{Entry, Seed};
use state_tests::scene::{Scene, directory, file, mount_tmpfs, persistent};

use crate::Case;

pub(crate) const CASES: &[Case] = &[
    ("seeded::tree_is_copied_with_all_that_belongs_to_it", tree_is_copied_with_all_that_belongs_to_it),
    ("seeded::entry_has_its_own_owner_and_mode", entry_has_its_own_owner_and_mode),
    ("seeded::content_can_be_none_or_text", content_can_be_none_or_text),
    ("seeded::large_file_is_copied", large_file_is_copied),
    ("seeded::leftovers_are_discarded", leftovers_are_discarded),
    ("seeded::missing_source_is_an_error", missing_source_is_an_error),
    ("seeded::too_deep_is_an_error", too_deep_is_an_error),
    ("seeded::attribute_that_cannot_be_kept_is_an_error", attribute_that_cannot_be_kept_is_an_error),
];

fn set_times(path: &Path, atime: i64, mtime: i64) {
    let time = |seconds| TimeSpec::new(seconds, 123_456_789);
    utimensat(nix::fcntl::AT_FDCWD, path, &time(atime), &time(mtime), UtimensatFlags::NoFollowSymlink)
        .unwrap();
}

/// Type and mode, owner, size, times: what a copy has to keep.
fn facts(path: &Path) -> (u32, u32, u32, u64, i64, i64, i64, i64) {
    let m = fs::symlink_metadata(path).unwrap();
    let size = if m.is_dir() { 0 } else { m.size() };
    (m.mode(), m.uid(), m.gid(), size, m.atime(), m.atime_nsec(), m.mtime(), m.mtime_nsec())
}

fn attribute(path: &Path, name: &str) -> Vec<u8> {
    let mut value = [0; 256];
    let len =
        rustix::fs::lgetxattr(path, name, &mut value).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    value[..len].to_vec()
}

fn set_attribute(path: &Path, name: &str, value: &[u8]) {
    rustix::fs::lsetxattr(path, name, value, rustix::fs::XattrFlags::empty()).unwrap();
}

/// The attribute that holds an access control list, and one that lets user 0 do everything: as
/// `linux/posix_acl_xattr.h` says, a version, then tag, permissions and id of each entry.
const ACL: &str = "system.posix_acl_access";
const ACL_VALUE: [u8; 44] = {
    const NONE: [u8; 4] = [0xff; 4];
    let entries: [(u8, u8, [u8; 4]); 5] =
        [(0x01, 6, NONE), (0x02, 7, [0; 4]), (0x04, 4, NONE), (0x10, 5, NONE), (0x20, 4, NONE)];
    let mut value = [0; 44];
    value[0] = 2;
    let mut at = 0;
    while at < entries.len() {
        let (tag, permissions, id) = entries[at];
        let start = 4 + 8 * at;
        (value[start], value[start + 2]) = (tag, permissions);
        let mut byte = 0;
        while byte < 4 {
            value[start + 4 + byte] = id[byte];
            byte += 1;
        }
        at += 1;
    }
    value
};

fn is_real_root() -> bool {
    fs::read_to_string("/proc/self/uid_map").unwrap().split_whitespace().collect::<Vec<_>>()
        == ["0", "0", "4294967295"]
}

fn tree_is_copied_with_all_that_belongs_to_it() {
    let scene = Scene::new();
    let names = ["", "/sub", "/sub/file", "/setuid", "/link", "/dangling", "/fifo", "/odd \n\\name"];
    scene.add_file("/srv/tree/sub/file", "content");
    scene.add_file("/srv/tree/setuid", "tool");
    scene.add_file("/srv/tree/odd \n\\name", "odd");
    let at = |name: &str| scene.image(&format!("/srv/tree{name}"));
    fs::set_permissions(at("/sub"), fs::Permissions::from_mode(0o3771)).unwrap();
    fs::set_permissions(at("/sub/file"), fs::Permissions::from_mode(0o640)).unwrap();
    symlink("sub/file", at("/link")).unwrap();
    symlink("/nowhere/../at all", at("/dangling")).unwrap();
    nix::unistd::mkfifo(&at("/fifo"), Mode::from_bits_truncate(0o620)).unwrap();
    let _socket = UnixListener::bind(at("/socket")).unwrap();
    if is_real_root() {
        let kind = nix::sys::stat::SFlag::S_IFCHR;
        let device = nix::sys::stat::makedev(1, 3);
        nix::sys::stat::mknod(&at("/null"), kind, Mode::from_bits_truncate(0o666), device).unwrap();
        fs::set_permissions(at("/null"), fs::Permissions::from_mode(0o666)).unwrap();
        for (name, id) in [("/sub", 7), ("/sub/file", 1234), ("/setuid", 99), ("/link", 42), ("/fifo", 5)] {
            std::os::unix::fs::lchown(at(name), Some(id), Some(id + 1)).unwrap();
        }
        set_attribute(&at("/sub/file"), "trusted.test", b"trusted");
        set_attribute(&at("/link"), "trusted.test", b"of a link");
    }
    // After the owner, which takes it away.
    fs::set_permissions(at("/setuid"), fs::Permissions::from_mode(0o6755)).unwrap();
    set_attribute(&at("/sub"), "user.test", b"of a directory");
    set_attribute(&at("/sub/file"), "user.test", b"of a file");
    set_attribute(&at("/odd \n\\name"), ACL, &ACL_VALUE);
    for (index, name) in names.iter().rev().enumerate() {
        let index = i64::try_from(index).unwrap();
        set_times(&at(name), 1_000_000_000 + index, 1_100_000_000 + index);
    }
    let expected = names.map(|name| facts(&at(name)));

    scene.plan(&[
        persistent(directory("/srv/tree")),
        Entry { seed: Seed::Empty, ..directory("/srv/unrelated") },
    ]);
    scene.add_directory("/srv/unrelated");
    let applied = scene.apply().expect(0);
    assert_eq!(applied.report["left-out"], 1, "the socket");
    assert_eq!(applied.stderr, "stated: sockets of the image, left out of its state: 1\n");

    let tree = scene.data("slots/A/tree/srv/tree");
    let copy = |name: &str| if name.is_empty() { tree.clone() } else { tree.join(&name[1..]) };
    assert_eq!(names.map(|name| facts(&copy(name))), expected);
    assert_eq!(fs::read_to_string(copy("/sub/file")).unwrap(), "content");
    assert_eq!(fs::read_link(copy("/dangling")).unwrap(), Path::new("/nowhere/../at all"));
    assert!(fs::symlink_metadata(copy("/fifo")).unwrap().file_type().is_fifo());
    assert!(!copy("/socket").exists(), "a socket means nothing without its process");
    assert_eq!(attribute(&copy("/sub"), "user.test"), b"of a directory");
    assert_eq!(attribute(&copy("/sub/file"), "user.test"), b"of a file");
    assert_eq!(attribute(&copy("/odd \n\\name"), ACL), ACL_VALUE);
    if is_real_root() {
        assert_eq!(attribute(&copy("/sub/file"), "trusted.test"), b"trusted");
        assert_eq!(attribute(&copy("/link"), "trusted.test"), b"of a link");
        let null = fs::symlink_metadata(copy("/null")).unwrap();
        assert!(null.file_type().is_char_device());
        assert_eq!((null.rdev(), null.mode() & 0o7777), (nix::sys::stat::makedev(1, 3), 0o666));
    }
}

fn entry_has_its_own_owner_and_mode() {
    let scene = Scene::new();
    scene.add_file("/etc/secret", "x");
    scene.add_directory("/var/spool");
    let id = if is_real_root() { 123 } else { 0 };
    let own = |entry, mode| Entry { uid: id, gid: id, mode: state_schema::Mode::new(mode).unwrap(), ..entry };
    scene.plan(&[
        own(persistent(file("/etc/secret")), 0o4600),
        own(directory("/var/spool"), 0o1777),
        own(Entry { seed: Seed::Text("t"), ..file("/etc/text") }, 0o400),
    ]);
    scene.add_file("/etc/text", "");
    let _ = scene.apply().expect(0);
    for (path, mode) in [("/etc/secret", 0o4600), ("/var/spool", 0o1777), ("/etc/text", 0o400)] {
        let m = fs::metadata(scene.root(path)).unwrap();
        assert_eq!((m.mode() & 0o7777, m.uid(), m.gid()), (mode, id, id), "{path}");
    }
}

fn content_can_be_none_or_text() {
    let scene = Scene::new();
    scene.add_file("/etc/file", "factory");
    scene.add_file("/etc/dir/file", "factory");
    scene.add_file("/etc/text", "factory");
    scene.plan(&[
        Entry { seed: Seed::Empty, ..file("/etc/file") },
        Entry { seed: Seed::Empty, ..directory("/etc/dir") },
        Entry { seed: Seed::Text("two\nlines ä\n"), ..persistent(file("/etc/text")) },
    ]);
    let _ = scene.apply().expect(0);
    assert_eq!(fs::read(scene.root("/etc/file")).unwrap(), b"");
    assert_eq!(fs::read_dir(scene.root("/etc/dir")).unwrap().count(), 0);
    assert_eq!(fs::read_to_string(scene.root("/etc/text")).unwrap(), "two\nlines ä\n");
}

fn large_file_is_copied() {
    let scene = Scene::new();
    let content = "a line of text\n".repeat(60_000);
    scene.add_file("/srv/large/file", &content);
    scene.plan(&[persistent(directory("/srv/large"))]);
    let _ = scene.apply().expect(0);
    assert!(fs::read_to_string(scene.root("/srv/large/file")).unwrap() == content);
}

fn leftovers_are_discarded() {
    let scene = Scene::new();
    scene.add_file("/srv/dir/file", "factory");
    scene.plan(&[persistent(directory("/srv/dir"))]);
    let outside = scene.data("outside");
    fs::create_dir_all(outside.join("keep")).unwrap();
    let tmp = scene.data("tmp");
    // Half a seed under the name that this run will use, and what a compromised service may leave there.
    fs::create_dir_all(tmp.join("0/half")).unwrap();
    fs::write(tmp.join("0/half/file"), "half").unwrap();
    symlink(&outside, tmp.join("link")).unwrap();
    symlink(&outside, tmp.join("0/link")).unwrap();
    nix::unistd::mkfifo(&tmp.join("0/fifo"), Mode::S_IRWXU).unwrap();
    fs::create_dir(tmp.join("A")).unwrap();
    fs::create_dir(tmp.join("version")).unwrap();
    // A thousand levels, which no path reaches, and a great many siblings.
    std::env::set_current_dir(&tmp).unwrap();
    for _ in 0..1000 {
        fs::create_dir("deeper").unwrap();
        fs::write("file", "").unwrap();
        std::env::set_current_dir("deeper").unwrap();
    }
    std::env::set_current_dir("/").unwrap();
    for sibling in 0..100_000 {
        fs::create_dir(tmp.join(format!("0/half/{sibling}"))).unwrap();
    }
    fs::create_dir(tmp.join("0/half/7/full")).unwrap();
    let _ = scene.apply().expect(0);
    assert_eq!(fs::read_dir(&tmp).unwrap().count(), 0);
    assert!(outside.join("keep").exists(), "nothing was followed");
    let names: Vec<_> =
        fs::read_dir(scene.root("/srv/dir")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["file"]);
}

fn missing_source_is_an_error() {
    let scene = Scene::new();
    scene.add_directory("/etc");
    scene.plan(&[
        Entry { on_failure: state_schema::OnFailure::Skip, ..directory("/etc/missing") },
        file("/etc/there"),
    ]);
    scene.add_file("/etc/there", "");
    let applied = scene.apply().expect(3);
    applied.expect_outcome("/etc/missing", "skipped");
    applied.expect_outcome("/etc/there", "mounted");
    let reason = "cannot open the image's /etc/missing: openat2: ENOENT (2)";
    assert_eq!(applied.entry("/etc/missing")["reason"], reason);
    assert_eq!(applied.stderr, format!("stated: /etc/missing: skipped: {reason}\n"));
}

fn too_deep_is_an_error() {
    let scene = Scene::new();
    scene.add_directory("/srv");
    // More than any path reaches, where they end with the namespace: others remove directories by recursion.
    mount_tmpfs(&scene.root("/srv"));
    std::env::set_current_dir(scene.root("/srv")).unwrap();
    for _ in 0..17_000 {
        fs::create_dir("d").unwrap();
        std::env::set_current_dir("d").unwrap();
    }
    std::env::set_current_dir("/").unwrap();
    scene.plan(&[Entry { on_failure: state_schema::OnFailure::Skip, ..persistent(directory("/srv")) }]);
    let applied = scene.apply().expect(3);
    let reason = applied.entry("/srv")["reason"].as_str().unwrap().to_owned();
    assert!(reason.starts_with("cannot copy the image's /srv/d/d/"), "{reason}");
    assert!(reason.ends_with(": directories are nested too deeply"), "{reason}");
    assert_eq!(fs::read_dir(scene.data("tmp")).unwrap().count(), 0, "what was begun is removed");
    assert!(!scene.data("slots/A/tree/srv").exists());
}

fn attribute_that_cannot_be_kept_is_an_error() {
    let scene = Scene::new();
    scene.add_file("/srv/dir/file", "");
    set_attribute(&scene.image("/srv/dir/file"), "user.test", b"x");
    scene.plan(&[persistent(directory("/srv/dir"))]);
    // A file system without attributes.
    let none = None::<&str>;
    nix::mount::mount(none, &scene.data(""), Some("ramfs"), nix::mount::MsFlags::empty(), none).unwrap();
    let applied = scene.apply().expect(3);
    applied.expect_outcome("/srv/dir", "degraded");
    assert_eq!(
        applied.entry("/srv/dir")["reason"],
        "cannot copy the image's /srv/dir/file: extended attribute user.test: EOPNOTSUPP (95)"
    );
    assert_eq!(attribute(&scene.root("/srv/dir/file"), "user.test"), b"x");
}
