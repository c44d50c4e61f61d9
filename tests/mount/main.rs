//! Real mounts by the freestanding `stated`, each case in namespaces of its own: as root and as a user without
//! privileges, on this kernel and as on one that has no detached mounts.

#![expect(clippy::print_stderr, reason = "a case says which one it was")]

mod combined;
mod damaged_blob;
mod ephemeral;
mod linked;
mod memory;
mod nested;
mod overlaid;
mod persistent;
mod recorded;
mod refused;
mod repeated;
mod seeded;
mod sized;
mod staged;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};
use state_tests::namespace::{Identity, Kernel, case_to_run, run_case};
use state_tests::program::emulator;

/// A case: its name, and what it does in its namespaces.
type Case = (&'static str, fn());

const CASES: [&[Case]; 13] = [
    combined::CASES,
    damaged_blob::CASES,
    ephemeral::CASES,
    linked::CASES,
    nested::CASES,
    overlaid::CASES,
    persistent::CASES,
    recorded::CASES,
    refused::CASES,
    repeated::CASES,
    seeded::CASES,
    sized::CASES,
    staged::CASES,
];

fn main() -> ExitCode {
    let cases = CASES.into_iter().flatten();
    if let Some(name) = case_to_run() {
        let Some((_, case)) = cases.chain(memory::CASES).find(|(of, _)| *of == name) else {
            eprintln!("no case {name}");
            return ExitCode::FAILURE;
        };
        case();
        return ExitCode::SUCCESS;
    }
    let machines = [
        ("root", Identity::Root, Kernel::Own),
        ("user", Identity::User, Kernel::Own),
        ("root-old-kernel", Identity::Root, Kernel::Old),
        ("user-old-kernel", Identity::User, Kernel::Old),
    ];
    let trial = |name, (which, identity, kernel)| {
        let run = move || run_case(name, identity, kernel).map_err(Into::into);
        Trial::test(format!("{which}::{name}"), run)
    };
    let mut trials: Vec<_> =
        cases.flat_map(|&(name, _)| machines.map(|machine| trial(name, machine))).collect();
    if emulator().is_none() {
        let [root, ..] = machines;
        trials.extend(memory::CASES.iter().map(|&(name, _)| trial(name, root)));
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}
