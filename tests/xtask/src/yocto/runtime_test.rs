//! `testimage`: the layer's tests of a running system, as OpenEmbedded runs them, on a device with nothing but a console.

use super::build::Build;
use super::builder::give;
use super::guest::{Guest, PARTITIONS, install};
use super::{IMAGE, SINGLE};
use crate::boot::disk::Disk;
use crate::failure::{Failure, Outcome};
use crate::task::Task;
use crate::terminal::Terminal;

/// The class that talks to it is in the test layer. No package is installed by a test, so no index of them is made.
const LINES: &str = "IMAGE_CLASSES += \"testimage\"\nTEST_TARGET = \"ConsoleTarget\"\nTEST_SUITES = \"sysota_state\"\n\
    TESTIMAGEDEPENDS:forcevariable = \"\"";

pub(super) fn run(build: &Build, guest: &Guest, terminal: Terminal) -> Outcome {
    let mut task = Task::start(terminal, "run the runtime tests");
    let disk = Disk::create(build.directory().join("disk-runtime"), &PARTITIONS)?;
    install(&disk, &build.deployed(IMAGE).file("ext4")?)?;
    give(disk.file())?;
    let machine = guest.shell(disk.file(), &build.deployed(SINGLE).file("cpio.gz")?)?;
    let variables = machine.get_envs().filter_map(|(name, value)| Some((name, value?)));
    let variables = variables.map(|(name, value)| format!("{}='{}'", name.display(), value.display()));
    let words = std::iter::once(machine.get_program()).chain(machine.get_args());
    let words = words.map(|word| format!("'{}'", word.display()));
    // A task sees the programs that HOSTTOOLS names, and no others.
    let start = ["env", "PATH=/usr/bin:/bin"].map(str::to_owned);
    let words = start.into_iter().chain(variables).chain(words).collect::<Vec<_>>().join(" ");
    let lines = format!("{LINES}\nTEST_SERIALCONTROL_CMD = \"{words}\"");
    let said = build.bitbake_with(&mut task, &lines, &[IMAGE, "-c", "testimage"])?;
    let passed = said
        .lines()
        .filter(|line| line.contains("RESULTS - sysota_state.") && line.contains(": PASSED"))
        .count();
    if passed == 0 {
        return Err(Failure::with_output("testimage has run no test", said));
    }
    task.finish(&format!("testimage passes, {passed} tests over a console"));
    Ok(())
}
