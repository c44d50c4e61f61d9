//! File systems of their own, in files.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use nix::fcntl::{PosixFadviseAdvice, posix_fadvise};
use nix::mount::umount;

use crate::failure::{Failure, OrFail as _, Outcome};
use crate::task::Task;

/// Bytes of each: the biggest tree, twice, and what a file system needs for itself. What is not written to takes no room.
const SIZE: u64 = 6 << 30;

/// How long the kernel may take to let a file system go whose namespace has ended.
const PATIENCE: Duration = Duration::from_secs(30);

/// A kind of file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FileSystem {
    Btrfs,
    Ext4,
}

impl FileSystem {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Btrfs => "btrfs",
            Self::Ext4 => "ext4",
        }
    }

    /// What makes one, complete: ext4 would else go on with its tables while others are measured.
    fn maker(self) -> Command {
        let mut command = Command::new(format!("mkfs.{}", self.name()));
        command.arg("-q");
        if self == Self::Ext4 {
            command.args(["-E", "lazy_itable_init=0,lazy_journal_init=0"]);
        }
        command
    }
}

/// A file system in a sparse file.
#[derive(Debug)]
pub(super) struct Volume {
    file_system: FileSystem,
    file: PathBuf,
    place: PathBuf,
}

impl Volume {
    /// Makes an empty one in `directory`. What is printed goes to the file `log`.
    pub(super) fn make(
        file_system: FileSystem,
        directory: &Path,
        task: &mut Task<'_>,
        log: &Path,
    ) -> Outcome<Self> {
        let (file, place) = (directory.join("volume"), directory.join("volume.mounted"));
        fs::create_dir(&place).or_fail(|| format!("create {}", place.display()))?;
        File::create_new(&file)
            .and_then(|file| file.set_len(SIZE))
            .or_fail(|| format!("create {}", file.display()))?;
        let volume = Self { file_system, file, place };
        task.run(file_system.maker().arg(&volume.file), log)?;
        Ok(volume)
    }

    /// Where it is mounted, when it is.
    pub(super) fn place(&self) -> &Path {
        &self.place
    }

    /// Mounts it in the namespace of the calling thread, with nothing of it in memory. Its loop device ends with
    /// the last of its mounts.
    pub(super) fn mount_cold(&self) -> Outcome {
        self.wait_until_free()?;
        let file = File::open(&self.file).or_fail(|| format!("open {}", self.file.display()))?;
        // Pages that are still to be written would stay.
        file.sync_all().or_fail(|| format!("sync {}", self.file.display()))?;
        posix_fadvise(&file, 0, 0, PosixFadviseAdvice::POSIX_FADV_DONTNEED)
            .or_fail(|| format!("let go the pages of {}", self.file.display()))?;
        let mut mount = Command::new("mount");
        // Else the first of the contenders to read a file would have its time of access to write.
        mount.args(["-t", self.file_system.name(), "-o", "loop,noatime"]).arg(&self.file).arg(&self.place);
        let output = mount.output().or_fail(|| "run `mount`".to_owned())?;
        if output.status.success() {
            return Ok(());
        }
        let what = format!("cannot mount {}: {}", self.file.display(), output.status);
        Err(Failure::with_output(what, String::from_utf8_lossy(&output.stderr)))
    }

    /// Writes all of it and unmounts it.
    pub(super) fn unmount(&self) -> Outcome {
        umount(&self.place).or_fail(|| format!("unmount {}", self.place.display()))
    }

    /// Waits until no loop device has the file: `mount` would take that one, with all that is in memory.
    fn wait_until_free(&self) -> Outcome {
        let started = Instant::now();
        while self.is_attached()? {
            if started.elapsed() > PATIENCE {
                let file = self.file.display();
                return Err(Failure::new(format!("{file} is still the file of a loop device")));
            }
            thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    fn is_attached(&self) -> Outcome<bool> {
        let devices = Path::new("/sys/block");
        let place = || format!("read {}", devices.display());
        for device in fs::read_dir(devices).or_fail(place)? {
            let file = device.or_fail(place)?.path().join("loop/backing_file");
            // Most devices are none of a loop, and a loop device may end just now.
            if fs::read_to_string(file).is_ok_and(|file| Path::new(file.trim_end()) == self.file) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
