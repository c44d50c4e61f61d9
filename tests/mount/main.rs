//! Real mounts by the freestanding `stated`, each case in namespaces of its own: as root and as a user without
//! privileges, on this kernel and as on one that has no detached mounts.

#![expect(clippy::print_stderr, reason = "a case says which one it was")]

mod combined;
mod damaged_blob;
mod ephemeral;
mod linked;
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
        let Some((_, case)) = cases.into_iter().find(|(of, _)| *of == name) else {
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
    let trials = cases.flat_map(|&(name, _)| {
        let trial = move |(which, identity, kernel)| {
            let run = move || run_case(name, identity, kernel).map_err(Into::into);
            Trial::test(format!("{which}::{name}"), run)
        };
        machines.map(trial)
    });
    libtest_mimic::run(&Arguments::from_args(), trials.collect()).exit_code()
}
