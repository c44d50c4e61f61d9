//! What one run of a program costs.

use std::fs;
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::libc;

use crate::failure::{Failure, OrFail as _, Outcome};
use crate::task::words;

/// Time and memory of one run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Usage {
    pub(crate) wall: Duration,
    /// On all processors, by the program and by the kernel for it.
    pub(crate) cpu: Duration,
    /// The most memory that was resident at once, in bytes. The kernel counts at least what this program itself had when
    /// it started the other: a few mebibytes.
    pub(crate) memory: u64,
}

impl Usage {
    /// Runs `command` to its end. It must succeed, since a failure may be quick; what it prints goes to the file `log`.
    pub(crate) fn of(command: &mut Command, log: &Path) -> Outcome<Self> {
        let file = fs::File::create(log).or_fail(|| format!("create {}", log.display()))?;
        let other = file.try_clone().or_fail(|| format!("open {} twice", log.display()))?;
        command.stdin(Stdio::null()).stdout(file).stderr(other);
        let started = Instant::now();
        let child = command.spawn().or_fail(|| format!("run `{}`", words(command)))?;
        let (status, usage) = wait(child.id()).or_fail(|| format!("wait for `{}`", words(command)))?;
        let wall = started.elapsed();
        if status != 0 {
            let output = fs::read(log).or_fail(|| format!("read {}", log.display()))?;
            return Err(Failure::with_output(
                format!("`{}` failed: wait status {status:#x}", words(command)),
                String::from_utf8_lossy(&output),
            ));
        }
        Ok(Self {
            wall,
            cpu: duration(usage.ru_utime) + duration(usage.ru_stime),
            memory: u64::try_from(usage.ru_maxrss).unwrap_or(0) * 1024,
        })
    }

    /// What `work` costs inside this program: time only.
    pub(crate) fn of_reading(work: impl FnOnce() -> io::Result<u64>, what: &Path) -> Outcome<Self> {
        let started = Instant::now();
        let memory = work().or_fail(|| format!("read {}", what.display()))?;
        let wall = started.elapsed();
        // One thread that waits for nothing but files which are in memory: CPU time is wall time.
        Ok(Self { wall, cpu: wall, memory })
    }
}

/// The status and costs of a child; afterwards it is gone.
fn wait(child: u32) -> io::Result<(libc::c_int, libc::rusage)> {
    let child = libc::pid_t::try_from(child).map_err(io::Error::other)?;
    let mut status = 0;
    let mut usage = std::mem::MaybeUninit::<libc::rusage>::zeroed();
    loop {
        // SAFETY: both pointers are to live variables of the types that `wait4(2)` writes.
        #[expect(unsafe_code, reason = "nix has no wait4, and getrusage mixes all children's memory")]
        let waited = unsafe { libc::wait4(child, &raw mut status, 0, usage.as_mut_ptr()) };
        if waited == child {
            break;
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
    // SAFETY: all zeros is a valid `rusage`, which the kernel has overwritten.
    #[expect(unsafe_code, reason = "the kernel fills it in")]
    let usage = unsafe { usage.assume_init() };
    Ok((status, usage))
}

fn duration(time: libc::timeval) -> Duration {
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    Duration::from_secs(seconds) + Duration::from_micros(u64::try_from(time.tv_usec).unwrap_or(0))
}

/// The costs of several runs of the same.
#[derive(Clone, Debug)]
pub(crate) struct Series(Vec<Usage>);

impl Series {
    /// Measures `runs` times, at least once.
    pub(crate) fn measure(runs: usize, mut run: impl FnMut() -> Outcome<Usage>) -> Outcome<Self> {
        (0..runs.max(1)).map(|_| run()).collect::<Outcome<Vec<_>>>().map(Self)
    }

    /// Measures two in turn, each `runs` times, so that what disturbs disturbs both. Neither is always the first.
    pub(crate) fn measure_both(
        runs: usize,
        mut one: impl FnMut() -> Outcome<Usage>,
        mut other: impl FnMut() -> Outcome<Usage>,
    ) -> Outcome<(Self, Self)> {
        let (mut ones, mut others) = (Vec::new(), Vec::new());
        for number in 0..runs.max(1) {
            if number % 2 == 0 {
                ones.push(one()?);
                others.push(other()?);
            } else {
                others.push(other()?);
                ones.push(one()?);
            }
        }
        Ok((Self(ones), Self(others)))
    }

    pub(crate) fn runs(&self) -> usize {
        self.0.len()
    }

    /// The time with the least disturbance by others.
    pub(crate) fn best(&self) -> Duration {
        self.0.iter().map(|usage| usage.wall).min().unwrap_or_default()
    }

    pub(crate) fn median(&self) -> Duration {
        middle(self.0.iter().map(|usage| usage.wall))
    }

    pub(crate) fn cpu(&self) -> Duration {
        middle(self.0.iter().map(|usage| usage.cpu))
    }

    /// The most of all runs, in bytes.
    pub(crate) fn memory(&self) -> u64 {
        self.0.iter().map(|usage| usage.memory).max().unwrap_or_default()
    }
}

/// The upper median.
fn middle(times: impl Iterator<Item = Duration>) -> Duration {
    let mut times: Vec<_> = times.collect();
    times.sort();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_what_a_child_used() {
        let log = std::env::temp_dir().join(format!("usage-{}.txt", std::process::id()));
        let usage = Usage::of(&mut Command::new("true"), &log).unwrap();
        assert!(usage.memory > 0);
        let failure = Usage::of(Command::new("ls").arg("/nonexistent"), &log).unwrap_err();
        assert!(failure.to_string().contains("wait status"), "{failure}");
        fs::remove_file(log).unwrap();
    }

    #[test]
    fn the_middle_is_not_the_mean() {
        let times = [9, 1, 2].map(Duration::from_secs);
        assert_eq!(middle(times.into_iter()), Duration::from_secs(2));
        assert_eq!(middle(std::iter::empty()), Duration::ZERO);
    }
}
