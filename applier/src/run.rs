//! From arguments to exit status.

use core::ffi::CStr;

#[cfg(not(feature = "system"))]
use rustix::fd::OwnedFd;
use rustix::io::Errno;

#[cfg(feature = "system")]
use crate::arguments::Verb;
use crate::arguments::{HELP, Request, UsageError};
use crate::exit::Exit;
use crate::kernel_log;
use crate::show::{Show, Sink, put_printable};
use crate::text::Text;
#[cfg(feature = "system")]
use crate::{check, init, invalidate, reset, status};

/// The process that this runs in. The binary has one for each way that it is built.
pub trait Process {
    /// Takes bytes for standard output.
    fn output(&mut self, bytes: &[u8]);
    /// Takes bytes for standard error.
    fn error(&mut self, bytes: &[u8]);
    /// Becomes another program, that of an opened file, with the same arguments but for `command` as the first of them, which
    /// is `apply` now. Returns only if it cannot.
    #[cfg(not(feature = "system"))]
    fn become_program(&mut self, file: &OwnedFd, command: &'static CStr) -> Errno;
    /// Becomes the program at a path, which gets the arguments that this one has got for the program after it. Returns only
    /// if it cannot. Only process 1 is asked to, so who never is that needs no way to do it.
    #[cfg(feature = "system")]
    fn execute(&mut self, program: &CStr) -> Errno {
        let _ = program;
        Errno::NOSYS
    }
}

/// Does what `arguments`, the program's name first, ask for, and returns the exit status.
pub fn run<'a>(arguments: impl Iterator<Item = &'a CStr>, console: &mut dyn Process) -> u8 {
    let mut arguments = arguments.map(CStr::to_bytes);
    let exit = match Request::parse(arguments.next().unwrap_or_default(), &mut arguments) {
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
                say(console, |line| refusal.show(line));
                kernel_log::log(kernel_log::ERROR, &|line| refusal.show(line));
                Exit::Refused
            }
        },
        #[cfg(feature = "system")]
        Ok(Request::Init) => init::run(console),
        #[cfg(feature = "system")]
        Ok(Request::Command(command)) => {
            let run = match command.verb {
                Verb::Status => status::run,
                Verb::Check => check::run,
                Verb::Reset => reset::run,
                Verb::Invalidate => invalidate::run,
            };
            run(&command, console).unwrap_or_else(|refusal| {
                say(console, |line| refusal.show(line));
                Exit::Refused
            })
        }
        Err(error) => {
            say(console, |line| {
                error.show(line);
                line.put(b"; see `stated --help`");
            });
            Exit::Usage
        }
    };
    exit.status()
}

/// One line on standard error: what `message` puts into it.
pub(crate) fn say(console: &mut dyn Process, message: impl FnOnce(&mut dyn Sink)) {
    let mut line = Line::new(console);
    message(&mut line);
    line.end();
}

/// Writes to standard output what `message` puts, and the end of the line.
#[cfg(feature = "system")]
pub(crate) fn print(process: &mut dyn Process, message: impl FnOnce(&mut dyn Sink)) {
    let mut page = Page::new(process);
    message(&mut page);
    page.end();
}

/// Standard output, through a buffer.
#[cfg(feature = "system")]
struct Page<'p> {
    process: &'p mut dyn Process,
    text: Text,
}

#[cfg(feature = "system")]
impl<'p> Page<'p> {
    #[inline(never)]
    fn new(process: &'p mut dyn Process) -> Self {
        Self { process, text: Text::new() }
    }

    #[inline(never)]
    fn end(&mut self) {
        self.put(b"\n");
        self.flush();
    }

    fn flush(&mut self) {
        self.process.output(self.text.bytes());
        self.text.clear();
    }
}

#[cfg(feature = "system")]
impl Sink for Page<'_> {
    fn put(&mut self, text: &[u8]) {
        let mut rest = self.text.fill(text);
        while !rest.is_empty() {
            self.flush();
            rest = self.text.fill(rest);
        }
    }
}

/// Collects a line, so that it is written in one piece unless it is very long.
struct Line<'c> {
    console: &'c mut dyn Process,
    text: Text,
}

impl<'c> Line<'c> {
    #[inline(never)]
    fn new(console: &'c mut dyn Process) -> Self {
        let mut line = Line { console, text: Text::new() };
        line.put(b"stated: ");
        line
    }

    #[inline(never)]
    fn end(&mut self) {
        self.put(b"\n");
        self.flush();
    }

    fn flush(&mut self) {
        self.console.error(self.text.bytes());
        self.text.clear();
    }
}

impl Sink for Line<'_> {
    fn put(&mut self, text: &[u8]) {
        let mut rest = self.text.fill(text);
        while !rest.is_empty() {
            self.flush();
            rest = self.text.fill(rest);
        }
    }
}

impl Show for UsageError<'_> {
    fn show(&self, to: &mut dyn Sink) {
        let (what, argument): (&[u8], _) = match self {
            Self::NoCommand => return to.put(b"no command is given"),
            Self::UnknownCommand(argument) => (b"unknown command", argument),
            Self::UnknownOption(argument) => (b"unknown option", argument),
            Self::NoValue(argument) => (b"no value is given for", argument),
            #[cfg(feature = "system")]
            Self::TooMany(argument) => (b"there are too many arguments, from here on:", argument),
            #[cfg(feature = "system")]
            Self::NoOperand(what) => (b"the command needs a", &what.as_bytes()),
        };
        to.put(what);
        to.put(b" `");
        put_printable(to, argument);
        to.put(b"`");
    }
}
