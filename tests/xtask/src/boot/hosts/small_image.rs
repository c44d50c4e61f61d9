//! The image that is started: busybox, and one script that tells what it finds.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use state_schema::{BLOB_PATH, FRAGMENT_DIR, PROGRAM_PATH};

use crate::boot::busybox;
use crate::call;
use crate::failure::{OrFail as _, Outcome};
use crate::image::relative;
use crate::task::Task;
use crate::terminal::Terminal;
use crate::workspace::Workspace;

/// An entry of each kind of mount.
const FRAGMENT: &str = "version: 1
state:
  /var/lib/thing: persistent
  /var/log: ephemeral
  /etc/thing: {lifetime: persistent, how: overlay}
";

/// What the image starts. Each of its lines can be told from what others write to the console.
const INIT: &str = r#"#!/bin/sh
echo "image: runs as $$"
sed 's/^/image: /' /run/sysota/report.json
echo boot >> /var/lib/thing/boots
echo boot >> /etc/thing/boots
: > /var/log/boot
echo "image: boots $(grep -c boot /var/lib/thing/boots), in the overlay $(grep -c boot /etc/thing/boots)"
/usr/sbin/stated status | sed 's/^/image: status: /'
echo "image: ends"
sync
echo o > /proc/sysrq-trigger
sleep 60
"#;

/// The programs of busybox that it takes.
const APPLETS: [&str; 5] = ["grep", "sed", "sh", "sleep", "sync"];

const DIRECTORIES: [&str; 13] = [
    "dev",
    "etc/thing",
    "proc",
    "run",
    "sbin",
    "sys",
    "tmp",
    "usr/lib/sysota",
    "usr/sbin",
    "usr/share/sysota/state.d",
    "var/lib/thing",
    "var/log",
    "var/tmp",
];

/// An image as it is written into a slot, and the same with a blob that was spoilt.
#[derive(Debug)]
pub(super) struct SmallImage {
    file: PathBuf,
    spoilt: PathBuf,
    fstab: String,
}

impl SmallImage {
    pub(super) fn build(workspace: &Workspace, terminal: Terminal) -> Outcome<Self> {
        let mut task = Task::start(terminal, "build an image");
        let program = workspace.build_system(&mut task)?;
        let statec = workspace.build_statec(&mut task)?;
        let directory = workspace.scratch("boot/hosts")?;
        let root = directory.join("root");
        lay_out(&root, &program)?;

        let blob = root.join(relative(BLOB_PATH));
        let mut compile = Command::new(&statec);
        compile.arg("compile").arg(root.join(relative(FRAGMENT_DIR))).arg("--rootfs").arg(&root);
        compile.args(["--image-id", "hosts-1", "--prepare", "--output"]);
        call::expect(compile.arg(&blob), &[])?;
        let mut inspect = Command::new(&statec);
        let fstab = call::expect(inspect.args(["inspect", "--format", "fstab"]).arg(&blob), &[])?;
        let fstab = String::from_utf8(fstab).or_fail(|| "read what `statec inspect` printed".to_owned())?;

        let image =
            Self { file: directory.join("whole.squashfs"), spoilt: directory.join("spoilt.squashfs"), fstab };
        pack(&root, &image.file)?;
        spoil(&blob)?;
        pack(&root, &image.spoilt)?;
        task.finish("busybox and a script, once whole and once with a spoilt blob");
        Ok(image)
    }

    pub(super) fn file(&self) -> &Path {
        &self.file
    }

    /// The one that has to be refused.
    pub(super) fn spoilt(&self) -> &Path {
        &self.spoilt
    }

    /// Where its sys-data is, for an initramfs.
    pub(super) fn fstab(&self) -> &str {
        &self.fstab
    }
}

fn lay_out(root: &Path, program: &Path) -> Outcome {
    if root.exists() {
        fs::remove_dir_all(root).or_fail(|| format!("remove {}", root.display()))?;
    }
    let fill = || {
        for directory in DIRECTORIES {
            fs::create_dir_all(root.join(directory))?;
        }
        busybox::install(root, &APPLETS)?;
        fs::copy(program, root.join(relative(PROGRAM_PATH)))?;
        fs::write(root.join("sbin/init"), INIT)?;
        fs::set_permissions(root.join("sbin/init"), Permissions::from_mode(0o755))?;
        // By which systemd tells an operating system from anything else.
        fs::write(root.join("usr/lib/os-release"), "ID=hosts\n")?;
        fs::write(root.join("etc/passwd"), "root:x:0:0:root:/:/bin/sh\n")?;
        fs::write(root.join("etc/group"), "root:x:0:\n")?;
        fs::write(root.join(relative(FRAGMENT_DIR)).join("thing.yaml"), FRAGMENT)
    };
    fill().or_fail(|| format!("fill {}", root.display()))
}

/// Changes the last byte.
fn spoil(blob: &Path) -> Outcome {
    let mut bytes = fs::read(blob).or_fail(|| format!("read {}", blob.display()))?;
    if let Some(last) = bytes.last_mut() {
        *last ^= 1;
    }
    fs::write(blob, bytes).or_fail(|| format!("write {}", blob.display()))
}

fn pack(root: &Path, to: &Path) -> Outcome {
    let mut pack = Command::new("mksquashfs");
    pack.arg(root).arg(to).args(["-noappend", "-all-root", "-quiet", "-no-progress"]);
    call::expect(&mut pack, &[]).map(|_| ())
}
