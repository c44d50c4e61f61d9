//! Mount units, one for each path: how long a real systemd takes for them, in a container.
//!
//! A container's systemd starts units as a machine's does; kernel and firmware, which are the same for all
//! contenders, are not in the figures.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use super::figures::{Figures, show_precisely};
use super::mount_unit;
use crate::debian_root::DebianRoot;
use crate::example::Example;
use crate::failure::{Failure, OrFail as _, Outcome};
use crate::task::{Task, words};
use crate::terminal::Terminal;
use crate::tool;
use crate::workspace::Workspace;

/// The example whose Debian has systemd as its init.
const EXAMPLE: &str = "debian-server";

/// How many units are compared with none.
const COUNTS: [usize; 3] = [10, 100, 500];

/// How often each container is booted.
const RUNS: usize = 3;

/// Where the unit that ends the boot writes what it found, inside.
const RESULT: &str = "measured";

/// Ends the boot once all mounts are there.
const UNIT: &str = "\
[Unit]
DefaultDependencies=no
Requires=local-fs.target
After=local-fs.target
[Service]
Type=oneshot
ExecStart=/bin/sh -c 'exec >/measured; \
systemctl show --value --property=UserspaceTimestampMonotonic; \
systemctl show --value --property=ActiveEnterTimestampMonotonic local-fs.target; \
grep -c \" /srv/\" /proc/self/mountinfo; \
systemctl exit 0'
";

/// What mount units took, from systemd's start to `local-fs.target`.
#[derive(Debug)]
struct MountUnits {
    without: Duration,
    with: Vec<(usize, Duration)>,
}

/// Boots containers without and with units, each some times, and keeps the best.
pub(super) fn measure_all(workspace: &Workspace, terminal: Terminal, figures: &mut Figures) -> Outcome {
    MountUnits::measure(workspace, terminal).map(|units| units.add_to(figures))
}

impl MountUnits {
    fn measure(workspace: &Workspace, terminal: Terminal) -> Outcome<Self> {
        tool::ensure(&[tool::NSPAWN], workspace, terminal)?;
        let example = Example::open(workspace, EXAMPLE)?;
        let debian = DebianRoot::fetch(&example, workspace, terminal)?;
        let mut task = Task::start(terminal, "boot with mount units");
        let root = workspace.scratch("bench")?.join("container");
        debian.unpack(&root, workspace, &mut task)?;
        let container = Container { root };
        let log = workspace.scratch("log")?.join("bench-container.txt");
        let without = container.boot(0, &log)?;
        let mut with = Vec::new();
        for count in COUNTS {
            with.push((count, container.boot(count, &log)?));
        }
        let root = &container.root;
        fs::remove_dir_all(root).or_fail(|| format!("remove {}", root.display()))?;
        task.finish("in a container, with Debian's systemd");
        Ok(Self { without, with })
    }

    fn add_to(&self, figures: &mut Figures) {
        let title = format!(
            "One mount unit for each path, from the start of systemd to `local-fs.target`, best of {RUNS} boots of a container"
        );
        let head = ["units", "time", "more than without"].map(str::to_owned);
        let row = |count: usize, time: Duration| {
            let more = time.saturating_sub(self.without);
            vec![count.to_string(), show_precisely(time), show_precisely(more)]
        };
        let mut rows = vec![row(0, self.without)];
        rows.extend(self.with.iter().map(|&(count, time)| row(count, time)));
        figures.add_table(&title, &head, &rows);
    }
}

/// A Debian that boots.
struct Container {
    root: PathBuf,
}

impl Container {
    /// The shortest time to `local-fs.target` with this many mount units.
    fn boot(&self, count: usize, log: &Path) -> Outcome<Duration> {
        self.write_units(count).or_fail(|| format!("write units into {}", self.root.display()))?;
        let times = (0..RUNS).map(|_| self.boot_once(count, log)).collect::<Outcome<Vec<_>>>()?;
        Ok(times.into_iter().min().unwrap_or_default())
    }

    fn write_units(&self, count: usize) -> std::io::Result<()> {
        let units = self.root.join("etc/systemd/system");
        fs::create_dir_all(units.join("local-fs.target.wants"))?;
        for number in 0..count {
            let name = format!("package-{number:04}");
            fs::create_dir_all(self.root.join("opt/state").join(&name))?;
            fs::create_dir_all(self.root.join("srv").join(&name))?;
            // `-` separates directories in a unit's name, and is escaped.
            let unit = format!("srv-package\\x2d{number:04}.mount");
            mount_unit::write(&units, &unit, &format!("/opt/state/{name}"), &format!("/srv/{name}"))?;
        }
        fs::write(units.join("measure.service"), UNIT)
    }

    fn boot_once(&self, count: usize, log: &Path) -> Outcome<Duration> {
        let mut command = Command::new("systemd-nspawn");
        command.args(["--quiet", "--register=no", "--keep-unit", "--private-network", "--link-journal=no"]);
        command.arg("--directory").arg(&self.root).args(["--boot", "--", "systemd.unit=measure.service"]);
        let file = fs::File::create(log).or_fail(|| format!("create {}", log.display()))?;
        let other = file.try_clone().or_fail(|| format!("open {} twice", log.display()))?;
        let result = self.root.join(RESULT);
        let _ = fs::remove_file(&result);
        let status = command.stdin(Stdio::null()).stdout(file).stderr(other).status();
        let status = status.or_fail(|| format!("run `{}`", words(&command)))?;
        let measured = fs::read_to_string(&result).ok().and_then(|text| parse(&text));
        match measured {
            Some((time, mounts)) if mounts == count => Ok(time),
            _ => {
                let output = fs::read(log).or_fail(|| format!("read {}", log.display()))?;
                let what =
                    format!("`{}` ({status}) did not say when {count} units were done", words(&command));
                Err(Failure::with_output(what, String::from_utf8_lossy(&output)))
            }
        }
    }
}

/// What the unit wrote: microseconds at the start and at the end, and how many mounts there were.
fn parse(text: &str) -> Option<(Duration, usize)> {
    let mut lines = text.lines();
    let mut number = || lines.next()?.parse::<u64>().ok();
    let (start, end, mounts) = (number()?, number()?, number()?);
    Some((Duration::from_micros(end.checked_sub(start)?), usize::try_from(mounts).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_the_unit_wrote() {
        assert_eq!(parse("100\n350\n7\n"), Some((Duration::from_micros(250), 7)));
        assert_eq!(parse("350\n100\n7\n"), None);
        assert_eq!(parse(""), None);
    }
}
