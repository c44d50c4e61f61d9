//! State on its way from image to image: taken over, merged, reset, and left alone by who goes back.

#![expect(clippy::print_stderr, reason = "a case says which one it was")]

mod asked;
mod device;
mod killed;
mod life;
mod log;
mod merged;
mod model;
mod random;
mod rollback;
mod succession;
mod tree;
mod updater;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};
use state_tests::namespace::{Identity, Kernel, case_to_run, run_case};

/// A case: its name, and what it does in its namespaces.
type Case = (&'static str, fn());

const CASES: [&[Case]; 7] = [
    asked::CASES,
    life::CASES,
    log::CASES,
    merged::CASES,
    rollback::CASES,
    succession::CASES,
    updater::CASES,
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
    let trials = cases.map(|&(name, _)| {
        Trial::test(name, move || run_case(name, Identity::Root, Kernel::Own).map_err(Into::into))
    });
    libtest_mimic::run(&Arguments::from_args(), trials.collect()).exit_code()
}
