//! Whatever a compromised service may have left on sys-data, at every place of it, before and while `stated`
//! runs: nothing outside of an entry is read, written or mounted, and what can be repaired is.

#![expect(
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a case says which one it was and what it counted"
)]

mod crowded;
mod kernel_log;
mod place;
mod race;
mod repaired;
mod target;
mod watchdog;

use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};

use libtest_mimic::{Arguments, Trial};
use state_tests::attack::ATTACKS;
use state_tests::namespace::{Identity, Kernel, case_to_run, output_of_case};

/// A second name of a file outside is a file of the state like any other: it is copied, and so it is read. No service can make one, since
/// its state is a mount of its own.
const READ_BY_UPDATES: &str = "hard_link_to_file_outside";

/// A case: its name, and what it does in its namespaces. Returns how many boots it attacked.
type Case = (&'static str, fn() -> usize);

const CASES: [&[Case]; 4] = [crowded::CASES, kernel_log::CASES, race::CASES, repaired::CASES];

fn main() -> ExitCode {
    if let Some(name) = case_to_run() {
        return run(&name);
    }
    let names = CASES.into_iter().flatten().map(|(name, _)| (*name).to_owned());
    let attacks = |how: &'static str| ATTACKS.iter().map(move |attack| format!("{how}::{}", attack.name));
    let names = names
        .chain(attacks("everywhere"))
        .chain(attacks("updates").filter(|name| !name.ends_with(READ_BY_UPDATES)));
    let count: &'static AtomicUsize = Box::leak(Box::default());
    let trials = names.map(|name| {
        Trial::test(name.clone(), move || {
            let output = output_of_case(&name, Identity::Root, Kernel::Own)?;
            let attacked: usize = output.trim().parse().map_err(|_| format!("no count: {output}"))?;
            count.fetch_add(attacked, Ordering::Relaxed);
            Ok(())
        })
    });
    let conclusion = libtest_mimic::run(&Arguments::from_args(), trials.collect());
    println!("{} boots of a hostile sys-data", count.load(Ordering::Relaxed));
    conclusion.exit_code()
}

fn run(name: &str) -> ExitCode {
    watchdog::start();
    let attack = |how| ATTACKS.iter().find(|of| name.strip_prefix(how) == Some(of.name));
    let count = if let Some(attack) = attack("everywhere::") {
        place::attack_everywhere(attack)
    } else if let Some(attack) = attack("updates::") {
        place::attack_updates(attack)
    } else if let Some((_, case)) = CASES.into_iter().flatten().find(|(of, _)| *of == name) {
        case()
    } else {
        eprintln!("no case {name}");
        return ExitCode::FAILURE;
    };
    println!("{count}");
    ExitCode::SUCCESS
}
