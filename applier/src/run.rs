//! From arguments to exit status.

use core::ffi::CStr;
use core::fmt::{self, Write as _};
use core::mem::ManuallyDrop;

use crate::arguments::{HELP, Request, UsageError};
use crate::exit::Exit;
use crate::text::{Printable, Verbatim};

/// Where the program's words go. The binary has one for each way that it is built.
pub trait Console {
    /// Takes bytes for standard output.
    fn output(&mut self, bytes: &[u8]);
    /// Takes bytes for standard error.
    fn error(&mut self, bytes: &[u8]);
}

/// Does what `arguments`, without the program's name, ask for, and returns the exit status.
pub fn run<'a>(mut arguments: impl Iterator<Item = &'a CStr>, console: &mut dyn Console) -> u8 {
    let exit = match Request::parse(&mut arguments) {
        Ok(Request::Help) => {
            console.output(HELP.as_bytes());
            Exit::Applied
        }
        Ok(Request::Version) => {
            console.output(concat!("stated ", env!("CARGO_PKG_VERSION"), "\n").as_bytes());
            Exit::Applied
        }
        Ok(Request::Apply(apply)) => match crate::apply(&apply, console) {
            Ok(exit) => exit,
            Err(refusal) => {
                let refusal = ManuallyDrop::new(refusal);
                say(console, format_args!("{}", *refusal));
                Exit::Refused
            }
        },
        Err(error) => {
            say(console, format_args!("{error}; see `stated --help`"));
            Exit::Usage
        }
    };
    exit.status()
}

/// One line on standard error.
pub(crate) fn say(console: &mut dyn Console, message: fmt::Arguments<'_>) {
    let mut line = Line { console, bytes: [0; 512], len: 0 };
    // A line is for whoever reads it; there is nobody to tell that it could not be said.
    let _ = writeln!(line, "stated: {message}");
    line.flush();
}

/// Collects a line, so that it is written in one piece unless it is very long.
struct Line<'c> {
    console: &'c mut dyn Console,
    bytes: [u8; 512],
    len: usize,
}

impl Line<'_> {
    fn flush(&mut self) {
        self.console.error(self.bytes.get(..self.len).unwrap_or_default());
        self.len = 0;
    }
}

impl fmt::Write for Line<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for &byte in text.as_bytes() {
            if self.len == self.bytes.len() {
                self.flush();
            }
            if let Some(place) = self.bytes.get_mut(self.len) {
                *place = byte;
                self.len = self.len.saturating_add(1);
            }
        }
        Ok(())
    }
}

impl fmt::Display for UsageError<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, argument) = match self {
            Self::NoCommand => return f.write_str("no command is given"),
            Self::UnknownCommand(argument) => ("unknown command", argument),
            Self::UnknownOption(argument) => ("unknown option", argument),
            Self::NoValue(argument) => ("no value is given for", argument),
        };
        write!(f, "{} `{}`", Verbatim(what), Printable(argument.to_bytes()))
    }
}
