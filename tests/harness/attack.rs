//! What is put in place of what belongs somewhere on a hostile sys-data.

use std::fs;
use std::io;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Component, Path, PathBuf};

use nix::mount::{MsFlags, mount};
use nix::sys::stat::{Mode, SFlag, makedev, mknod};
use nix::unistd::mkfifo;
use rustix::fs::IFlags;

use crate::witness::Witness;

/// One way to spoil a place.
pub struct Attack {
    /// Its name.
    pub name: &'static str,
    /// What the place is then.
    pub result: Spoiled,
    /// Spoils the place at the path, with something from outside where it needs that.
    put: fn(&Path, &Witness) -> io::Result<()>,
}

/// What the place is then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spoiled {
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

/// All ways to spoil a place.
pub const ATTACKS: &[Attack] = &[
    link("absolute_symlink_to_directory", |at, outside| symlink(outside.directory(), at)),
    link("absolute_symlink_to_file", |at, outside| symlink(outside.file(), at)),
    link("relative_symlink_to_directory", |at, outside| {
        symlink(relative(at, &outside.near("directory")), at)
    }),
    link("relative_symlink_to_file", |at, outside| symlink(relative(at, &outside.near("file")), at)),
    link("symlink_to_place_in_the_image", |at, _| symlink("/usr/lib", at)),
    link("magic_symlink_to_root", |at, _| symlink("/proc/self/root", at)),
    link("magic_symlink_to_working_directory", |at, _| symlink("/proc/self/cwd", at)),
    link("magic_symlink_to_descriptor", |at, _| symlink("/proc/self/fd/3", at)),
    link("dangling_symlink", |at, _| symlink("/no/such/place", at)),
    link("symlink_loop", |at, _| symlink(at, at)),
    link("symlink_up", |at, _| symlink("../../../../../../..", at)),
    link("fifo", |at, _| make_fifo(at)),
    link("fifo_outside", |at, outside| fs::hard_link(outside.near("fifo"), at)),
    link("socket", |at, _| bind_socket(at)),
    link("character_device", |at, _| device(at, SFlag::S_IFCHR, 1, 3)),
    link("tape_device", |at, _| device(at, SFlag::S_IFCHR, 9, 0)),
    link("whiteout", |at, _| device(at, SFlag::S_IFCHR, 0, 0)),
    link("block_device", |at, _| device(at, SFlag::S_IFBLK, 7, 0)),
    link("hard_link_to_file_outside", |at, outside| fs::hard_link(outside.near("file"), at)),
    Attack { name: "file", result: File, put: |at, _| replace(at, |at| fs::write(at, "x")) },
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
const fn link(name: &'static str, put: fn(&Path, &Witness) -> io::Result<()>) -> Attack {
    Attack { name, result: Neither, put }
}

impl Attack {
    /// Spoils the place at the path.
    ///
    /// # Errors
    ///
    /// When the place cannot be spoilt so: an earlier attack may have made it immutable, or have covered it.
    pub fn spoil(&self, at: &Path, outside: &Witness) -> io::Result<()> {
        if self.result == Neither {
            replace(at, |at| (self.put)(at, outside))
        } else {
            (self.put)(at, outside)
        }
    }
}

/// Moves what is there away, to a place that nobody looks at, and puts something else there.
fn replace(at: &Path, put: impl FnOnce(&Path) -> io::Result<()>) -> io::Result<()> {
    if at.symlink_metadata().is_ok() {
        let mut moved = at.as_os_str().to_owned();
        moved.push(".moved");
        fs::rename(at, moved)?;
    }
    fs::create_dir_all(directory_of(at)?)?;
    put(at)
}

fn directory_of(at: &Path) -> io::Result<&Path> {
    at.parent().ok_or_else(|| io::ErrorKind::InvalidInput.into())
}

/// A path relative to the directory of `at`.
fn relative(at: &Path, to: &Path) -> PathBuf {
    let at: Vec<_> = at.parent().into_iter().flat_map(Path::components).collect();
    let to: Vec<_> = to.components().collect();
    let shared = at.iter().zip(&to).take_while(|(one, other)| one == other).count();
    let up = at.iter().skip(shared).map(|_| Component::ParentDir);
    up.chain(to.into_iter().skip(shared)).collect()
}

fn make_fifo(at: &Path) -> io::Result<()> {
    Ok(mkfifo(at, Mode::from_bits_truncate(0o666))?)
}

/// Binds where it is, since the address of a socket holds 108 bytes only.
fn bind_socket(at: &Path) -> io::Result<()> {
    let before = std::env::current_dir()?;
    std::env::set_current_dir(directory_of(at)?)?;
    let bound = UnixListener::bind(at.file_name().unwrap_or_default());
    std::env::set_current_dir(before)?;
    bound.map(drop)
}

fn device(at: &Path, kind: SFlag, major: u64, minor: u64) -> io::Result<()> {
    Ok(mknod(at, kind, Mode::from_bits_truncate(0o666), makedev(major, minor))?)
}

fn setuid_program(at: &Path) -> io::Result<()> {
    fs::copy("/bin/true", at)?;
    fs::set_permissions(at, fs::Permissions::from_mode(0o4755))
}

fn directory(at: &Path) -> io::Result<()> {
    fs::create_dir(at)?;
    fs::write(at.join("inside"), "x")
}

/// A directory in which everything that the program may look for next is a link to outside.
fn directory_of_links(at: &Path, outside: &Witness) -> io::Result<()> {
    replace(at, |at| {
        fs::create_dir(at)?;
        for name in [
            "app", "conf", "tool", "lib", "keys", "file", "sub", "hostname", "shared", "status", "keep",
            "tree",
        ] {
            symlink(outside.directory(), at.join(name))?;
        }
        Ok(())
    })
}

fn cover(at: &Path, _: &Witness) -> io::Result<()> {
    let Ok(metadata) = at.symlink_metadata() else { return directory(at) };
    let none = None::<&str>;
    if metadata.is_dir() {
        mount(Some("tests"), at, Some("tmpfs"), MsFlags::empty(), Some("mode=0755"))?;
    } else if metadata.is_symlink() {
        // `mount` would follow it.
        return Err(io::ErrorKind::InvalidInput.into());
    } else {
        let cover = at.with_extension("cover");
        fs::write(&cover, "cover")?;
        mount(Some(&cover), at, none, MsFlags::MS_BIND, none)?;
    }
    Ok(())
}

fn set_flag(at: &Path, flag: IFlags) -> io::Result<()> {
    if at.symlink_metadata().is_err() {
        directory(at)?;
    }
    let kind = at.symlink_metadata()?.file_type();
    // Whatever else is there must not be opened.
    if !kind.is_dir() && !kind.is_file() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    Ok(rustix::fs::ioctl_setflags(fs::File::open(at)?, flag)?)
}

fn misfit(at: &Path, flag: IFlags) -> io::Result<()> {
    let is_directory = at.is_dir();
    replace(at, |at| if is_directory { fs::write(at, "x") } else { directory(at) })?;
    set_flag(at, flag)
}

/// Gives a directory extended attributes that mean something to an overlay.
///
/// # Errors
///
/// When the file system does not take them.
pub fn set_attribute(at: &Path, name: &str, value: &[u8]) -> io::Result<()> {
    Ok(rustix::fs::lsetxattr(at, name, value, rustix::fs::XattrFlags::empty())?)
}
