//! `cargo xtask boot`: real systems, started in an emulator, with `stated` as their initramfs.
//!
//! A machine is a disk with two slots and sys-data ([`machine`]). It is started with a slot ([`system`]), and what runs
//! then is spoken with over SSH. The lives of machines ([`life`]) are what is tried: that every boot is as well as it
//! should be ([`look`]), and that what was done to the system becomes of what its fragments promise ([`habit`]).

mod call;
mod connection;
mod cpio;
mod disk;
mod emulator;
mod habit;
mod initramfs;
mod kernel;
mod key;
mod life;
mod look;
mod machine;
mod moment;
mod policy;
mod report;
mod root_fs;
mod slot;
mod state;
mod system;

use crate::boot::life::Life;
use crate::boot::policy::Policy;
use crate::failure::Outcome;
use crate::terminal::Terminal;
use crate::workspace::{Workspace, require_root};

/// How much is booted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Share {
    /// The life of a machine under each policy.
    All,
    /// Only where named paths are writable.
    Brief,
}

/// Boots machines and watches them.
pub(crate) fn run(workspace: &Workspace, terminal: Terminal, share: Share) -> Outcome {
    require_root("boot")?;
    println!("{}", terminal.bold("Real Debians with a read-only root, booted in an emulator"));
    let policies = if share == Share::Brief { &Policy::ALL[..1] } else { &Policy::ALL };
    for policy in policies {
        println!("\n{}", terminal.bold(&format!("{}: {}", policy.example(), policy.title())));
        Life::begin(*policy, workspace, terminal)?.live(terminal)?;
    }
    println!("\n  {}", terminal.green("Everything was as the fragments promise."));
    Ok(())
}
