//! Power cuts at any moment of a first boot, of an update and of a rollback.
//!
//! Each of these is booted once, with a log of all requests that the disk got. A power cut is then any prefix of the log, of which
//! those requests that nothing had flushed are there or not, as chance has it: a disk with a cache writes it in any order. Killing the
//! emulator would lose less: what the disk was told is then in a file of the host, and stays. After each cut the system is
//! booted, and has to have the state from before or after, whole.

use std::fs;
use std::path::{Path, PathBuf};

use super::Share;
use super::chance::Chance;
use super::disk::{Disk, Partition, SYS_DATA};
use super::slot::Slot;
use super::tiny::{ROOT_SIZE, Seen, Tiny, TinyPc};
use super::write_log::WriteLog;
use crate::failure::{OrFail as _, Outcome};
use crate::task::Task;
use crate::terminal::Terminal;
use crate::workspace::Workspace;

/// How often the power is cut.
const CUTS: usize = 100;
const BRIEF_CUTS: usize = 3;

/// A boot that was recorded.
#[derive(Debug)]
struct Recorded {
    name: &'static str,
    slot: &'static str,
    /// The disk as it was before.
    before: PathBuf,
    writes: WriteLog,
}

/// What each slot shows when all of it is there.
#[derive(Debug)]
struct Whole {
    first: Seen,
    a: Seen,
    b: Seen,
}

/// Records the boots, then cuts the power at moments that follow from `seed`.
pub(super) fn run(
    pc: &TinyPc,
    workspace: &Workspace,
    share: Share,
    seed: u64,
    terminal: Terminal,
) -> Outcome {
    let mut task = Task::start(terminal, "record three boots");
    let (recorded, whole) = record(pc, workspace, &mut task)?;
    let requests: usize = recorded.iter().map(|boot| boot.writes.len()).sum();
    task.finish(&format!("{requests} requests to the disk"));

    let mut task = Task::start(terminal, "cut the power");
    let cuts = if share == Share::Brief { BRIEF_CUTS } else { CUTS };
    let mut chance = Chance::new(seed);
    let mut lost = 0;
    for number in 0..cuts {
        let mut cut = chance.below(requests);
        let boot = recorded.iter().find(|boot| {
            let is_in_it = cut < boot.writes.len();
            if !is_in_it {
                cut -= boot.writes.len();
            }
            is_in_it
        });
        let boot = boot.ok_or("there is none").or_fail(|| "choose a moment".to_owned())?;
        let place = pc.directory.join("cut.img");
        copy_disk(&boot.before, &place)?;
        lost += boot.writes.replay(&place, cut, &mut chance)?;
        let what = format!("{} cut before request {cut} of {}, seed {seed}", boot.name, boot.writes.len());
        check(pc, boot, &place, &whole, &mut task)
            .map_err(|failure| failure.and(format!("\n({what}, cut {number})")))?;
    }
    task.finish(&format!("{cuts} times, {lost} requests lost; always whole"));
    Ok(())
}

/// A device's life: first boot, the user's changes, an update, a rollback.
fn record(pc: &TinyPc, workspace: &Workspace, task: &mut Task<'_>) -> Outcome<(Vec<Recorded>, Whole)> {
    let disk = make_disk(pc, workspace, task)?;
    let mut recorded = Vec::new();
    let mut record = |name, slot, task: &mut Task<'_>| -> Outcome<Seen> {
        let before = pc.directory.join(format!("before-{name}.img"));
        copy_disk(disk.file(), &before)?;
        let log = pc.directory.join("writes.log");
        let said = pc.bare().boot(disk.file(), Some(&log), &command_line(slot, ""), task)?;
        recorded.push(Recorded { name, slot, before, writes: WriteLog::read(&log)? });
        Seen::read(&said)
    };
    let first = record("first-boot", "A", task)?;
    first.expect("first-boot", "0")?;
    pc.bare().boot(disk.file(), None, &command_line("A", "tiny.change=one"), task)?;
    let a = Seen::read(&pc.bare().boot(disk.file(), None, &command_line("A", ""), task)?)?;
    a.expect("same", "0")?;
    disk.install(Slot::B, &Tiny::of(2).build(workspace, task)?)?;
    let b = record("update", "B", task)?;
    b.expect("update", "0")?;
    let again = record("rollback", "A", task)?;
    again.expect("rollback", "0")?;
    again.expect_state_of(&a)?;
    Ok((recorded, Whole { first, a, b }))
}

/// A device that has never been on.
fn make_disk(pc: &TinyPc, workspace: &Workspace, task: &mut Task<'_>) -> Outcome<Disk> {
    let partitions = [
        Partition { label: Slot::A.label(), size: ROOT_SIZE },
        Partition { label: Slot::B.label(), size: ROOT_SIZE },
        Partition { label: SYS_DATA, size: 16 },
    ];
    let disk = Disk::create(pc.directory.join("power.img"), &partitions)?;
    disk.install(Slot::A, &Tiny::of(1).build(workspace, task)?)?;
    Ok(disk)
}

/// What has to be so after a cut of `boot`, on a disk that is spoilt.
fn check(pc: &TinyPc, boot: &Recorded, disk: &Path, whole: &Whole, task: &mut Task<'_>) -> Outcome {
    let mut see = |slot| Seen::read(&pc.bare().boot(disk, None, &command_line(slot, ""), task)?);
    let seen = see(boot.slot)?;
    match boot.name {
        "first-boot" => {
            seen.expect("first-boot", "0").or_else(|_| seen.expect("same", "0"))?;
            seen.expect_state_of(&whole.first)
        }
        "update" => {
            seen.expect("update", "0").or_else(|_| seen.expect("same", "0"))?;
            seen.expect_state_of(&whole.b)?;
            let old = see("A")?;
            old.expect("rollback", "0")?;
            old.expect_state_of(&whole.a)
        }
        _ => {
            seen.expect("rollback", "0").or_else(|_| seen.expect("same", "0"))?;
            seen.expect_state_of(&whole.a)?;
            see("B")?.expect_state_of(&whole.b)
        }
    }
}

pub(super) fn command_line(slot: &str, more: &str) -> String {
    let root = slot.to_lowercase();
    format!("quiet root=PARTLABEL=x-sys-{root} rootfstype=ext4 sysota.slot={slot} sysota.wait=5 {more}")
}

/// A copy that shares its blocks where the file system can.
fn copy_disk(from: &Path, to: &Path) -> Outcome {
    fs::copy(from, to).map(drop).or_fail(|| format!("copy {} to {}", from.display(), to.display()))
}
