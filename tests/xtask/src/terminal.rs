//! What the terminal can show.

use std::env;
use std::io::{self, IsTerminal};

/// Standard output.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terminal {
    /// Whether a line can be written again, for progress.
    pub(crate) is_live: bool,
    has_colours: bool,
}

impl Terminal {
    pub(crate) fn of_stdout() -> Self {
        let is_live = io::stdout().is_terminal();
        // https://no-color.org: set and not empty means no.
        let wants_none = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self { is_live, has_colours: is_live && !wants_none }
    }

    pub(crate) fn green(self, text: &str) -> String {
        self.paint("32", text)
    }

    pub(crate) fn red(self, text: &str) -> String {
        self.paint("31", text)
    }

    pub(crate) fn dim(self, text: &str) -> String {
        self.paint("2", text)
    }

    pub(crate) fn bold(self, text: &str) -> String {
        self.paint("1", text)
    }

    /// Prints a text whose lines may be wider than the terminal, which then cuts them off instead of breaking them.
    pub(crate) fn print_wide(self, text: &str) {
        // DECAWM, which every terminal emulator knows: no wrapping, and wrapping again.
        let (no_wrap, wrap) = if self.is_live { ("\x1b[?7l", "\x1b[?7h") } else { ("", "") };
        print!("{no_wrap}{text}{wrap}");
    }

    fn paint(self, code: &str, text: &str) -> String {
        if self.has_colours { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}
