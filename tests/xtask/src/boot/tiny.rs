//! An image of a few files, which boots in seconds: for what takes a hundred boots.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use state_schema::{BLOB_PATH, FRAGMENT_DIR, PROGRAM_PATH};

use super::bare::BarePc;
use super::busybox;
use super::emulator::Emulator;
use super::initramfs;
use super::kernel::Kernel;
use crate::failure::{Failure, OrFail as _, Outcome};
use crate::image::relative;
use crate::task::Task;
use crate::terminal::Terminal;
use crate::tool;
use crate::workspace::Workspace;

/// Where its init, fragments and policy are.
const SOURCES: &str = "tests/boot/tiny";

/// Programs of busybox that its init runs.
const APPLETS: [&str; 15] = [
    "chown", "cut", "find", "ls", "md5sum", "mkdir", "poweroff", "rm", "sed", "sh", "sort", "stat", "sync",
    "touch", "wc",
];

/// What is persistent in it.
const STATE: [&str; 4] = ["/etc", "/var/lib/app", "/var/lib/index", "/var/lib/updater"];

/// Characters of what its init says of each.
const DIGEST_LEN: usize = 32;

/// Size of a root's partition, in MiB.
pub(super) const ROOT_SIZE: u64 = 16;

/// What an image of this kind is to be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tiny {
    /// Images of two numbers differ in what they bring: files that are the same in both, that change, come and go.
    pub(super) number: u32,
    /// Whether it does not run without sys-data.
    pub(super) needs_sys_data: bool,
    /// Whether it brings the program that repairs sys-data.
    pub(super) has_fsck: bool,
}

impl Tiny {
    /// The usual one.
    pub(super) const fn of(number: u32) -> Self {
        Self { number, needs_sys_data: false, has_fsck: false }
    }

    /// Where its files are made: one place for each kind.
    pub(super) fn name(self) -> String {
        let needs = if self.needs_sys_data { "-needs-sys-data" } else { "" };
        let has = if self.has_fsck { "-has-fsck" } else { "" };
        format!("tiny-{}{needs}{has}", self.number)
    }

    /// The root that the image was made of.
    pub(super) fn root(self, workspace: &Workspace) -> Outcome<PathBuf> {
        Ok(workspace.scratch("boot/tiny")?.join(self.name()))
    }

    /// Makes the image as a file system in the file that is returned.
    pub(super) fn build(self, workspace: &Workspace, task: &mut Task<'_>) -> Outcome<PathBuf> {
        let statec = workspace.build_statec(task)?;
        let system = workspace.build_system(task)?;
        let root = self.root(workspace)?;
        if root.exists() {
            fs::remove_dir_all(&root).or_fail(|| format!("remove {}", root.display()))?;
        }
        self.fill(&root, workspace, &system).or_fail(|| format!("make an image in {}", root.display()))?;
        let log = workspace.scratch("log")?.join("tiny.txt");
        let policy = self.write_policy(workspace, &root)?;
        let id = format!("tiny-{}", self.number);
        let mut compile = Command::new(statec);
        compile.arg("compile").arg(root.join(relative(FRAGMENT_DIR))).arg("--rootfs").arg(&root);
        compile
            .arg("--image")
            .arg(policy)
            .args(["--image-id", &id, "--prepare"])
            .arg("--output")
            .arg(root.join(relative(BLOB_PATH)));
        task.run(&mut compile, &log)?;
        let image = root.with_extension("ext4");
        fs::File::create(&image)
            .and_then(|file| file.set_len(ROOT_SIZE << 20))
            .or_fail(|| format!("make {}", image.display()))?;
        task.run(Command::new("mkfs.ext4").args(["-q", "-F", "-d"]).arg(&root).arg(&image), &log)?;
        Ok(image)
    }

    fn fill(self, root: &Path, workspace: &Workspace, system: &Path) -> std::io::Result<()> {
        let sources = workspace.root().join(SOURCES);
        for directory in [
            "sbin",
            "dev",
            "proc",
            "sys",
            "run",
            "tmp",
            "usr/lib/sysota",
            "usr/sbin",
            "var/lib/app/deep/er",
            "var/lib/index",
            "var/lib/updater",
            "etc",
        ] {
            fs::create_dir_all(root.join(directory))?;
        }
        fs::create_dir_all(root.join(relative(FRAGMENT_DIR)))?;
        for fragment in fs::read_dir(sources.join("state.d"))? {
            let fragment = fragment?;
            copy(&fragment.path(), &root.join(relative(FRAGMENT_DIR)).join(fragment.file_name()), 0o644)?;
        }
        copy(&sources.join("init"), &root.join("sbin/init"), 0o755)?;
        copy(system, &root.join(relative(PROGRAM_PATH)), 0o755)?;
        busybox::install(root, &APPLETS)?;
        if self.has_fsck {
            let fsck = tool::find("e2fsck.static").ok_or(std::io::ErrorKind::NotFound)?;
            copy(&fsck, &root.join("sbin/fsck.ext4"), 0o755)?;
        }
        let write = |path: &str, text: &str| fs::write(root.join(path), text);
        write("usr/lib/os-release", &format!("IMAGE_ID=tiny-{}\n", self.number))?;
        write("etc/passwd", "root:x:0:0:root:/:/bin/sh\nuser:x:7:7:user:/:/bin/sh\n")?;
        write("etc/group", "root:x:0:\nuser:x:7:\n")?;
        let of_image = |number: u32| if number.is_multiple_of(3) { self.number } else { 0 };
        for number in 0..40 {
            // Every image lacks one that all others have.
            if number % 10 != self.number {
                write(&format!("etc/file-{number}"), &format!("{number} {}\n", of_image(number)))?;
            }
            write(&format!("var/lib/index/file-{number}"), &format!("{number} {}\n", self.number))?;
            write(
                &format!("var/lib/app/deep/file-{number}"),
                &"x".repeat(usize::try_from(number * 977).unwrap_or(0)),
            )?;
        }
        write("etc/host.conf", "of the image\n")?;
        fs::hard_link(root.join("var/lib/app/deep/file-1"), root.join("var/lib/app/deep/er/name-2"))?;
        symlink("../file-2", root.join("var/lib/app/deep/er/link"))?;
        chown(root.join("var/lib/app/deep/file-3"), Some(7), Some(7))?;
        fs::set_permissions(root.join("var/lib/app/deep/file-4"), fs::Permissions::from_mode(0o4711))?;
        set_times(root)
    }

    fn write_policy(self, workspace: &Workspace, root: &Path) -> Outcome<PathBuf> {
        let source = workspace.root().join(SOURCES).join("policy.yaml");
        let mut text = fs::read_to_string(&source).or_fail(|| format!("read {}", source.display()))?;
        if self.needs_sys_data {
            text += "  on-sys-data-failure: fail\n";
        }
        let policy = root.with_extension("yaml");
        fs::write(&policy, text).or_fail(|| format!("write {}", policy.display()))?;
        Ok(policy)
    }
}

/// What the kernel does not have built in of what a disk needs that is logged. All else is there.
const MODULES: [&str; 1] = ["virtio_blk"];

/// A PC that boots such images.
#[derive(Debug)]
pub(super) struct TinyPc {
    emulator: Emulator,
    kernel: Kernel,
    initramfs: PathBuf,
    console: PathBuf,
    /// For disks and other files.
    pub(super) directory: PathBuf,
}

impl TinyPc {
    /// Puts one together that starts `stated` as its initramfs.
    pub(super) fn assemble(workspace: &Workspace, terminal: Terminal) -> Outcome<Self> {
        tool::ensure(&tool::OF_BOOTS, workspace, terminal)?;
        let emulator = Emulator::fetch(workspace, terminal)?;
        let kernel = Kernel::fetch(workspace, terminal)?;
        let mut task = Task::start(terminal, "build stated");
        let stated = workspace.build_system(&mut task)?;
        let directory = workspace.scratch("boot/tiny")?;
        let initramfs =
            initramfs::write(&stated, &kernel.modules(&MODULES)?, directory.join("initramfs.cpio"))?;
        task.finish("and an initramfs that holds it");
        let console = workspace.scratch("log")?.join("tiny-console.txt");
        Ok(Self { emulator, kernel, initramfs, console, directory })
    }

    /// It, with its disk taken out.
    pub(super) fn bare(&self) -> BarePc<'_> {
        BarePc {
            emulator: &self.emulator,
            kernel: self.kernel.image(),
            initramfs: &self.initramfs,
            console: &self.console,
        }
    }
}

/// What the init of such an image has said.
#[derive(Debug)]
pub(super) struct Seen {
    said: String,
}

impl Seen {
    /// Takes it from the serial line; fails where the init did not come to its end.
    pub(super) fn read(serial: &str) -> Outcome<Self> {
        let seen = Self { said: serial.to_owned() };
        let is_whole = seen.lines().any(|line| line == "end");
        if is_whole { Ok(seen) } else { Err(Failure::with_output("the system did not come up", serial)) }
    }

    fn lines(&self) -> impl Iterator<Item = &str> {
        self.said.lines().filter_map(|line| line.strip_prefix("TINY "))
    }

    /// What it says of `what`.
    pub(super) fn value(&self, what: &str) -> &str {
        self.lines().find_map(|line| line.strip_prefix(what)?.strip_prefix(' ')).unwrap_or_default()
    }

    /// Fails unless it was such a boot.
    pub(super) fn expect(&self, event: &str, status: &str) -> Outcome {
        let seen = (self.value("event"), self.value("status"));
        if seen == (event, status) && self.value("cache") == "0" {
            return Ok(());
        }
        let what = format!("event {} with status {}, where {event} with {status} had to be", seen.0, seen.1);
        Err(Failure::with_output(what, &self.said))
    }

    /// Fails unless all state is as it was then.
    pub(super) fn expect_state_of(&self, other: &Self) -> Outcome {
        for path in STATE {
            let (now, then) = (self.value(path), other.value(path));
            if now.len() != DIGEST_LEN || now != then {
                let what = format!("{path} is not what it was: {now:?}, and was {then:?}");
                return Err(Failure::with_output(what, &self.said));
            }
        }
        Ok(())
    }
}

fn copy(from: &Path, to: &Path, mode: u32) -> std::io::Result<()> {
    fs::write(to, fs::read(from)?)?;
    fs::set_permissions(to, fs::Permissions::from_mode(mode))
}

/// All files are as old as those of any other build.
fn set_times(top: &Path) -> std::io::Result<()> {
    let metadata = top.symlink_metadata()?;
    if metadata.is_dir() {
        for entry in fs::read_dir(top)? {
            set_times(&entry?.path())?;
        }
    }
    if metadata.is_symlink() || metadata.mode() & 0o200 == 0 {
        return Ok(());
    }
    let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_700_000_000);
    fs::File::open(top)?.set_modified(time)
}
