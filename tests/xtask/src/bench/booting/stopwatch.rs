//! When what was there, by the clock of the machine that booted.

use std::time::Duration;

use crate::failure::{Failure, Outcome};

/// What the kernel says when it starts the initramfs; before it, the time.
const INIT: &str = "Run /init as init process";

/// What begins the line that [`UNIT`] writes.
const MEASURED: &str = "measured:";

/// Ends the boot once all mounts are there. It says when systemd was started and when it was so far, in microseconds, how
/// many paths were bound, and for what the processor was used, as `proc_stat(5)` has it.
pub(super) const UNIT: &str = "\
[Unit]
DefaultDependencies=no
Requires=local-fs.target
After=local-fs.target
[Service]
Type=oneshot
ExecStart=/bin/sh -c 'dmesg | grep \"Run /init\" > /dev/console; echo measured: \
$(systemctl show --value --property=UserspaceTimestampMonotonic) \
$(systemctl show --value --property=ActiveEnterTimestampMonotonic local-fs.target) \
$(grep -c \" /srv/\" /proc/self/mountinfo) $(head -n 1 /proc/stat) > /dev/console; systemctl poweroff --force'
";

/// A tick of the times in `/proc/stat`.
const TICK: Duration = Duration::from_millis(10);

/// The columns there that are the processor's work, by their numbers: user, nice, system, irq and softirq.
const WORK: [usize; 5] = [0, 1, 2, 5, 6];

/// How long a boot took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Times {
    /// From the kernel's start of the initramfs to the start of systemd.
    pub(super) initramfs: Duration,
    /// From the kernel's start of the initramfs to `local-fs.target`.
    pub(super) all: Duration,
    /// How long the processor had something to do, until then and since the kernel began.
    pub(super) work: Duration,
}

impl Times {
    /// The shorter of each: what made the other one longer were waits that have nothing to do with it.
    pub(super) fn best(self, other: Self) -> Self {
        Self {
            initramfs: self.initramfs.min(other.initramfs),
            all: self.all.min(other.all),
            work: self.work.min(other.work),
        }
    }

    /// What it took more than another boot.
    pub(super) fn beyond(self, other: Self) -> Self {
        Self {
            initramfs: self.initramfs.saturating_sub(other.initramfs),
            all: self.all.saturating_sub(other.all),
            work: self.work.saturating_sub(other.work),
        }
    }
}

/// Reads what a console has `shown`, on which there must be `count` paths that were bound.
pub(super) fn read(shown: &str, count: usize) -> Outcome<Times> {
    match parse(shown) {
        Some((times, bound)) if bound == count => Ok(times),
        Some((_, bound)) => Err(Failure::with_output(format!("{bound} of {count} paths are bound"), shown)),
        None => Err(Failure::with_output("the boot did not tell how long it took", shown)),
    }
}

fn parse(shown: &str) -> Option<(Times, usize)> {
    // systemd clears the console, so that this line does not begin with the time.
    let (before, _) = shown.split_once(INIT)?;
    let (_, time) = before.trim_end().strip_suffix(']')?.rsplit_once('[')?;
    let init = Duration::try_from_secs_f64(time.trim().parse().ok()?).ok()?;
    let (_, measured) = shown.rsplit_once(MEASURED)?;
    let mut numbers = measured.split_whitespace();
    let mut number = || numbers.next()?.parse::<u64>().ok();
    let [systemd, target] = [number()?, number()?].map(Duration::from_micros);
    let bound = usize::try_from(number()?).ok()?;
    let ticks = numbers.skip(1).map_while(|ticks| ticks.parse::<u32>().ok()).collect::<Vec<_>>();
    let work = WORK.iter().map(|&column| ticks.get(column)).sum::<Option<u32>>()?;
    let times =
        Times { initramfs: systemd.checked_sub(init)?, all: target.checked_sub(init)?, work: TICK * work };
    Some((times, bound))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHOWN: &str = "\u{1b}[!p[    2.500000] Run /init as init process\n\
                         measured: 3000000 5000000 10 cpu 100 1 20 900 50 3 4 0 0 0\n[    6.0] done\n";

    #[test]
    fn reads_what_the_unit_wrote() {
        let times = read(SHOWN, 10).unwrap();
        let [initramfs, all, work] = [500, 2500, 1280].map(Duration::from_millis);
        assert_eq!(times, Times { initramfs, all, work });
    }

    #[test]
    fn a_boot_that_bound_less_is_none() {
        assert!(read(SHOWN, 11).unwrap_err().to_string().contains("10 of 11"));
        assert!(read("measured: 1 2 3", 3).unwrap_err().to_string().contains("did not tell"));
        assert!(read(&SHOWN.replace("3000000", "2000000"), 10).is_err());
    }
}
