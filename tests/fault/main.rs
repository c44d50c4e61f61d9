//! Boots that are disturbed at each of their system calls: killed there, or given an error instead of the kernel's
//! answer. The next boot must find the state from before or after, complete.
//!
//! With `FAULTS=sample` in the environment each call gets one of the faults, else each gets all.

#![expect(clippy::print_stderr, reason = "a case says which one it was")]
#![expect(clippy::print_stdout, reason = "and how much it tried")]

mod device;
mod disk;
mod fault;
mod matrix;
mod order;
mod outcome;
mod scenario;
mod tree;
mod visible;

use std::process::ExitCode;
use std::sync::{Arc, Mutex};

use libtest_mimic::{Arguments, Failed, Trial};
use state_tests::namespace::{Identity, Kernel, case_to_run, output_of_case, run_case};

use crate::fault::FAULTS;
use crate::matrix::{Share, Tally};
use crate::scenario::SCENARIOS;

/// How many trials run at once for each processor: a boot mostly waits, for the kernel to let go of mounts.
const TRIALS_PER_PROCESSOR: usize = 4;

fn main() -> ExitCode {
    if let Some(name) = case_to_run() {
        return run(&name);
    }
    let sample = std::env::var_os("FAULTS").is_some_and(|faults| faults == "sample");
    let tally = Arc::new(Mutex::new(Tally::default()));
    let mut trials: Vec<_> = disk::CASES.iter().map(|(name, _)| trial(format!("disk::{name}"))).collect();
    for scenario in SCENARIOS {
        trials.push(trial(format!("order::{}", scenario.name)));
        for (number, fault) in FAULTS.iter().enumerate() {
            let name = format!("matrix::{}::{}", scenario.name, fault.name);
            let share = if sample {
                Share { first: number, step: FAULTS.len() }
            } else {
                Share { first: 0, step: 1 }
            };
            let case = format!("{name}::{}::{}", share.first, share.step);
            let tally = Arc::clone(&tally);
            trials.push(Trial::test(name, move || {
                let output = output_of_case(&case, Identity::Root, Kernel::Own)?;
                let mut tally = tally.lock().map_err(|error| Failed::from(error.to_string()))?;
                tally.add(scenario.name, &output).ok_or_else(|| Failed::from(output))
            }));
        }
    }
    let mut arguments = Arguments::from_args();
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    arguments.test_threads.get_or_insert(TRIALS_PER_PROCESSOR * processors);
    let conclusion = libtest_mimic::run(&arguments, trials);
    let tally = tally.lock().expect("no trial panicked");
    if !conclusion.has_failed() && !tally.is_empty() {
        println!("{tally}");
    }
    conclusion.exit_code()
}

/// A trial that is a case of the same name.
fn trial(name: String) -> Trial {
    Trial::test(name.clone(), move || run_case(&name, Identity::Root, Kernel::Own).map_err(Into::into))
}

/// Runs the case `matrix::SCENARIO::FAULT::FIRST::STEP`, `order::SCENARIO` or `disk::NAME`.
fn run(name: &str) -> ExitCode {
    let scenario = |name: &str| SCENARIOS.iter().find(|scenario| scenario.name == name).expect("a scenario");
    let number = |text: &str| text.parse().expect("a number");
    match name.split("::").collect::<Vec<_>>()[..] {
        ["matrix", of, fault, first, step] => {
            let fault = FAULTS.into_iter().find(|of| of.name == fault).expect("a fault");
            let share = Share { first: number(first), step: number(step) };
            println!("{}", matrix::run(scenario(of), fault, share).to_words());
        }
        ["order", of] => order::check(scenario(of)),
        ["disk", name] => {
            let (_, case) = disk::CASES.iter().find(|(of, _)| *of == name).expect("a case");
            case();
        }
        _ => {
            eprintln!("no case {name}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}
