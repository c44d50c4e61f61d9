//! A machine that runs.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus};
use std::thread;
use std::time::{Duration, Instant};

use super::connection::Connection;
use super::report::Report;
use crate::failure::{Failure, OrFail as _, Outcome};
use crate::task::{Task, words};

/// How long a start may take until the system has all that it wants, and how long a shutdown: several times what they
/// take on a slow machine that has much else to do.
const PATIENCE: Duration = Duration::from_secs(300);

/// How often is looked whether it is so far.
const PERIOD: Duration = Duration::from_millis(100);

/// How much of the console is shown when a boot fails, in lines.
const LAST_WORDS: usize = 40;

/// A system that was started, from the emulator's first instruction to its last. When it goes out of scope, its power is
/// cut, whatever it was doing.
#[derive(Debug)]
pub(crate) struct System {
    command: Command,
    emulator: Child,
    started: Instant,
    serial: PathBuf,
    connection: Connection,
}

/// What a script came to.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) is_success: bool,
    /// Standard output.
    pub(crate) output: String,
    /// Standard error.
    pub(crate) error: String,
}

impl System {
    /// Starts the emulator by `command`, whose console goes to the file `serial`.
    pub(super) fn start(mut command: Command, serial: PathBuf, connection: Connection) -> Outcome<Self> {
        let emulator = spawn(&mut command)?;
        Ok(Self { command, emulator, started: Instant::now(), serial, connection })
    }

    /// Waits until the system lets us in and has started all that it starts. Returns how long that took, and the
    /// state that systemd says it is in: `running` if nothing failed.
    pub(crate) fn wait_until_up(&mut self, task: &mut Task<'_>) -> Outcome<(Duration, String)> {
        while !self.connection.is_open() {
            match self.ended()? {
                Some(status) if status.code().is_none() && !self.has_begun() => {
                    self.emulator = spawn(&mut self.command)?;
                }
                Some(status) => {
                    return Err(Failure::new(format!("the machine stopped before it let us in: {status}")));
                }
                None => {}
            }
            if self.started.elapsed() > PATIENCE {
                return Err(Failure::new(format!(
                    "the system did not let us in within {} seconds",
                    PATIENCE.as_secs()
                )));
            }
            task.go_on();
            thread::sleep(PERIOD);
        }
        let said = self.run("systemctl is-system-running --wait")?;
        Ok((self.started.elapsed(), said.output.trim().to_owned()))
    }

    /// Runs a script of the shell as root, whatever it comes to.
    pub(crate) fn run(&self, script: &str) -> Outcome<Said> {
        let output = self.connection.run(script)?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ok(Said {
            is_success: output.status.success(),
            output: text(&output.stdout),
            error: text(&output.stderr),
        })
    }

    /// Runs a script of the shell as root, and returns what it prints. Fails unless the script succeeds.
    pub(crate) fn expect(&self, script: &str) -> Outcome<String> {
        let said = self.run(script)?;
        if said.is_success {
            return Ok(said.output);
        }
        Err(Failure::with_output(format!("failed in the system: {script}"), said.output + &said.error))
    }

    /// What `stated` said about this boot.
    pub(crate) fn report(&self) -> Outcome<Report> {
        Report::parse(&self.expect("cat /run/sysota/report.json")?)
    }

    /// Has the system shut down in order, and waits until it has. We being its boot loader, nothing follows.
    pub(crate) fn shut_down(mut self, task: &mut Task<'_>) -> Outcome {
        // The connection ends with the system, so it does not matter what comes of the call.
        let _ = self.run("systemctl reboot")?;
        let asked = Instant::now();
        loop {
            match self.ended()? {
                Some(status) if status.success() => return Ok(()),
                Some(status) => return Err(Failure::new(format!("the emulator failed: {status}"))),
                None if asked.elapsed() > PATIENCE => {
                    let what = format!("the system did not shut down within {} seconds", PATIENCE.as_secs());
                    return Err(self.with_last_words(Failure::new(what)));
                }
                None => {}
            }
            task.go_on();
            thread::sleep(PERIOD);
        }
    }

    /// A failure, with what the machine's console and `stated` said last, for whoever wonders why.
    pub(crate) fn with_last_words(&self, failure: Failure) -> Failure {
        let console = fs::read(&self.serial).unwrap_or_default();
        let console = String::from_utf8_lossy(&console);
        // A getty asks the terminal questions, which the one that shows this is not to answer.
        let plain = |line: &str| line.chars().filter(|character| !character.is_control()).collect::<String>();
        let lines: Vec<_> = console.lines().map(plain).collect();
        let last = lines[lines.len().saturating_sub(LAST_WORDS)..].join("\n");
        let report = if self.connection.is_open() { self.expect("stated status").ok() } else { None };
        let report = report.map(|report| format!("\n\n`stated status` in the system:\n{report}"));
        failure.and(format!(
            "\n\nThe end of the console's log, {}:\n{last}{}",
            self.serial.display(),
            report.unwrap_or_default()
        ))
    }

    /// Whether the kernel has started the initramfs. An emulator that is ended by a signal before has done nothing, and
    /// may begin again: QEMU 10.0 sometimes fails an assertion (`iotlb_to_section`) when one processor moves a device in
    /// memory while the other runs, as the kernel does at first.
    fn has_begun(&self) -> bool {
        let console = fs::read(&self.serial).unwrap_or_default();
        String::from_utf8_lossy(&console).contains("Run /init as init process")
    }

    fn ended(&mut self) -> Outcome<Option<ExitStatus>> {
        self.emulator.try_wait().or_fail(|| "wait for the emulator".to_owned())
    }
}

fn spawn(command: &mut Command) -> Outcome<Child> {
    command.spawn().or_fail(|| format!("run `{}`", words(command)))
}

impl Drop for System {
    fn drop(&mut self) {
        // What has ended cannot be ended again, and that is all that can go wrong.
        let _: io::Result<()> = self.emulator.kill();
        let _ = self.emulator.wait();
    }
}
