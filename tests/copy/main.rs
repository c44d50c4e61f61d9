//! Copies by the freestanding `stated`, compared with their originals and with what `cp -a --sparse=always`
//! makes of them: real file systems on loop devices, each case in a mount namespace of its own.

#![expect(clippy::print_stderr, reason = "a case says which one it was")]

mod compared;
mod facts;
mod file_system;
mod moved;
mod oddities;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};
use state_tests::namespace::{Identity, Kernel, case_to_run, run_case};

/// A case: its name, and what it does in its namespaces.
type Case = (&'static str, fn());

const CASES: [&[Case]; 2] = [compared::CASES, moved::CASES];

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
    // Only as root: nobody else can mount these file systems, or make devices.
    let trials = cases.map(|&(name, _)| {
        Trial::test(name, move || run_case(name, Identity::Root, Kernel::Own).map_err(Into::into))
    });
    libtest_mimic::run(&Arguments::from_args(), trials.collect()).exit_code()
}
