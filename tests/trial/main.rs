//! `statec try`, started as its users start it: each case once by root, and once by a user without privileges. Every case
//! has a mount namespace of its own, which stands for the host, and is searched for traces afterwards.

#![expect(clippy::print_stderr, reason = "a case says which one it was")]

mod command;
mod host;
mod owners;
mod refused;
mod state;
mod writes;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};
use state_tests::namespace::{Identity, Kernel, case_to_run, run_case};

use crate::host::{Host, Person};

/// A case: its name, and what is done on its host.
type Case = (&'static str, fn(&Host));

const CASES: [&[Case]; 5] = [command::CASES, owners::CASES, refused::CASES, state::CASES, writes::CASES];

fn main() -> ExitCode {
    let cases = CASES.into_iter().flatten().flat_map(|&(name, case)| {
        [Person::Root, Person::User].map(|person| (format!("{}::{name}", person.name()), person, case))
    });
    if let Some(name) = case_to_run() {
        let Some((_, person, case)) = cases.into_iter().find(|(of, ..)| *of == name) else {
            eprintln!("no case {name}");
            return ExitCode::FAILURE;
        };
        let host = Host::new(person);
        case(&host);
        host.expect_no_traces();
        return ExitCode::SUCCESS;
    }
    // The one who calls is root in each case; it is statec that is started by somebody else.
    let trials = cases.map(|(name, ..)| {
        Trial::test(name.clone(), move || run_case(&name, Identity::Root, Kernel::Own).map_err(Into::into))
    });
    libtest_mimic::run(&Arguments::from_args(), trials.collect()).exit_code()
}
