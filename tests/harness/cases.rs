//! The `main` of a test whose cases each run once, as root on this kernel, in a process of their own.

use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};

use crate::namespace::{Identity, Kernel, case_to_run, run_case};

/// A case: its name, and what it does in its namespaces.
pub type Case = (&'static str, fn());

/// Runs the cases that are asked for, or the one that this process is there for.
#[expect(clippy::print_stderr, reason = "a case says which one it was")]
#[must_use]
pub fn run_as_root(cases: &[&[Case]]) -> ExitCode {
    let cases = cases.iter().copied().flatten();
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
