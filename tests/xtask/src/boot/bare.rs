//! A PC with one disk, which runs until it turns itself off or restarts. Nobody talks to it: what it says on its serial line
//! is all that is seen.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::emulator::Emulator;
use super::initramfs;
use super::kernel::Kernel;
use crate::failure::{Failure, OrFail as _, Outcome};
use crate::task::Task;
use crate::terminal::Terminal;
use crate::tool;
use crate::workspace::Workspace;

/// How long one boot may take. It takes five seconds where nobody else wants the processors.
const LIMIT: Duration = Duration::from_secs(120);

/// How long one is watched that is to stay as it is: three times as long as the longest of the others takes to end.
const STAY: Duration = Duration::from_secs(45);

/// What it takes to boot one.
#[derive(Debug)]
pub(super) struct BarePc {
    emulator: Emulator,
    kernel: Kernel,
    initramfs: PathBuf,
    /// For disks and other files.
    pub(super) directory: PathBuf,
}

impl BarePc {
    /// Puts one together that starts `stated` as its initramfs. Its kernel has all that it needs built in.
    pub(super) fn assemble(workspace: &Workspace, terminal: Terminal) -> Outcome<Self> {
        tool::ensure(&tool::OF_BOOTS, workspace, terminal)?;
        let emulator = Emulator::fetch(workspace, terminal)?;
        let kernel = Kernel::fetch(workspace, terminal)?;
        let mut task = Task::start(terminal, "build stated");
        let stated = workspace.build_system(&mut task)?;
        let directory = workspace.scratch("boot/tiny")?;
        let initramfs = initramfs::write(&stated, &[], directory.join("initramfs.cpio"))?;
        task.finish("and an initramfs that holds it");
        Ok(Self { emulator, kernel, initramfs, directory })
    }

    /// Boots from `disk` to the end, and returns what was said on the serial line. `writes` is a file for a log of all that is
    /// written to the disk.
    pub(super) fn boot(
        &self,
        disk: &Path,
        writes: Option<&Path>,
        command_line: &str,
        task: &mut Task<'_>,
    ) -> Outcome<String> {
        let mut qemu = self.command(disk, writes, command_line)?;
        let result = task.run_within(LIMIT, &mut qemu, &self.log());
        let said = self.said()?;
        match result {
            Ok(()) => Ok(said),
            Err(failure) => Err(Failure::with_output(failure.to_string(), said)),
        }
    }

    /// The same, for one that is not to end.
    pub(super) fn boot_and_leave(
        &self,
        disk: &Path,
        command_line: &str,
        task: &mut Task<'_>,
    ) -> Outcome<String> {
        let mut qemu = self.command(disk, None, command_line)?;
        let ended = task.run_within(STAY, &mut qemu, &self.log()).is_ok();
        let said = self.said()?;
        if ended { Err(Failure::with_output("it should not have ended", said)) } else { Ok(said) }
    }

    fn serial(&self) -> PathBuf {
        self.directory.join("serial.txt")
    }

    fn log(&self) -> PathBuf {
        self.directory.join("emulator.txt")
    }

    /// What was said on the serial line.
    fn said(&self) -> Outcome<String> {
        let serial = self.serial();
        let said = fs::read(&serial).or_fail(|| format!("read {}", serial.display()))?;
        Ok(String::from_utf8_lossy(&said).replace('\r', ""))
    }

    fn command(&self, disk: &Path, writes: Option<&Path>, command_line: &str) -> Outcome<Command> {
        let mut qemu = self.emulator.command();
        qemu.args(["-accel", "tcg", "-cpu", "qemu64", "-machine", "q35", "-m", "256", "-no-reboot"]);
        qemu.args(["-nodefaults", "-display", "none", "-monitor", "none"]);
        qemu.args(["-serial", &format!("file:{}", self.serial().display())]);
        for node in block_nodes(disk, writes)? {
            qemu.args(["-blockdev", &node]);
        }
        qemu.args(["-device", "nvme,serial=sysota,drive=disk"]);
        qemu.arg("-kernel").arg(self.kernel.image()).arg("-initrd").arg(&self.initramfs);
        qemu.args(["-append", &format!("console=ttyS0 quiet {command_line}")]);
        Ok(qemu)
    }
}

/// The layers of which the last one, `disk`, is what the PC sees.
fn block_nodes(disk: &Path, writes: Option<&Path>) -> Outcome<Vec<String>> {
    let file = |name: &str, path: &Path| format!("driver=file,node-name={name},filename={}", path.display());
    let Some(writes) = writes else {
        return Ok(vec![file("file", disk), "driver=raw,node-name=disk,file=file".to_owned()]);
    };
    fs::write(writes, "").or_fail(|| format!("create {}", writes.display()))?;
    Ok(vec![
        file("file", disk),
        "driver=raw,node-name=raw,file=file".to_owned(),
        file("log", writes),
        "driver=blklogwrites,node-name=disk,file=raw,log=log,log-sector-size=512".to_owned(),
    ])
}
