//! What an initramfs lays out before it calls `stated`: the root, read-only, with the kernel's file systems, and
//! sys-data.

use std::fs;
use std::io;
use std::os::fd::AsRawFd as _;
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sys::stat::Mode;
use nix::sys::statvfs::{FsFlags, statvfs};
use nix::unistd::{chdir, pivot_root};
use state_schema::StatePath;

use crate::trial::TrialError;

/// A directory of every host, over which ours is mounted, for us alone: nothing has to be made on the host.
const BASE: &str = "/tmp";

/// Devices that every program may expect. `tty` and the terminals below `pts` are the host's, so that a shell controls the
/// terminal it runs in.
const DEVICES: [&str; 7] = ["null", "zero", "full", "random", "urandom", "tty", "ptmx"];

/// What `udev` or an initramfs links in `/dev`.
const LINKS: [(&str, &str); 4] = [
    ("fd", "/proc/self/fd"),
    ("stdin", "/proc/self/fd/0"),
    ("stdout", "/proc/self/fd/1"),
    ("stderr", "/proc/self/fd/2"),
];

/// What in `/proc` belongs to the whole host, and is root's to write, in a namespace of users as well if it is the host's own
/// root.
const SETTINGS: [&str; 2] = ["sys", "sysrq-trigger"];

/// The root of the trial and what belongs to it, in a file system in memory.
pub(super) struct Tree {
    root: PathBuf,
    data: PathBuf,
    blob: PathBuf,
}

impl Tree {
    /// Lays out everything in this process's own mount namespace.
    pub(super) fn lay_out(
        rootfs: &Path,
        state: Option<&Path>,
        blob: &[u8],
        mount_point: StatePath<'_>,
    ) -> Result<Self, TrialError> {
        // Whatever we mount is ours alone, and what the host mounts from now on does not turn up here.
        mount_at(
            "keep to ourselves the mounts below",
            None,
            Path::new("/"),
            None,
            MsFlags::MS_REC | MsFlags::MS_PRIVATE,
        )?;
        let base = Path::new(BASE);
        // Opened before our mount hides them, should they lie there.
        let [rootfs, state] = [Some(rootfs), state].map(|place| place.map(Place::open).transpose());
        let (rootfs, state) = (rootfs?, state?);
        mount_memory(base, MsFlags::MS_NODEV)?;
        let tree = Self { root: base.join("root"), data: base.join("data"), blob: base.join("blob") };
        for directory in [&tree.root, &tree.data] {
            make_directory(directory, 0o755)?;
        }
        if let Some(rootfs) = rootfs {
            bind("bind the rootfs to", &rootfs.path(), &tree.root)?;
        }
        if let Some(state) = state {
            bind("bind the state to", &state.path(), &tree.data)?;
        }
        fs::write(&tree.blob, blob).map_err(|error| lay_out("write the blob to", &tree.blob, &error))?;
        make_read_only(&tree.root)?;
        tree.mount_kernel_file_systems()?;
        tree.mount_run(mount_point)?;
        // The boot of a trial is no news for the kernel log of the host.
        let log = Path::new("/dev/kmsg");
        if log.exists() {
            bind("bind /dev/null to", Path::new("/dev/null"), log)?;
        }
        Ok(tree)
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// What serves as sys-data.
    pub(super) fn data(&self) -> &Path {
        &self.data
    }

    pub(super) fn blob(&self) -> &Path {
        &self.blob
    }

    pub(super) fn run(&self) -> PathBuf {
        self.root.join("run/sysota")
    }

    /// What `stated` says of the boot.
    pub(super) fn report(&self) -> PathBuf {
        self.run().join("report.json")
    }

    /// Makes the root of the trial this process's own, and drops the host's.
    pub(super) fn enter(&self) -> Result<(), TrialError> {
        let fail = |what| move |errno| TrialError::LayOut { what, place: self.root.clone(), errno };
        chdir(&self.root).map_err(fail("enter"))?;
        // The old root is put on top of the new one, from where it is taken away at once: no directory is needed for it.
        pivot_root(".", ".").map_err(fail("make the root of"))?;
        umount2(".", MntFlags::MNT_DETACH).map_err(fail("leave the host for"))?;
        chdir("/").map_err(fail("enter"))
    }

    fn mount_kernel_file_systems(&self) -> Result<(), TrialError> {
        let quiet = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
        if let Some(proc) = self.mount_point("proc") {
            let mounted = mount_at("mount proc at", Some(Path::new("proc")), &proc, Some("proc"), quiet);
            // A container that hides parts of its own gives no new one away.
            mounted.or_else(|_| bind("bind the host's /proc to", Path::new("/proc"), &proc))?;
            for setting in SETTINGS.map(|name| proc.join(name)).iter().filter(|place| place.exists()) {
                bind("bind to itself", setting, setting)?;
                make_read_only(setting)?;
            }
        }
        if let Some(sys) = self.mount_point("sys") {
            bind("bind the host's /sys to", Path::new("/sys"), &sys)?;
            make_read_only(&sys)?;
        }
        if let Some(dev) = self.mount_point("dev") {
            mount_memory(&dev, MsFlags::MS_NOEXEC)?;
            fill_dev(&dev)?;
        }
        Ok(())
    }

    /// Mounts `/run`, and sys-data where the blob says that it is mounted, if that is in there: an updater looks for it.
    fn mount_run(&self, sys_data: StatePath<'_>) -> Result<(), TrialError> {
        let run = self.mount_point("run").ok_or(TrialError::Missing("/run"))?;
        mount_memory(&run, MsFlags::MS_NODEV)?;
        let Some(below) = sys_data.as_str().strip_prefix("/run/") else { return Ok(()) };
        let place = run.join(below);
        fs::create_dir_all(&place).map_err(|error| lay_out("make the directory", &place, &error))?;
        bind("bind sys-data to", &self.data, &place)
    }

    /// A directory at the top of the root. A link there would lead a mount out of the root, and onto the host's own.
    fn mount_point(&self, name: &str) -> Option<PathBuf> {
        let place = self.root.join(name);
        place.symlink_metadata().is_ok_and(|metadata| metadata.is_dir()).then_some(place)
    }
}

/// A directory of the host that stays the same one whatever is mounted over the way to it.
struct Place(std::os::fd::OwnedFd);

impl Place {
    fn open(path: &Path) -> Result<Self, TrialError> {
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let opened = open(path, flags, Mode::empty());
        opened.map(Self).map_err(|errno| TrialError::LayOut { what: "open", place: path.to_owned(), errno })
    }

    fn path(&self) -> PathBuf {
        format!("/proc/self/fd/{}", self.0.as_raw_fd()).into()
    }
}

fn fill_dev(dev: &Path) -> Result<(), TrialError> {
    for name in DEVICES {
        let (device, place) = (Path::new("/dev").join(name), dev.join(name));
        if device.exists() {
            fs::write(&place, "").map_err(|error| lay_out("make the file", &place, &error))?;
            bind("bind a device to", &device, &place)?;
        }
    }
    let terminals = dev.join("pts");
    make_directory(&terminals, 0o755)?;
    if Path::new("/dev/pts").is_dir() {
        bind("bind the terminals to", Path::new("/dev/pts"), &terminals)?;
    }
    make_directory(&dev.join("shm"), 0o1777)?;
    for (name, target) in LINKS {
        let place = dev.join(name);
        symlink(target, &place).map_err(|error| lay_out("make the link", &place, &error))?;
    }
    Ok(())
}

fn make_directory(place: &Path, mode: u32) -> Result<(), TrialError> {
    use std::os::unix::fs::DirBuilderExt as _;
    let result = fs::DirBuilder::new().mode(mode).create(place);
    result.map_err(|error| lay_out("make the directory", place, &error))
}

/// With all mounts in it: in a namespace of users, the kernel does not let us look beneath those.
fn bind(what: &'static str, from: &Path, to: &Path) -> Result<(), TrialError> {
    mount_at(what, Some(from), to, None, MsFlags::MS_BIND | MsFlags::MS_REC)
}

fn mount_memory(place: &Path, flags: MsFlags) -> Result<(), TrialError> {
    let flags = flags | MsFlags::MS_NOSUID;
    mount(Some("tmpfs"), place, Some("tmpfs"), flags, Some("mode=0755")).map_err(|errno| TrialError::LayOut {
        what: "mount a file system in memory at",
        place: place.to_owned(),
        errno,
    })
}

fn mount_at(
    what: &'static str,
    from: Option<&Path>,
    to: &Path,
    fstype: Option<&str>,
    flags: MsFlags,
) -> Result<(), TrialError> {
    mount(from, to, fstype, flags, None::<&str>).map_err(|errno| TrialError::LayOut {
        what,
        place: to.to_owned(),
        errno,
    })
}

/// Makes the mount at `top` and all those in it read-only. What else they are stays: a namespace of users may not
/// lift it.
fn make_read_only(top: &Path) -> Result<(), TrialError> {
    let table = Path::new("/proc/self/mountinfo");
    let mounts = fs::read(table).map_err(|error| lay_out("read", table, &error))?;
    let in_tree =
        mounts.split(|&byte| byte == b'\n').filter_map(mount_point).filter(|place| place.starts_with(top));
    for place in in_tree {
        let remount = |has| {
            let flags = MsFlags::MS_REMOUNT | MsFlags::MS_BIND | MsFlags::MS_RDONLY | kept(has);
            mount(None::<&str>, &place, None::<&str>, flags, None::<&str>)
        };
        match statvfs(&place).and_then(|of| remount(of.flags())) {
            Ok(()) => {}
            // Where we cannot get to, as below the host's /sys/kernel/debug, nobody inside can.
            Err(Errno::EACCES) if place != top => {}
            Err(errno) => return Err(TrialError::LayOut { what: "make read-only", place, errno }),
        }
    }
    Ok(())
}

fn kept(flags: FsFlags) -> MsFlags {
    let same = [
        (FsFlags::ST_NOSUID, MsFlags::MS_NOSUID),
        (FsFlags::ST_NODEV, MsFlags::MS_NODEV),
        (FsFlags::ST_NOEXEC, MsFlags::MS_NOEXEC),
        (FsFlags::ST_NOATIME, MsFlags::MS_NOATIME),
        (FsFlags::ST_NODIRATIME, MsFlags::MS_NODIRATIME),
        (FsFlags::ST_RELATIME, MsFlags::MS_RELATIME),
    ];
    same.into_iter().filter(|(of, _)| flags.contains(*of)).map(|(_, flag)| flag).collect()
}

/// The fifth field of a line of mountinfo, in which the kernel writes blanks and backslashes as octal numbers.
fn mount_point(line: &[u8]) -> Option<PathBuf> {
    let mut rest = line.split(|&byte| byte == b' ').nth(4)?;
    let mut path = Vec::with_capacity(rest.len());
    while let [byte, after @ ..] = rest {
        rest = after;
        match (byte, after) {
            (b'\\', [a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', after @ ..]) => {
                path.push((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'));
                rest = after;
            }
            (byte, _) => path.push(*byte),
        }
    }
    Some(std::ffi::OsString::from_vec(path).into())
}

fn lay_out(what: &'static str, place: &Path, error: &io::Error) -> TrialError {
    let errno = Errno::from_raw(error.raw_os_error().unwrap_or(Errno::EIO as i32));
    TrialError::LayOut { what, place: place.to_owned(), errno }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mount_point_is_read_as_it_is_named() {
        let line = b"36 35 98:0 / /a\\040b\\134c\\ rw,noatime - ext3 /dev/root rw";
        assert_eq!(mount_point(line), Some("/a b\\c\\".into()));
        assert_eq!(mount_point(b""), None);
    }
}
