//! A PC that starts what a host has made. It switches itself off in the end.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::host::Host;
use super::start::{Start, last_words};
use crate::boot::disk::Disk;
use crate::boot::emulator::Emulator;
use crate::failure::{Failure, OrFail as _, Outcome};
use crate::task::{Task, words};

/// How long a start may take: ten times what it takes on a slow machine.
const PATIENCE: Duration = Duration::from_secs(300);

/// How often is looked whether it has ended.
const PERIOD: Duration = Duration::from_millis(100);

/// Only errors of the kernel's are shown, so that its words do not tear those of others apart. A kernel without a process 1
/// restarts.
const PARAMETERS: &str = "console=ttyS0 loglevel=4 panic=1 ro";

/// The processor is emulated as a program, since a virtual one of the machine's own is rarely to be had.
const PC: [&str; 17] = [
    "-machine",
    "q35",
    "-accel",
    "tcg,thread=multi",
    "-cpu",
    "qemu64",
    "-smp",
    "2",
    "-m",
    "512",
    "-nodefaults",
    "-no-reboot",
    "-display",
    "none",
    "-monitor",
    "none",
    "-device",
];

/// What is started, with its disk.
#[derive(Debug)]
pub(super) struct Machine<'a> {
    pub(super) emulator: &'a Emulator,
    pub(super) kernel: &'a Path,
    pub(super) initramfs: &'a Path,
    pub(super) disk: &'a Disk,
}

impl Machine<'_> {
    /// Starts the machine and waits until it switches itself off. Returns what its console has shown, which is kept as the
    /// file `console`.
    pub(super) fn start(
        &self,
        host: Host,
        start: Start,
        console: &Path,
        task: &mut Task<'_>,
    ) -> Outcome<String> {
        let mut command = self.emulator.command();
        command.args(PC).arg("nvme,drive=disk,serial=sysota").arg("-drive");
        command.arg(format!("file={},format=raw,if=none,id=disk", self.disk.file().display()));
        command.arg("-serial").arg(format!("file:{}", console.display()));
        command.arg("-kernel").arg(self.kernel).arg("-initrd").arg(self.initramfs).arg("-append");
        let (root, restarts) = (start.slot().label(), host.restarts());
        command.arg(format!("{PARAMETERS} root=PARTLABEL={root} {restarts}"));
        let said = console.with_extension("emulator.txt");
        let file = File::create(&said).or_fail(|| format!("create {}", said.display()))?;
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(file);
        let emulator = command.spawn().or_fail(|| format!("run `{}`", words(&command)))?;
        let ended = Running(emulator).wait(&said, task)?;
        let seen = fs::read(console).or_fail(|| format!("read {}", console.display()))?;
        let seen = String::from_utf8_lossy(&seen).into_owned();
        if ended {
            return Ok(seen);
        }
        let what = format!("the machine did not end within {} seconds", PATIENCE.as_secs());
        Err(Failure::with_output(what, last_words(&seen)))
    }
}

/// An emulator, whose power is cut when it goes out of scope.
struct Running(Child);

impl Running {
    /// Whether it has ended in time. What it says about itself is in the file `said`.
    fn wait(mut self, said: &Path, task: &mut Task<'_>) -> Outcome<bool> {
        let started = Instant::now();
        while started.elapsed() < PATIENCE {
            let status = self.0.try_wait().or_fail(|| "wait for the emulator".to_owned())?;
            if let Some(status) = status {
                if status.success() {
                    return Ok(true);
                }
                let said = fs::read_to_string(said).or_fail(|| format!("read {}", said.display()))?;
                return Err(Failure::with_output(format!("the emulator failed: {status}"), said));
            }
            task.go_on();
            thread::sleep(PERIOD);
        }
        Ok(false)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // What has ended cannot be ended again, and that is all that can go wrong.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
