//! The project's own commands: `cargo xtask demo`, `test`, `boot`, `faults`, `fuzz`, `miri`, `cross`, `bench`, `coverage`,
//! `yocto`.
//!
//! `demo` shows the system on a real Debian root; `test` is everything that must hold before a change is merged; `boot`
//! boots real systems, and updates them;
//! `faults` disturbs boots at more points than `test` has the time for, `fuzz` looks for input that breaks a
//! promise, and `miri` for what the language does not allow. All others run the programs as their users do, and look
//! at what the kernel really did. `bench` measures what that costs, `coverage` which lines the tests run.

#![expect(
    clippy::print_stdout,
    reason = "the commands talk to the person at the terminal; nothing else uses this crate"
)]

mod bench;
mod boot;
mod call;
mod certificate;
mod cobertura;
mod coverage;
mod cross;
mod debian_release;
mod debian_root;
mod debian_tree;
mod demo;
mod device;
mod elf;
mod example;
mod expected_plan;
mod failure;
mod faults;
mod fuzz;
mod image;
mod junit;
mod layer;
mod licences;
mod lines;
mod llvm;
mod miri;
mod mounts;
mod probe;
mod python_program;
#[cfg(test)]
mod readme;
mod setting;
mod sight;
mod suite;
mod summary;
mod table;
mod task;
mod terminal;
mod test_log;
mod tool;
mod workspace;
mod xml;
mod yocto;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum as _};
use nix::sys::stat::{Mode, umask};

use crate::bench::Subject;
use crate::cross::Architecture;
use crate::fuzz::Target;
use crate::suite::Step;
use crate::terminal::Terminal;
use crate::workspace::Workspace;

/// The project's own commands.
#[derive(Parser)]
#[command(name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Show the system on a real Debian root: what is writable, and how long it lasts.
    ///
    /// Fetches Debian with mmdebstrap on the first run. Needs root, for mounts in a private namespace; nothing stays
    /// mounted.
    Demo,
    /// Boot real systems in an emulator, use them, update them and go back.
    ///
    /// Fetches Debian, a kernel and an emulator with mmdebstrap on the first run. Needs root, for images whose files
    /// have owners; nothing is mounted.
    Boot {
        /// These parts, in their usual order: lives, if none is named.
        #[arg(value_enum)]
        parts: Vec<boot::Part>,
        /// All parts, which takes long.
        #[arg(long, conflicts_with = "parts")]
        all: bool,
        /// Less of each, as `test` has it.
        #[arg(long)]
        brief: bool,
        /// What chance begins with, to cut the power at the same moments again.
        #[arg(long, value_name = "N", default_value_t = boot::SEED)]
        seed: u64,
    },
    /// Disturb boots at every system call, by every fault, and see that the next boot recovers.
    ///
    /// Takes many minutes; `test` tries a sample of the same. Needs root, for mounts in private namespaces.
    Faults,
    /// Let libFuzzer look for input that breaks a promise, and say how much was tried.
    ///
    /// Needs root, for mounts in a private namespace. What is found is kept in target/xtask/log.
    Fuzz {
        /// Only this one.
        #[arg(value_enum)]
        target: Option<Target>,
        /// How long each target is tried.
        #[arg(long, value_name = "N", default_value_t = fuzz::SECONDS, value_parser = clap::value_parser!(u32).range(1..))]
        seconds: u32,
        /// Try this input alone: one that was found.
        #[arg(long, value_name = "FILE", requires = "target", conflicts_with = "seconds")]
        input: Option<PathBuf>,
    },
    /// Run unit tests in Miri, which finds what the language does not allow.
    ///
    /// Needs a nightly toolchain with Miri; nothing is installed.
    Miri,
    /// Build the freestanding stated for other architectures, and run the mount tests with it in an emulator.
    ///
    /// Fetches a compiler with the sources of `core`, and emulators, with mmdebstrap on the first run. Nothing is
    /// installed. Needs root, for mounts in private namespaces.
    Cross {
        /// Only these.
        #[arg(value_enum)]
        architectures: Vec<Architecture>,
        /// Run only the mount tests whose names contain this.
        #[arg(long, value_name = "TEXT")]
        cases: Option<String>,
    },
    /// Run everything that must hold before a change is merged, and stop at the first step that fails.
    ///
    /// Needs root, for mounts in private namespaces. Installs the Debian packages and cargo tools that are missing.
    Test {
        /// Run only these steps, in their usual order.
        #[arg(value_enum)]
        steps: Vec<Step>,
        /// Also ask the advisory database about the dependencies; it is fetched from the network.
        #[arg(long)]
        advisories: bool,
    },
    /// Measure what the programs cost, beside what people use today.
    ///
    /// Takes some minutes on a machine that should do nothing else. Needs root, for mounts in private namespaces.
    Bench {
        /// Measure only these, in their usual order.
        #[arg(value_enum)]
        subjects: Vec<Subject>,
        /// Put the figures into docs/performance.md.
        #[arg(long)]
        write: bool,
    },
    /// Run the tests with counters, and write target/coverage/cobertura.xml and junit.xml.
    ///
    /// Needs root, as the tests do, and LLVM's tools, which are installed if missing.
    Coverage,
    /// Build images with the BitBake layer, look at what was built, and boot it.
    ///
    /// BITBAKE_DIR and OECORE_DIR say where BitBake and OpenEmbedded-Core are, and LAYERS_DIR, if it is set, where other layers
    /// are. Builds as a user without privileges, for which it must be root itself; fetches an emulator and a kernel with
    /// mmdebstrap on the first run. Debian packages that are missing are installed.
    Yocto {
        /// Have BitBake read all recipes of OpenEmbedded-Core as well, which takes minutes.
        #[arg(long)]
        all_recipes: bool,
    },
}

fn main() -> ExitCode {
    // Images are made of files that everybody may read, whatever the builder usually allows.
    umask(Mode::S_IWGRP | Mode::S_IWOTH);
    let arguments = Arguments::parse();
    let terminal = Terminal::of_stdout();
    let outcome = Workspace::find().and_then(|workspace| match arguments.command {
        Command::Demo => demo::run(&workspace, terminal),
        Command::Boot { parts, all, brief, seed } => {
            let share = if brief { boot::Share::Brief } else { boot::Share::All };
            let parts = match &parts[..] {
                _ if all => boot::Part::value_variants(),
                [] => &[boot::Part::Lives],
                parts => parts,
            };
            boot::run(&workspace, terminal, parts, share, seed)
        }
        Command::Faults => faults::run(&workspace, terminal),
        Command::Fuzz { target, seconds, input } => {
            fuzz::run(&workspace, terminal, target, seconds, input.as_deref())
        }
        Command::Miri => miri::run(&workspace, terminal),
        Command::Cross { architectures, cases } => {
            cross::run(&workspace, terminal, &architectures, cases.as_deref())
        }
        Command::Test { steps, advisories } => suite::run(&workspace, terminal, &steps, advisories),
        Command::Bench { subjects, write } => bench::run(&workspace, terminal, &subjects, write),
        Command::Coverage => coverage::run(&workspace, terminal),
        Command::Yocto { all_recipes } => yocto::run(&workspace, terminal, all_recipes),
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            println!("{}", terminal.red(&format!("\n{failure}")));
            ExitCode::FAILURE
        }
    }
}
