//! A call of a program: run to its end, with what it was told and what it said.

use std::io::{self, Write as _};
use std::process::{Command, Output, Stdio};
use std::thread;

use crate::failure::{Failure, OrFail as _, Outcome};
use crate::task::words;

/// Runs `command` with `input` as its standard input, whatever it comes to.
pub(crate) fn run(command: &mut Command, input: &[u8]) -> Outcome<Output> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let spoken = |command: &mut Command| -> io::Result<Output> {
        let mut child = command.spawn()?;
        let stdin = child.stdin.take();
        thread::scope(|scope| {
            // Beside reading what it says, so that neither side waits for the other.
            scope.spawn(|| stdin.map(|mut stdin| stdin.write_all(input)));
            child.wait_with_output()
        })
    };
    spoken(command).or_fail(|| format!("run `{}`", words(command)))
}

/// Runs `command` with `input` as its standard input, and returns its standard output. Fails unless it succeeds.
pub(crate) fn expect(command: &mut Command, input: &[u8]) -> Outcome<Vec<u8>> {
    let output = run(command, input)?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let said = [output.stdout, output.stderr].concat();
    let what = format!("`{}` failed: {}", words(command), output.status);
    Err(Failure::with_output(what, String::from_utf8_lossy(&said)))
}
