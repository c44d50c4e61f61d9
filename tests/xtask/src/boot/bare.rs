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
        match self.run(disk, writes, command_line, LIMIT, task)? {
            (shown, true) => Ok(shown),
            (shown, false) => {
                let what = format!("the machine did not end within {} seconds", LIMIT.as_secs());
                Err(Failure::with_output(what, shown))
            }
        }
    }

    /// The same, for one that is not to end.
    pub(crate) fn boot_and_leave(
        &self,
        disk: &Path,
        command_line: &str,
        task: &mut Task<'_>,
    ) -> Outcome<String> {
        match self.run(disk, None, command_line, STAY, task)? {
            (shown, false) => Ok(shown),
            (shown, true) => Err(Failure::with_output("it should not have ended", shown)),
        }
    }

    /// Returns what the console has shown, and whether the machine ended by itself.
    fn run(
        &self,
        disk: &Path,
        writes: Option<&Path>,
        command_line: &str,
        limit: Duration,
        task: &mut Task<'_>,
    ) -> Outcome<(String, bool)> {
        let mut qemu = self.command(disk, writes, command_line)?;
        let ended = task.run_within(limit, &mut qemu, &self.console.with_extension("emulator.txt"))?;
        let shown = fs::read(self.console).or_fail(|| format!("read {}", self.console.display()))?;
        Ok((String::from_utf8_lossy(&shown).replace('\r', ""), ended))
    }

    fn command(&self, disk: &Path, writes: Option<&Path>, command_line: &str) -> Outcome<Command> {
        let mut qemu = self.emulator.command();
        qemu.args(PC).args(["-display", "none", "-monitor", "none"]);
        qemu.args(["-serial", &format!("file:{}", self.console.display())]);
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
