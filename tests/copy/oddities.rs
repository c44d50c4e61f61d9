//! A tree of everything that a file system can hold.

use std::ffi::OsStr;
use std::fs::{self, File, Permissions};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileExt as _, PermissionsExt as _, lchown, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;

use nix::fcntl::AT_FDCWD;
use nix::sys::stat::{Mode, SFlag, UtimensatFlags, makedev, mknod, utimensat};
use nix::sys::time::TimeSpec;
use nix::unistd::mkfifo;
use rustix::fs::{XattrFlags, lsetxattr};

/// A capability as `linux/capability.h` lays it out: version 2, effective, `CAP_NET_RAW`.
const CAPABILITY: [u8; 20] = {
    let mut value = [0; 20];
    (value[0], value[3], value[5]) = (1, 2, 0x20);
    value
};

/// Makes the tree in the directory `top`, which is empty.
pub(crate) fn make(top: &Path, longest_target: usize) {
    let at = |name: &str| top.join(name);
    for directory in ["one", "two/three", "empty", "sticky", "setgid", "inherited", "many"] {
        fs::create_dir_all(at(directory)).unwrap();
    }
    make_types(top, longest_target);
    make_names(top);
    make_links(top);
    make_sparse(top);
    // A directory with more than is read at once, files and directories mixed.
    for number in 0..1500 {
        fs::create_dir(at(&format!("many/{number:x}"))).unwrap();
        fs::write(at(&format!("many/{number:x}-file")), number.to_string()).unwrap();
    }
    let mut deep = at("deep");
    for level in 0..1200 {
        fs::create_dir(&deep).unwrap();
        set_time(&deep, 1_000_000 + level, 5);
        deep.push("d");
    }
    make_attributes(top);
    // Owners before modes, as always.
    for (name, user, group) in [("file", 1, 2), ("link", 3, 4), ("fifo", 5, 6), ("two", 3_000_000_000, 7)] {
        lchown(at(name), Some(user), Some(group)).unwrap();
    }
    for (name, mode) in [
        ("file", 0o640),
        ("empty-file", 0),
        ("setuid", 0o4755),
        ("setgid-file", 0o2711),
        ("both", 0o6750),
        ("sticky", 0o1777),
        ("setgid", 0o2775),
        ("two/three", 0o500),
        ("fifo", 0o4622),
        ("block", 0o7660),
        ("inherited/file", 0o600),
    ] {
        fs::set_permissions(at(name), Permissions::from_mode(mode)).unwrap();
    }
    // A change of mode would not take this away, one of the owner would.
    set_attribute(&at("file"), "security.capability", &CAPABILITY);
    for (number, name) in
        ["file", "link", "dangling", "fifo", "char", "block", "two", "inherited/file"].into_iter().enumerate()
    {
        set_time(&at(name), 1_500_000_000 + i64::try_from(number).unwrap(), 123_456_789);
    }
    set_time(&at("empty-file"), -1_000_000_000, 1);
    set_time(&at("setuid"), 4_102_444_800, 999_999_999);
    set_time(&at("empty"), -1, 999_999_999);
    set_time(&at("one"), 4_102_444_800, 1);
}

fn make_types(top: &Path, longest_target: usize) {
    let at = |name: &str| top.join(name);
    for name in ["file", "setuid", "setgid-file", "both", "inherited/file"] {
        fs::write(at(name), format!("content of {name}\n").repeat(1000)).unwrap();
    }
    fs::write(at("empty-file"), "").unwrap();
    fs::write(at("large"), (0..1_000_000_u32).flat_map(u32::to_le_bytes).collect::<Vec<_>>()).unwrap();
    symlink("file", at("link")).unwrap();
    symlink("/no/../where \n", at("dangling")).unwrap();
    symlink("x/".repeat(longest_target / 2 + 1).get(..longest_target).unwrap(), at("long-link")).unwrap();
    symlink("loop", at("loop")).unwrap();
    mkfifo(&at("fifo"), Mode::S_IRWXU).unwrap();
    mknod(&at("char"), SFlag::S_IFCHR, Mode::S_IRWXU, makedev(1, 3)).unwrap();
    mknod(&at("block"), SFlag::S_IFBLK, Mode::S_IRWXU, makedev(300, 70_000)).unwrap();
    UnixListener::bind(at("two/socket")).unwrap();
}

fn make_names(top: &Path) {
    let names: [&[u8]; 7] =
        [b"new\nline", b"\xff\xfe", &[b'n'; 255], b"-rf", b" ", b"back\\slash", "ünïcödé".as_bytes()];
    for name in names {
        fs::write(top.join(OsStr::from_bytes(name)), name).unwrap();
    }
    fs::create_dir(top.join(OsStr::from_bytes(&[0xff; 255]))).unwrap();
}

/// Files with several names: across directories, of every type, and one whose other name is not in the tree.
fn make_links(top: &Path) {
    let link = |from: &str, to: &str| {
        nix::unistd::linkat(AT_FDCWD, &top.join(from), AT_FDCWD, &top.join(to), nix::fcntl::AtFlags::empty())
            .unwrap();
    };
    for (from, to) in [
        ("setuid", "one/setuid"),
        ("setuid", "two/three/setuid"),
        ("fifo", "one/fifo"),
        ("link", "two/link"),
        ("char", "two/char"),
        ("large", "many/large"),
    ] {
        link(from, to);
    }
    for group in 0..50 {
        let first = format!("one/{group}");
        fs::write(top.join(&first), first.repeat(group)).unwrap();
        for name in 0..group % 4 {
            link(&first, &format!("two/three/{group}-{name}"));
        }
    }
}

fn make_sparse(top: &Path) {
    const HOLE: u64 = 1 << 20;
    let sparse = |name: &str, data: &[u64], size: u64| {
        let file = File::create(top.join(name)).unwrap();
        for &at in data {
            file.write_all_at(&[7; 10_000], at).unwrap();
        }
        file.set_len(size).unwrap();
    };
    sparse("hole-at-start", &[HOLE], HOLE + 10_000);
    sparse("hole-inside", &[0, HOLE, 3 * HOLE], 3 * HOLE + 10_000);
    sparse("hole-at-end", &[0], HOLE);
    sparse("hole-everywhere", &[HOLE, 5 << 30], 6 << 30);
    sparse("hole-alone", &[], 3 << 30);
    sparse("hole-of-one-byte", &[], 1);
}

fn make_attributes(top: &Path) {
    let at = |name: &str| top.join(name);
    for name in ["file", "two", "large", "empty-file"] {
        set_attribute(&at(name), "user.test", name.as_bytes());
    }
    for name in ["file", "two", "link", "dangling", "fifo", "char", "block"] {
        set_attribute(&at(name), "trusted.test", name.as_bytes());
    }
    // No kernel of the tests has SELinux at work; the label is kept by its name.
    for name in ["file", "two", "link", "fifo"] {
        set_attribute(&at(name), "security.selinux", b"system_u:object_r:etc_t:s0\0");
    }
    set_attribute(&at("setuid"), "user.empty", b"");
    set_attribute(&at("both"), "user.large", &[b'v'; 2000]);
    for number in 0..40 {
        set_attribute(&at("setgid-file"), &format!("user.one-of-many-attributes-{number}"), b"v");
    }
    set_attribute(&at("both"), "system.posix_acl_access", &access_control_list());
    set_attribute(&at("fifo"), "system.posix_acl_access", &access_control_list());
    // What lies in these has no list; nothing that is made in a copy may inherit one.
    set_attribute(&at("inherited"), "system.posix_acl_default", &access_control_list());
    set_attribute(&at("many"), "system.posix_acl_default", &access_control_list());
}

/// A list as `linux/posix_acl_xattr.h` lays it out, which lets user 12 do everything.
fn access_control_list() -> Vec<u8> {
    let mut value = 2_u32.to_le_bytes().to_vec();
    for (tag, permissions, id) in
        [(1_u16, 6_u16, u32::MAX), (2, 7, 12), (4, 4, u32::MAX), (0x10, 5, u32::MAX), (0x20, 4, u32::MAX)]
    {
        value.extend([tag.to_le_bytes(), permissions.to_le_bytes()].concat());
        value.extend(id.to_le_bytes());
    }
    value
}

fn set_attribute(path: &Path, name: &str, value: &[u8]) {
    lsetxattr(path, name, value, XattrFlags::empty())
        .unwrap_or_else(|error| panic!("{name} of {}: {error}", path.display()));
}

fn set_time(path: &Path, seconds: i64, nanoseconds: i64) {
    let time = TimeSpec::new(seconds, nanoseconds);
    let accessed = TimeSpec::new(seconds - 7, nanoseconds);
    utimensat(AT_FDCWD, path, &accessed, &time, UtimensatFlags::NoFollowSymlink).unwrap();
}
