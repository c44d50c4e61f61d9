//! What went wrong, in words for the person at the terminal.

use std::fmt;

/// A command of this crate could not do its work, or found that a promise does not hold.
#[derive(Debug)]
pub(crate) struct Failure {
    what: String,
    /// What a program that failed had to say.
    output: String,
}

/// What a command of this crate comes to.
pub(crate) type Outcome<T = ()> = Result<T, Failure>;

impl Failure {
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), output: String::new() }
    }

    pub(crate) fn with_output(what: impl Into<String>, output: impl Into<String>) -> Self {
        Self { what: what.into(), output: output.into() }
    }

    /// The same, said at greater length.
    pub(crate) fn and(mut self, more: impl AsRef<str>) -> Self {
        self.what += more.as_ref();
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.output.trim_end() {
            "" => f.write_str(&self.what),
            output => write!(f, "{output}\n\n{}", self.what),
        }
    }
}

/// Says what was attempted, where the kernel only says why it failed.
pub(crate) trait OrFail<T> {
    /// `what` completes the sentence "cannot …".
    fn or_fail(self, what: impl FnOnce() -> String) -> Outcome<T>;
}

impl<T, E: fmt::Display> OrFail<T> for Result<T, E> {
    fn or_fail(self, what: impl FnOnce() -> String) -> Outcome<T> {
        self.map_err(|error| Failure::new(format!("cannot {}: {error}", what())))
    }
}
