//! A PC with one disk, which runs until it turns itself off or restarts. Nobody talks to it: what it shows on its console is all
//! that is seen.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::emulator::Emulator;
use crate::failure::{Failure, OrFail as _, Outcome};
use crate::task::Task;

/// How long one boot may take: many times what it takes on a slow machine.
const LIMIT: Duration = Duration::from_secs(300);

/// How long one is watched that is to stay as it is: three times as long as those take that end.
const STAY: Duration = Duration::from_secs(45);

/// The processor is emulated as a program, since a virtual one of the machine's own is rarely to be had. There is one, in one
/// thread: with more, QEMU 10.0 has been seen to abort in some thirtieth boot.
const PC: [&str; 12] = [
    "-machine",
    "q35",
    "-accel",
    "tcg,thread=single",
    "-cpu",
    "qemu64",
    "-smp",
    "1",
    "-m",
    "512",
    "-nodefaults",
    "-no-reboot",
];

/// Has time pass, inside, with the instructions that the processor has done, two nanoseconds with each, and as it does
/// outside while there is nothing to do. So it is the same on every machine, however busy.
const COUNTED: [&str; 2] = ["-icount", "shift=1,sleep=on"];

/// What it takes to boot one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BarePc<'a> {
    pub(crate) emulator: &'a Emulator,
    pub(crate) kernel: &'a Path,
    pub(crate) initramfs: &'a Path,
    /// Keeps what the console shows.
    pub(crate) console: &'a Path,
}

impl BarePc<'_> {
    /// Boots from `disk` to the end, and returns what the console has shown. `writes` is a file for a log of all that is
    /// written to the disk.
    pub(crate) fn boot(
        &self,
        disk: &Path,
        writes: Option<&Path>,
        command_line: &str,
        task: &mut Task<'_>,
    ) -> Outcome<String> {
        let mut qemu = self.command(disk, writes, &self.file(), command_line)?;
        require_end(self.run(&mut qemu, LIMIT, task)?)
    }

    /// The same, for one that is not to end.
    pub(crate) fn boot_and_leave(
        &self,
        disk: &Path,
        command_line: &str,
        task: &mut Task<'_>,
    ) -> Outcome<String> {
        let mut qemu = self.command(disk, None, &self.file(), command_line)?;
        match self.run(&mut qemu, STAY, task)? {
            (shown, false) => Ok(shown),
            (shown, true) => Err(Failure::with_output("it should not have ended", shown)),
        }
    }

    /// The same to the end, with a clock that shows how much was done and not how long it took.
    pub(crate) fn boot_counted(
        &self,
        disk: &Path,
        command_line: &str,
        task: &mut Task<'_>,
    ) -> Outcome<String> {
        let mut qemu = self.command(disk, None, &self.file(), command_line)?;
        qemu.args(COUNTED);
        require_end(self.run(&mut qemu, LIMIT, task)?)
    }

    /// Returns what the console has shown, and whether the machine ended by itself.
    fn run(&self, qemu: &mut Command, limit: Duration, task: &mut Task<'_>) -> Outcome<(String, bool)> {
        let ended = task.run_within(limit, qemu, &self.console.with_extension("emulator.txt"))?;
        let shown = fs::read(self.console).or_fail(|| format!("read {}", self.console.display()))?;
        Ok((String::from_utf8_lossy(&shown).replace('\r', ""), ended))
    }

    /// The command that starts it with its console as standard input and output, for others to run.
    pub(crate) fn on_terminal(&self, disk: &Path, command_line: &str) -> Outcome<Command> {
        self.command(disk, None, "stdio", command_line)
    }

    /// The console as a file, as QEMU names it.
    fn file(&self) -> String {
        format!("file:{}", self.console.display())
    }

    fn command(
        &self,
        disk: &Path,
        writes: Option<&Path>,
        serial: &str,
        command_line: &str,
    ) -> Outcome<Command> {
        let mut qemu = self.emulator.command();
        qemu.args(PC).args(["-display", "none", "-monitor", "none"]);
        qemu.args(["-serial", serial]);
        for node in block_nodes(disk, writes)? {
            qemu.args(["-blockdev", &node]);
        }
        // The kernel writes the end of a transaction through the cache of a disk that can do so, as NVMe can. QEMU's takes
        // no notice of that, and the log would have a write like any other. Of virtio's, the kernel asks for a flush instead.
        let device = if writes.is_some() { "virtio-blk-pci" } else { "nvme,serial=sysota" };
        qemu.arg("-device").arg(format!("{device},drive=disk"));
        qemu.arg("-kernel").arg(self.kernel).arg("-initrd").arg(self.initramfs);
        qemu.args(["-append", &format!("console=ttyS0 {command_line}")]);
        Ok(qemu)
    }
}

/// What the console has shown of a machine that was to end by itself.
fn require_end((shown, ended): (String, bool)) -> Outcome<String> {
    if ended {
        return Ok(shown);
    }
    let what = format!("the machine did not end within {} seconds", LIMIT.as_secs());
    Err(Failure::with_output(what, shown))
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
