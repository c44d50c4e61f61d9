//! `statec`: see the crate's documentation. This file parses the command line and is the only one that prints.

mod command;

use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use clap::Parser;

use crate::command::{Arguments, Output};

/// Exit status where the tool could not do its work, as clap's for a wrong command line.
const COULD_NOT_RUN: u8 = 2;

fn main() -> ExitCode {
    let output = Arguments::parse().run(Colour::of_terminals()).unwrap_or_else(|failure| Output {
        stdout: String::new(),
        stderr: format!("statec: {failure}\n"),
        status: COULD_NOT_RUN,
    });
    // Who closed our output does not want to hear of it either.
    let _ = std::io::stdout().write_all(output.stdout.as_bytes());
    let _ = std::io::stderr().write_all(output.stderr.as_bytes());
    ExitCode::from(output.status)
}

/// Where colours are welcome.
#[derive(Clone, Copy, Debug)]
struct Colour {
    stdout: bool,
    stderr: bool,
}

impl Colour {
    /// On terminals, unless the user has set `NO_COLOR` (no-color.org).
    fn of_terminals() -> Self {
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Self {
            stdout: wanted && std::io::stdout().is_terminal(),
            stderr: wanted && std::io::stderr().is_terminal(),
        }
    }
}
