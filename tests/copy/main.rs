//! Copies by the freestanding `stated`, compared with their originals and with what `cp -a --sparse=always`
//! makes of them: real file systems on loop devices, each case in a mount namespace of its own.

mod compared;
mod facts;
mod file_system;
mod moved;
mod oddities;

use std::process::ExitCode;

use state_tests::cases::{Case, run_as_root};

const CASES: [&[Case]; 2] = [compared::CASES, moved::CASES];

fn main() -> ExitCode {
    // Only as root: nobody else can mount these file systems, or make devices.
    run_as_root(&CASES)
}
