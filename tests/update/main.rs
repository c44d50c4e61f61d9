//! State on its way from image to image: taken over, merged, reset, and left alone by who goes back.

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

use state_tests::cases::{Case, run_as_root};

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
    run_as_root(&CASES)
}
