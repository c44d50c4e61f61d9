//! A device that boots: an image, a data partition, and `stated` between them.
//!
//! Each boot is a mount namespace of its own, which the kernel takes apart when the boot is over. So no mount ever
//! shows outside, and none can be left behind.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};
use std::{panic, thread};

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::statfs::{OVERLAYFS_SUPER_MAGIC, statfs};

use crate::failure::{Failure, OrFail as _, Outcome};
use crate::image::Image;
use crate::task::words;

/// An image and a data partition, switched off.
#[derive(Debug)]
pub(crate) struct Device<'a> {
    image: &'a Image,
    stated: PathBuf,
    sys_data: PathBuf,
}

/// A device that has been switched on: its root is mounted, read-only, and nothing more.
#[derive(Debug)]
pub(crate) struct System<'a> {
    device: &'a Device<'a>,
}

/// A boot's `stated` has done its work.
#[derive(Debug)]
pub(crate) struct Applied {
    /// From starting the program to its end.
    pub(crate) took: Duration,
    /// What it said about paths that are not as planned, if there are any.
    pub(crate) degraded: Option<String>,
}

/// Exit status of `stated` when the system can run, though not as planned.
const DEGRADED: i32 = 3;

impl<'a> Device<'a> {
    /// A device whose data partition, a directory here, is new and empty. It is `preferred`, unless that lies on an
    /// overlay, as in a container: the kernel takes none as the writable layer of another, and no real partition is
    /// one.
    pub(crate) fn new(image: &'a Image, stated: PathBuf, preferred: PathBuf) -> Outcome<Self> {
        let around = preferred.parent().unwrap_or(&preferred);
        let kind = statfs(around).or_fail(|| format!("statfs {}", around.display()))?.filesystem_type();
        let sys_data =
            if kind == OVERLAYFS_SUPER_MAGIC { PathBuf::from("/dev/shm/sysota-demo") } else { preferred };
        if sys_data.exists() {
            fs::remove_dir_all(&sys_data).or_fail(|| format!("remove {}", sys_data.display()))?;
        }
        fs::create_dir(&sys_data).or_fail(|| format!("create {}", sys_data.display()))?;
        Ok(Self { image, stated, sys_data })
    }

    pub(crate) fn sys_data(&self) -> &Path {
        &self.sys_data
    }

    /// Switches the device on, does `work`, and switches it off.
    pub(crate) fn boot<T: Send>(&self, work: impl FnOnce(&System<'_>) -> Outcome<T> + Send) -> Outcome<T> {
        // A namespace can be a single thread's own. Programs that the thread starts are in it as well.
        thread::scope(|scope| {
            let boot = scope.spawn(|| self.power_on().and_then(|system| work(&system)));
            boot.join().unwrap_or_else(|panic| panic::resume_unwind(panic))
        })
    }

    fn power_on(&self) -> Outcome<System<'_>> {
        let root = self.image.root();
        let bare = MsFlags::empty();
        unshare(CloneFlags::CLONE_NEWNS).or_fail(|| "make a mount namespace (is this root?)".to_owned())?;
        // Whatever is mounted from here on stays in here.
        attach(None, Path::new("/"), None, MsFlags::MS_REC | MsFlags::MS_PRIVATE)?;
        attach(Some(root), root, None, MsFlags::MS_BIND)?;
        attach(None, root, None, MsFlags::MS_REMOUNT | MsFlags::MS_BIND | MsFlags::MS_RDONLY)?;
        // What the kernel and an initramfs provide on every boot.
        attach(Some(Path::new("/dev")), &root.join("dev"), None, MsFlags::MS_BIND)?;
        attach(None, &root.join("proc"), Some("proc"), bare)?;
        attach(None, &root.join("run"), Some("tmpfs"), bare)?;
        // Systemd makes it for ssh.service.
        let sshd = root.join("run/sshd");
        fs::create_dir(&sshd).or_fail(|| format!("create {}", sshd.display()))?;
        Ok(System { device: self })
    }
}

impl System<'_> {
    /// The root as seen from outside it.
    pub(crate) fn root(&self) -> &Path {
        self.device.image.root()
    }

    /// Does what the initramfs does: has `stated` apply the image's blob.
    pub(crate) fn apply(&self, slot: &str) -> Outcome<Applied> {
        let Device { image, stated, sys_data } = self.device;
        let run = image.root().join("run/sysota");
        let mut command = Command::new(stated);
        command.arg("apply").arg("--root").arg(image.root()).arg("--data").arg(sys_data);
        command.args(["--slot", slot]).arg("--blob").arg(image.blob()).arg("--run").arg(&run);
        let started = Instant::now();
        let output = command.output().or_fail(|| format!("run `{}`", words(&command)))?;
        let took = started.elapsed();
        let said = format!("{}{}", text(&output.stdout), text(&output.stderr));
        match output.status.code() {
            Some(0) => Ok(Applied { took, degraded: None }),
            Some(DEGRADED) => Ok(Applied { took, degraded: Some(said.trim().to_owned()) }),
            _ => Err(Failure::with_output(format!("`{}` failed: {}", words(&command), output.status), said)),
        }
    }

    /// Runs a program of the image, inside it.
    pub(crate) fn run(&self, program: &[&str]) -> Outcome<Output> {
        let mut command = Command::new("chroot");
        command.arg(self.root()).args(program);
        // Of the build host's environment, nothing is the image's business.
        command.env_clear().env("PATH", "/usr/sbin:/usr/bin").env("LC_ALL", "C.UTF-8");
        command.output().or_fail(|| format!("run `{}`", words(&command)))
    }
}

/// What a program printed.
pub(crate) fn text(output: &[u8]) -> String {
    String::from_utf8_lossy(output).into_owned()
}

fn attach(source: Option<&Path>, target: &Path, fstype: Option<&str>, flags: MsFlags) -> Outcome {
    mount(source.or(fstype.map(Path::new)), target, fstype, flags, None::<&str>)
        .or_fail(|| format!("mount {}", target.display()))
}
