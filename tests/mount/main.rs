//! Real mounts by the freestanding `stated`, each case in namespaces of its own: once as root, and once as a
//! user without privileges.

#![expect(clippy::print_stderr, reason = "a case says which one it was")]

mod damaged_blob;
mod ephemeral;
mod hostile;
mod linked;
mod nested;
mod overlaid;
mod persistent;
mod refused;
mod repeated;
mod seeded;
mod sized;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};
use state_tests::namespace::{Identity, case_to_run, run_case};

/// A case: its name, and what it does in its namespaces.
type Case = (&'static str, fn());

const CASES: [&[Case]; 11] = [
    damaged_blob::CASES,
    ephemeral::CASES,
    hostile::CASES,
    linked::CASES,
    nested::CASES,
    overlaid::CASES,
    persistent::CASES,
    refused::CASES,
    repeated::CASES,
    seeded::CASES,
    sized::CASES,
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
    let trials = cases.flat_map(|&(name, _)| {
        [("root", Identity::Root), ("user", Identity::User)].map(|(who, identity)| {
            Trial::test(format!("{who}::{name}"), move || run_case(name, identity).map_err(Into::into))
        })
    });
    libtest_mimic::run(&Arguments::from_args(), trials.collect()).exit_code()
}
