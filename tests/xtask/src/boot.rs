//! `cargo xtask boot`: real systems, started in an emulator, with `stated` as their initramfs.
//!
//! A machine is a disk with two slots and sys-data ([`machine`]). It is started with a slot ([`system`]), and what runs
//! then is spoken with over SSH. The lives of machines ([`life`]) are what is tried: that every boot is as well as it
//! should be ([`look`]), and that what was done to the system becomes of what its fragments promise ([`habit`]).
//! One device is updated by RAUC ([`rauc`]).
//!
//! What takes many boots is tried with a PC that only its serial line is seen of ([`bare`]), and an image of a few files
//! ([`tiny`]): devices with something wrong ([`failures`]), and power cuts ([`power`]).

pub(crate) mod bare;
mod busybox;
mod chance;
mod connection;
mod cpio;
pub(crate) mod disk;
pub(crate) mod emulator;
mod failures;
mod habit;
mod hosts;
pub(crate) mod initramfs;
pub(crate) mod kernel;
mod key;
mod life;
mod look;
pub(crate) mod machine;
mod moment;
mod policy;
mod power;
mod rauc;
mod report;
pub(crate) mod root_fs;
pub(crate) mod slot;
mod state;
mod system;
mod tiny;
mod write_log;

use clap::ValueEnum;

use crate::boot::life::Life;
use crate::boot::policy::Policy;
use crate::boot::tiny::TinyPc;
use crate::debian_release::Release;
use crate::example::Example;
use crate::failure::Outcome;
use crate::terminal::Terminal;
use crate::workspace::{Workspace, require_root};

/// What chance begins with.
pub(crate) const SEED: u64 = 1;

/// The machines that live: what their image makes writable, and which Debian it is made of.
const LIVES: [(Policy, Release); 3] = [
    (Policy::Granular, Release::Trixie),
    (Policy::WholeEtc, Release::Trixie),
    // Its systemd is the first one that can be told where the files of /etc really live.
    (Policy::Granular, Release::Sid),
];

/// What is booted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// Real systems: installed, used, updated and gone back.
    Lives,
    /// Devices with something wrong, and what is said then.
    Failures,
    /// Power cuts at any moment.
    Power,
    /// Initramfs that others make, with `stated apply` in them.
    Hosts,
    /// A device that RAUC updates.
    Rauc,
}

/// How much is booted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Share {
    /// Everything.
    All,
    /// What there is time for before every merge: of lives, only that of the image where named paths are writable, and of
    /// hosts, only the layer's.
    Brief,
}

/// Boots machines and watches them: the parts that are `asked` for, in their usual order. `seed` is what chance begins with.
pub(crate) fn run(
    workspace: &Workspace,
    terminal: Terminal,
    asked: &[Part],
    share: Share,
    seed: u64,
) -> Outcome {
    require_root("boot")?;
    let has = |part: &&Part| asked.contains(part);
    for part in Part::value_variants().iter().filter(has) {
        match part {
            Part::Lives => run_lives(workspace, terminal, share)?,
            Part::Failures => {
                println!("\n{}", terminal.bold("Devices with something wrong"));
                failures::run(&TinyPc::assemble(workspace, terminal)?, workspace, share, terminal)?;
            }
            Part::Power => {
                println!("\n{}", terminal.bold("Power cuts"));
                power::run(&TinyPc::assemble(workspace, terminal)?, workspace, share, seed, terminal)?;
            }
            Part::Hosts => hosts::run(workspace, terminal, share)?,
            Part::Rauc => {
                println!("\n{}", terminal.bold("gateway: updated by RAUC"));
                rauc::Life::begin(workspace, terminal)?.live(terminal)?;
            }
        }
    }
    println!("\n  {}", terminal.green("Everything was as it has to be."));
    Ok(())
}

fn run_lives(workspace: &Workspace, terminal: Terminal, share: Share) -> Outcome {
    println!("{}", terminal.bold("Real Debians with a read-only root, booted in an emulator"));
    let lives = if share == Share::Brief { &LIVES[..1] } else { &LIVES };
    for &(policy, release) in lives {
        let example = Example::open(workspace, policy.example())?.made_of(release)?;
        println!("\n{}", terminal.bold(&format!("{}: {}", example.name(), policy.title())));
        Life::begin(policy, &example, workspace, terminal)?.live(terminal)?;
    }
    Ok(())
}
