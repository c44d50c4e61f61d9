//! What lies outside of every entry, and would show it if anybody came there.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use nix::mount::{MsFlags, mount};
use nix::sys::stat::{Mode, UtimensatFlags, utimensat};
use nix::sys::time::TimeSpec;
use nix::unistd::mkfifo;

use crate::scene::Scene;

/// Directories outside: one on another file system, one on sys-data, where hard links can lead.
///
/// Both are mounted so that every access changes a time, which is what is looked at: of each file type,
/// permissions, owner, size, names, and the times of access, of content and of metadata.
#[derive(Debug)]
pub struct Witness {
    far: PathBuf,
    near: PathBuf,
}

/// What was seen of everything outside.
pub type Seen = BTreeMap<PathBuf, Vec<i64>>;

impl Witness {
    /// Sets both directories up, the one on sys-data in an empty one.
    ///
    /// # Panics
    ///
    /// When they cannot be made.
    #[must_use]
    pub fn set_up(scene: &Scene) -> Self {
        let far = scene.beside("outside");
        let none = None::<&str>;
        if !far.exists() {
            fs::create_dir(&far).expect("mkdir");
            mount(Some("tests"), &far, Some("tmpfs"), MsFlags::MS_STRICTATIME, none).expect("a tmpfs");
            fill(&far);
        }
        let near = scene.data("outside");
        let flags = MsFlags::MS_REMOUNT | MsFlags::MS_STRICTATIME;
        mount(none, &scene.data(""), none, flags, none).expect("a remount");
        fs::create_dir(&near).expect("mkdir");
        fill(&near);
        Self { far, near }
    }

    /// A directory with something in it.
    #[must_use]
    pub fn directory(&self) -> PathBuf {
        self.far.join("directory")
    }

    /// A file.
    #[must_use]
    pub fn file(&self) -> PathBuf {
        self.far.join("file")
    }

    /// Something on the same file system as the state.
    #[must_use]
    pub fn near(&self, name: &str) -> PathBuf {
        self.near.join(name)
    }

    /// Looks at everything, without leaving a trace itself.
    ///
    /// # Panics
    ///
    /// When something is not there any more.
    #[must_use]
    pub fn look(&self) -> Seen {
        let mut seen = Seen::new();
        for top in [&self.far, &self.near] {
            for name in NAMES {
                let path = top.join(name);
                let stat = path.symlink_metadata().unwrap_or_else(|error| panic!("{name}: {error}"));
                let mut fields = vec![
                    i64::from(stat.mode()),
                    i64::from(stat.uid()),
                    i64::from(stat.gid()),
                    stat.size().cast_signed(),
                    stat.atime(),
                    stat.mtime(),
                    stat.mtime_nsec(),
                ];
                // Attacks give these two other names; to move or remove one of those is a change of metadata.
                if !(top == &self.near && matches!(name, "fifo" | "file")) {
                    fields.extend([stat.nlink().cast_signed(), stat.ctime(), stat.ctime_nsec()]);
                }
                seen.insert(path, fields);
            }
        }
        seen
    }
}

const NAMES: [&str; 10] = [
    "",
    "directory",
    "directory/app",
    "directory/app/file",
    "directory/file",
    "directory/lib",
    "directory/lib/app",
    "directory/lib/app/file",
    "fifo",
    "file",
];

fn fill(top: &Path) {
    fs::create_dir_all(top.join("directory/app")).expect("something outside");
    fs::create_dir_all(top.join("directory/lib/app")).expect("something outside");
    mkfifo(&top.join("fifo"), Mode::from_bits_truncate(0o666)).expect("something outside");
    for name in ["directory/app/file", "directory/file", "directory/lib/app/file", "file"] {
        fs::write(top.join(name), "outside").expect("something outside");
    }
    for name in NAMES {
        let old = TimeSpec::new(1, 0);
        utimensat(nix::fcntl::AT_FDCWD, &top.join(name), &old, &old, UtimensatFlags::NoFollowSymlink)
            .expect("something outside");
    }
}
