//! A device in an emulator: a disk with two slots and a data partition.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::IMAGE;
use super::build::Build;
use crate::debian_root::RELEASE;
use crate::debian_tree::DebianTree;
use crate::failure::{Failure, OrFail as _, Outcome};
use crate::task::Task;
use crate::terminal::Terminal;
use crate::workspace::Workspace;

const MIB: u64 = 1024 * 1024;

/// Sizes in MiB of slot A, slot B and the data partition, and the space before the first for the partition table.
const SIZES: [u64; 3] = [64, 64, 64];
const TABLE: u64 = 1;

/// Labels by which the initramfs and the policy know them.
const LABELS: [&str; 3] = ["x-sys-a", "x-sys-b", "x-sys-data"];

/// Longest that a boot may take, in seconds.
const TIME_LIMIT: u32 = 300;

/// The device.
#[derive(Debug)]
pub(super) struct Guest {
    disk: PathBuf,
    kernel: PathBuf,
    emulator: DebianTree,
    logs: PathBuf,
}

impl Guest {
    /// Makes its disk: the image in both slots, and no state.
    pub(super) fn prepare(build: &Build, workspace: &Workspace, terminal: Terminal) -> Outcome<Self> {
        let emulator = DebianTree::fetch("emulator", RELEASE, &["qemu-system-x86"], workspace, terminal)?;
        // For virtual machines: ext4 and nvme are built in.
        let kernel = DebianTree::fetch("kernel", RELEASE, &["linux-image-cloud-amd64"], workspace, terminal)?;
        let kernel = only_file(&kernel.path("boot"), "vmlinuz-")?;
        let mut task = Task::start(terminal, "make a disk");
        let disk = build.directory().join("disk");
        let log = build.log("disk");
        partition(&disk, &mut task, &log)?;
        let root = build.deployed(IMAGE).file("ext4")?;
        let data = build.directory().join("data");
        set_size(&data, SIZES[2] * MIB)?;
        task.run(Command::new("mkfs.ext4").arg("-q").arg(&data), &log)?;
        let mut start = TABLE;
        for (content, size) in [&root, &root, &data].into_iter().zip(SIZES) {
            let mut dd = Command::new("dd");
            dd.arg(format!("if={}", content.display())).arg(format!("of={}", disk.display()));
            task.run(dd.arg(format!("seek={start}")).args(["bs=1M", "conv=notrunc,sparse"]), &log)?;
            start += size;
        }
        task.finish("two slots with the image, and a data partition");
        Ok(Self { disk, kernel, emulator, logs: log.with_file_name("yocto-boot") })
    }

    /// Boots a slot to the end that the image makes of it. Returns what was on the console.
    pub(super) fn boot(
        &self,
        number: usize,
        slot: &str,
        initramfs: &Path,
        task: &mut Task<'_>,
    ) -> Outcome<String> {
        let log = self.logs.with_extension(format!("{number}.txt"));
        let partition = if slot == "A" { 1 } else { 2 };
        let parameters = format!(
            "console=ttyS0 loglevel=4 panic=-1 ro root=/dev/nvme0n1p{partition} rootfstype=ext4 sysota.slot={slot}"
        );
        let mut emulator = Command::new("setpriv");
        // Whatever becomes of this process, the emulator is not left behind.
        emulator.args(["--pdeathsig", "KILL", "timeout", "--signal=KILL", &TIME_LIMIT.to_string()]);
        // Its own loader and libraries, since those of the machine may be older.
        emulator.arg(self.emulator.path("usr/lib64/ld-linux-x86-64.so.2"));
        emulator.arg("--library-path").arg(self.emulator.path("usr/lib/x86_64-linux-gnu"));
        emulator.arg(self.emulator.path("usr/bin/qemu-system-x86_64"));
        for firmware in ["usr/share/qemu", "usr/share/seabios"] {
            emulator.arg("-L").arg(self.emulator.path(firmware));
        }
        emulator.args([
            "-machine",
            "q35",
            "-accel",
            "tcg,thread=multi",
            "-cpu",
            "qemu64",
            "-smp",
            "2",
            "-m",
            "256",
        ]);
        emulator.args(["-nodefaults", "-nographic", "-serial", "stdio", "-no-reboot"]);
        emulator.arg("-drive").arg(format!("file={},format=raw,if=none,id=disk", self.disk.display()));
        emulator.args(["-device", "nvme,drive=disk,serial=1", "-kernel"]).arg(&self.kernel);
        emulator.arg("-initrd").arg(initramfs).args(["-append", &parameters]);
        task.run(&mut emulator, &log)?;
        let console = fs::read(&log).or_fail(|| format!("read {}", log.display()))?;
        Ok(String::from_utf8_lossy(&console).into_owned())
    }
}

/// Makes a disk with the partitions and nothing in them.
fn partition(disk: &Path, task: &mut Task<'_>, log: &Path) -> Outcome {
    if disk.exists() {
        fs::remove_file(disk).or_fail(|| format!("remove {}", disk.display()))?;
    }
    // A second table is at the end.
    set_size(disk, (SIZES.iter().sum::<u64>() + 2 * TABLE) * MIB)?;
    let table = disk.with_extension("table");
    let mut lines = vec!["label: gpt\n".to_owned()];
    let mut start = TABLE;
    for (label, size) in LABELS.into_iter().zip(SIZES) {
        lines.push(format!("start={start}MiB, size={size}MiB, name={label}\n"));
        start += size;
    }
    fs::write(&table, lines.concat()).or_fail(|| format!("write {}", table.display()))?;
    let script = "exec sfdisk --quiet \"$0\" < \"$1\"";
    task.run(Command::new("sh").args(["-c", script]).arg(disk).arg(&table), log)
}

fn set_size(path: &Path, size: u64) -> Outcome {
    let file = File::create(path).or_fail(|| format!("create {}", path.display()))?;
    file.set_len(size).or_fail(|| format!("give {} its size", path.display()))
}

/// The one file in `directory` whose name begins so.
fn only_file(directory: &Path, start: &str) -> Outcome<PathBuf> {
    let entries = fs::read_dir(directory).or_fail(|| format!("list {}", directory.display()))?;
    let names = entries.flatten().filter(|entry| entry.file_name().to_string_lossy().starts_with(start));
    match names.map(|entry| entry.path()).collect::<Vec<_>>().as_slice() {
        [path] => Ok(path.clone()),
        _ => Err(Failure::new(format!("{} does not have one {start}*", directory.display()))),
    }
}
