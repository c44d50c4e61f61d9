//! A build host with an image's tree, and the person who works there.

use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{chown, symlink};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use state_tests::namespace::statec;
use state_tests::scene::{Snapshot, bind, mount_tmpfs, snapshot_of};

/// Who nobody is everywhere.
const NOBODY: u32 = 65534;

/// Who starts statec.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Person {
    Root,
    User,
}

impl Person {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::User => "user",
        }
    }

    fn id(self) -> u32 {
        match self {
            Self::Root => 0,
            Self::User => NOBODY,
        }
    }
}

/// What every case's image declares.
const FRAGMENT: &str = "\
version: 1
state:
  /var/log: persistent
  /var/lib/service: {lifetime: persistent, owner: 101, group: 102, mode: '0750'}
  /etc/app.conf: persistent
  /etc/overlaid: {lifetime: persistent, how: overlay}
  /tmp: {lifetime: ephemeral, mode: '1777'}
";

/// Programs of the image, all in the one that Debian's busybox-static has.
const PROGRAMS: [&str; 10] = ["sh", "cat", "ls", "env", "stat", "sleep", "mknod", "touch", "mount", "umount"];

/// The host of one case, in its mount namespace.
pub(crate) struct Host {
    pub(crate) person: Person,
    directory: PathBuf,
    mounts: String,
    image: Snapshot,
}

/// What a run of statec came to.
pub(crate) struct Tried {
    pub(crate) status: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Host {
    pub(crate) fn new(person: Person) -> Self {
        // `/tmp` is where the programs of the test lie, and where a trial lays things out: ours is empty.
        mount_tmpfs(Path::new("/mnt"));
        // Named after this process, so that its trials can be told from those of other cases.
        let directory = PathBuf::from(format!("/mnt/host-{}", std::process::id()));
        fs::create_dir(&directory).expect("mkdir");
        fs::copy(statec(), directory.join("statec")).expect("a copy of statec");
        fs::write(directory.join("log"), "").expect("a kernel log");
        chown(directory.join("log"), Some(person.id()), None).expect("chown");
        let host = Self { person, directory, mounts: String::new(), image: Snapshot::new() };
        host.make_image();
        mount_tmpfs(Path::new("/tmp"));
        bind(&host.path("log"), Path::new("/dev/kmsg"));
        Self { mounts: mounts(), image: snapshot_of(&host.path("image")), ..host }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    fn make_image(&self) {
        for name in ["bin", "dev", "etc/overlaid", "proc", "run", "sys", "tmp", "var/log", "var/lib/service"]
        {
            fs::create_dir_all(self.path("image").join(name)).expect("mkdir");
        }
        fs::copy(find_busybox(), self.path("image/bin/busybox")).expect("busybox-static is installed");
        for name in PROGRAMS {
            symlink("busybox", self.path("image/bin").join(name)).expect("a link");
        }
        fs::write(self.path("image/etc/app.conf"), "factory\n").expect("a file");
        fs::write(self.path("image/etc/overlaid/below"), "factory\n").expect("a file");
        fs::write(self.path("image/bin/no-program"), "").expect("a file");
        fs::write(self.path("fragment.yaml"), FRAGMENT).expect("a fragment");
        // As under pseudo: the image's files are root's for the one who compiles.
        let mut compile = Command::new(self.path("statec"));
        compile.current_dir(&self.directory).args(["compile", "fragment.yaml", "--rootfs", "image"]);
        let compiled =
            self.tried(compile.args(["--image-id", "image-1", "-o", "blob"]).output().expect("statec runs"));
        let _ = compiled.expect(0);
        give(&self.directory, self.person.id());
    }

    /// Runs `statec` as this host's person, in the directory with the image.
    pub(crate) fn statec(&self, arguments: &[&str]) -> Tried {
        self.tried(self.command().args(arguments).output().expect("statec runs"))
    }

    /// `statec` as this host's person starts it.
    pub(crate) fn command(&self) -> Command {
        // A shell's background jobs ignore the keys of the terminal, and so would all that a test starts from there.
        let mut command = Command::new("env");
        command.arg("--default-signal").arg(self.path("statec"));
        command.current_dir(&self.directory).uid(self.person.id()).gid(self.person.id());
        command.env("TERM", "vt100").env("SECRET", "of the builder").env_remove("SHELL");
        command
    }

    /// Tries the blob, and runs `script` by the image's shell.
    pub(crate) fn sh(&self, options: &[&str], script: &str) -> Tried {
        let arguments =
            [&["try", "blob", "--rootfs", "image"], options, &["--", "sh", "-c", script]].concat();
        self.statec(&arguments)
    }

    #[expect(clippy::unused_self, reason = "what ran, ran on this host")]
    pub(crate) fn tried(&self, output: Output) -> Tried {
        let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
        Tried {
            status: output.status.code().expect("an exit status"),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }

    /// Looks for what a trial must not leave: mounts, files, processes, lines in the kernel log, changes of the image.
    pub(crate) fn expect_no_traces(&self) {
        assert_eq!(mounts(), self.mounts);
        assert_eq!(snapshot_of(Path::new("/tmp")).len(), 1, "/tmp is as empty as it was");
        assert!(snapshot_of(&self.path("image")) == self.image, "the image is what it was");
        assert_eq!(fs::read_to_string(self.path("log")).expect("the log"), "");
        assert_eq!(self.processes(), 0, "no process is left");
    }

    /// How many trials run on this host. Those of other cases, which run at the same time, have another blob.
    pub(crate) fn processes(&self) -> usize {
        let blob = self.path("blob");
        let is_ours = |line: &[u8]| {
            let mut words = line.split(|byte| *byte == 0);
            words.next() == Some(b"statec")
                && words.next() == Some(b"try-inside")
                && words.any(|word| word == blob.as_os_str().as_bytes())
        };
        let processes = fs::read_dir("/proc").expect("/proc").filter_map(|entry| Some(entry.ok()?.path()));
        processes.filter(|process| fs::read(process.join("cmdline")).is_ok_and(|line| is_ours(&line))).count()
    }
}

impl Tried {
    /// Asserts the exit status.
    #[must_use]
    pub(crate) fn expect(self, status: i32) -> Self {
        assert_eq!(self.status, status, "{}{}", self.stdout, self.stderr);
        self
    }

    /// Asserts that standard error says this.
    pub(crate) fn expect_said(&self, text: &str) {
        assert!(self.stderr.contains(text), "{:?} is not in:\n{}", text, self.stderr);
    }
}

fn find_busybox() -> PathBuf {
    let path = std::env::var_os("PATH").expect("a search path");
    let mut places = std::env::split_paths(&path).map(|directory| directory.join("busybox"));
    places.find(|place| place.exists()).expect("busybox is installed")
}

fn mounts() -> String {
    fs::read_to_string("/proc/self/mountinfo").expect("mountinfo")
}

/// Gives everything below a directory to a person.
fn give(directory: &Path, id: u32) {
    for path in snapshot_of(directory).keys() {
        std::os::unix::fs::lchown(path, Some(id), Some(id)).expect("chown");
    }
}
