//! What is put in place of what belongs somewhere.

use std::ffi::CString;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;

use nix::sys::stat::{Mode, SFlag, makedev, mknod};
use nix::unistd::mkfifo;
use rustix::fs::IFlags;
use state_tests::scene::mount_tmpfs;

use crate::witness::Witness;

/// One way to spoil a place.
pub(crate) struct Attack {
    pub(crate) name: &'static str,
    pub(crate) result: Spoiled,
    /// Spoils the place at the path, with something from outside where it needs that.
    pub(crate) put: fn(&Path, &Witness),
}

/// What the place is then.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Spoiled {
    /// A directory, with something in it.
    Directory,
    /// A file of one name.
    File,
    /// Neither a directory nor a file of one name.
    Neither,
    /// What it was, covered by another mount.
    Covered,
    /// What it was, but nobody may change it.
    Fixed,
    /// The other of file and directory, and nobody may change or move it.
    FixedMisfit,
}

use Spoiled::{Covered, Directory, File, Fixed, FixedMisfit, Neither};

pub(crate) const ATTACKS: &[Attack] = &[
    link("absolute_symlink_to_directory", |at, outside| symlink(outside.directory(), at).unwrap()),
    link("absolute_symlink_to_file", |at, outside| symlink(outside.file(), at).unwrap()),
    link("relative_symlink_to_directory", |at, outside| {
        symlink(relative(at, &outside.near("directory")), at).unwrap();
    }),
    link("relative_symlink_to_file", |at, outside| symlink(relative(at, &outside.near("file")), at).unwrap()),
    link("symlink_to_place_in_the_image", |at, _| symlink("/usr/lib", at).unwrap()),
    link("magic_symlink_to_root", |at, _| symlink("/proc/self/root", at).unwrap()),
    link("magic_symlink_to_working_directory", |at, _| symlink("/proc/self/cwd", at).unwrap()),
    link("magic_symlink_to_descriptor", |at, _| symlink("/proc/self/fd/3", at).unwrap()),
    link("dangling_symlink", |at, _| symlink("/no/such/place", at).unwrap()),
    link("symlink_loop", |at, _| symlink(at, at).unwrap()),
    link("symlink_up", |at, _| symlink("../../../../../../..", at).unwrap()),
    link("fifo", |at, _| mkfifo(at, Mode::from_bits_truncate(0o666)).unwrap()),
    link("fifo_outside", |at, outside| fs::hard_link(outside.near("fifo"), at).unwrap()),
    link("socket", |at, _| drop(bind_socket(at))),
    link("character_device", |at, _| device(at, SFlag::S_IFCHR, 1, 3)),
    link("tape_device", |at, _| device(at, SFlag::S_IFCHR, 9, 0)),
    link("whiteout", |at, _| device(at, SFlag::S_IFCHR, 0, 0)),
    link("block_device", |at, _| device(at, SFlag::S_IFBLK, 7, 0)),
    link("hard_link_to_file_outside", |at, outside| fs::hard_link(outside.near("file"), at).unwrap()),
    Attack { name: "file", result: File, put: |at, _| replace(at, |at| fs::write(at, "x").unwrap()) },
    Attack { name: "setuid_program", result: File, put: |at, _| replace(at, setuid_program) },
    Attack { name: "directory", result: Directory, put: |at, _| replace(at, directory) },
    Attack { name: "directory_of_links", result: Directory, put: directory_of_links },
    Attack { name: "mount_on_top", result: Covered, put: cover },
    Attack { name: "immutable", result: Fixed, put: |at, _| set_flag(at, IFlags::IMMUTABLE) },
    Attack { name: "append_only", result: Fixed, put: |at, _| set_flag(at, IFlags::APPEND) },
    Attack {
        name: "immutable_of_another_type",
        result: FixedMisfit,
        put: |at, _| misfit(at, IFlags::IMMUTABLE),
    },
    Attack {
        name: "append_only_of_another_type",
        result: FixedMisfit,
        put: |at, _| misfit(at, IFlags::APPEND),
    },
];

/// An attack that leaves something which is neither a directory nor a file of its own.
const fn link(name: &'static str, put: fn(&Path, &Witness)) -> Attack {
    Attack { name, result: Neither, put }
}

impl Attack {
    /// Spoils the place at the path.
    pub(crate) fn spoil(&self, at: &Path, outside: &Witness) {
        if self.result == Neither {
            replace(at, |at| (self.put)(at, outside));
        } else {
            (self.put)(at, outside);
        }
    }
}

/// Moves what is there away, to a place that nobody looks at, and puts something else there.
fn replace(at: &Path, put: impl FnOnce(&Path)) {
    if at.symlink_metadata().is_ok() {
        let mut moved = at.as_os_str().to_owned();
        moved.push(".moved");
        fs::rename(at, moved).unwrap();
    }
    fs::create_dir_all(at.parent().unwrap()).unwrap();
    put(at);
}

/// A path relative to the directory of `at`.
fn relative(at: &Path, to: &Path) -> std::path::PathBuf {
    let at: Vec<_> = at.parent().unwrap().components().collect();
    let to: Vec<_> = to.components().collect();
    let shared = at.iter().zip(&to).take_while(|(one, other)| one == other).count();
    let up = at.iter().skip(shared).map(|_| std::path::Component::ParentDir);
    up.chain(to.into_iter().skip(shared)).collect()
}

/// Binds where it is, since the address of a socket holds 108 bytes only.
fn bind_socket(at: &Path) -> UnixListener {
    let before = std::env::current_dir().unwrap();
    std::env::set_current_dir(at.parent().unwrap()).unwrap();
    let listener = UnixListener::bind(at.file_name().unwrap()).unwrap();
    std::env::set_current_dir(before).unwrap();
    listener
}

fn device(at: &Path, kind: SFlag, major: u64, minor: u64) {
    mknod(at, kind, Mode::from_bits_truncate(0o666), makedev(major, minor)).unwrap();
}

fn setuid_program(at: &Path) {
    fs::copy("/bin/true", at).unwrap();
    fs::set_permissions(at, fs::Permissions::from_mode(0o4755)).unwrap();
}

fn directory(at: &Path) {
    fs::create_dir(at).unwrap();
    fs::write(at.join("inside"), "x").unwrap();
}

/// A directory in which everything that the program may look for next is a link to outside.
fn directory_of_links(at: &Path, outside: &Witness) {
    replace(at, |at| {
        fs::create_dir(at).unwrap();
        for name in [
            "app", "conf", "tool", "lib", "keys", "file", "sub", "hostname", "shared", "status", "keep",
            "tree",
        ] {
            symlink(outside.directory(), at.join(name)).unwrap();
        }
    });
}

fn cover(at: &Path, _: &Witness) {
    let Ok(metadata) = at.symlink_metadata() else { return directory(at) };
    if metadata.is_dir() {
        mount_tmpfs(at);
    } else {
        let cover = at.with_extension("cover");
        fs::write(&cover, "cover").unwrap();
        state_tests::scene::bind(&cover, at);
    }
}

fn set_flag(at: &Path, flag: IFlags) {
    if at.symlink_metadata().is_err() {
        directory(at);
    }
    let file = fs::File::open(at).unwrap();
    rustix::fs::ioctl_setflags(&file, flag).expect("a file system with flags");
}

fn misfit(at: &Path, flag: IFlags) {
    let is_directory = at.is_dir();
    replace(at, |at| if is_directory { fs::write(at, "x").unwrap() } else { directory(at) });
    set_flag(at, flag);
}

/// Gives a directory extended attributes that mean something to an overlay.
pub(crate) fn set_attribute(at: &Path, name: &str, value: &[u8]) {
    let path = CString::new(at.as_os_str().as_bytes()).unwrap();
    rustix::fs::lsetxattr(&path, name, value, rustix::fs::XattrFlags::empty()).expect("an attribute");
}
