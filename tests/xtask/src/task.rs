//! One piece of work that a person may have to wait for.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::failure::{Failure, OrFail as _, Outcome};
use crate::terminal::Terminal;

/// How often a live line is written again.
const LIVE_PERIOD: Duration = Duration::from_millis(100);

/// How often a log, which cannot rewrite its lines, is told that work goes on.
const LOG_PERIOD: Duration = Duration::from_secs(30);

/// Work under way. Shows its name while it lasts, and its result and duration when it is done.
pub(crate) struct Task<'a> {
    terminal: Terminal,
    name: &'a str,
    started: Instant,
    /// When a log was last told that work goes on.
    told: Duration,
    is_done: bool,
}

impl Drop for Task<'_> {
    fn drop(&mut self) {
        if !self.is_done {
            let mark = self.terminal.red("✗");
            self.close(&mark, "failed");
        }
    }
}

impl<'a> Task<'a> {
    pub(crate) fn start(terminal: Terminal, name: &'a str) -> Self {
        let task = Self { terminal, name, started: Instant::now(), told: Duration::ZERO, is_done: false };
        task.show_live("");
        task
    }

    /// Runs `command` to its end. Its output goes to the file `log`, and into the failure if it fails.
    pub(crate) fn run(&mut self, command: &mut Command, log: &Path) -> Outcome {
        let mut child = start(command, log)?;
        self.wait(&mut child, command, log)
    }

    /// The same, but ends a command by force that takes longer than `limit`. Returns whether it ended by itself.
    pub(crate) fn run_within(&mut self, limit: Duration, command: &mut Command, log: &Path) -> Outcome<bool> {
        let mut child = start(command, log)?;
        let deadline = Instant::now() + limit;
        self.wait_until(Some(deadline), &mut child, command, log)
    }

    /// Runs commands at the same time, each to its end. Fails as the first one does that failed.
    pub(crate) fn run_together(&mut self, commands: &mut [(Command, PathBuf)]) -> Outcome {
        let started: Vec<_> = commands.iter_mut().map(|(command, log)| start(command, log)).collect();
        let mut outcome = Ok(());
        for (child, (command, log)) in started.into_iter().zip(commands) {
            let ended = child.and_then(|mut child| self.wait(&mut child, command, log));
            outcome = outcome.and(ended);
        }
        outcome
    }

    fn wait(&mut self, child: &mut Child, command: &Command, log: &Path) -> Outcome {
        self.wait_until(None, child, command, log).map(|_| ())
    }

    fn wait_until(
        &mut self,
        deadline: Option<Instant>,
        child: &mut Child,
        command: &Command,
        log: &Path,
    ) -> Outcome<bool> {
        let words = words(command);
        let status = loop {
            if let Some(status) = child.try_wait().or_fail(|| format!("wait for `{words}`"))? {
                break status;
            }
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                let place = || format!("end `{words}`");
                child.kill().or_fail(place)?;
                child.wait().or_fail(place)?;
                return Ok(false);
            }
            self.go_on();
            thread::sleep(LIVE_PERIOD);
        };
        if status.success() {
            return Ok(true);
        }
        let output = fs::read(log).or_fail(|| format!("read {}", log.display()))?;
        Err(Failure::with_output(format!("`{words}` failed: {status}"), String::from_utf8_lossy(&output)))
    }

    /// Says that the work is done, and what came of it. Work that ends without this has failed.
    pub(crate) fn finish(mut self, result: &str) {
        self.is_done = true;
        let mark = self.terminal.green("✓");
        self.close(&mark, result);
    }

    fn close(&self, mark: &str, result: &str) {
        self.erase_live();
        let time = self.terminal.dim(&format!("{:>7.1} s", self.started.elapsed().as_secs_f64()));
        println!("  {mark} {:<24} {result:<50}{time}", self.name);
    }

    /// Shows that the work goes on. To be called every now and then.
    pub(crate) fn go_on(&mut self) {
        let elapsed = self.started.elapsed();
        if self.terminal.is_live {
            self.show_live(&format!("{:.0} s", elapsed.as_secs_f64()));
        } else if elapsed >= self.told + LOG_PERIOD {
            self.told = elapsed;
            println!("  … {} (under way for {:.0} s)", self.name, elapsed.as_secs_f64());
        }
    }

    fn show_live(&self, note: &str) {
        if self.terminal.is_live {
            print!("\r\x1b[K  … {:<24} {note}", self.name);
            // A progress line that cannot be shown is no reason to stop the work.
            let _ = io::stdout().flush();
        }
    }

    fn erase_live(&self) {
        if self.terminal.is_live {
            print!("\r\x1b[K");
        }
    }
}

/// Starts `command`, whose output goes to the file `log`.
fn start(command: &mut Command, log: &Path) -> Outcome<Child> {
    let file = File::create(log).or_fail(|| format!("create {}", log.display()))?;
    let other = file.try_clone().or_fail(|| format!("open {} twice", log.display()))?;
    command.stdin(Stdio::null()).stdout(file).stderr(other);
    command.spawn().or_fail(|| format!("run `{}`", words(command)))
}

/// A command as a person would type it.
pub(crate) fn words(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or_default();
    let words = std::iter::once(program).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}
