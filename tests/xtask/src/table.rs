//! Columns for a terminal.

use crate::terminal::Terminal;

/// Width of a row's first column.
const FIRST: usize = 27;

/// Width of the others.
const OTHER: usize = 12;

/// A cell, and whether it is as promised.
#[derive(Clone, Debug)]
pub(crate) struct Cell {
    text: String,
    tone: Tone,
}

/// How a cell is shown.
#[derive(Clone, Copy, Debug)]
enum Tone {
    Plain,
    Good,
    Quiet,
    Bad,
}

impl Cell {
    pub(crate) fn plain(text: impl Into<String>) -> Self {
        Self { text: text.into(), tone: Tone::Plain }
    }

    pub(crate) fn good(text: impl Into<String>) -> Self {
        Self { text: text.into(), tone: Tone::Good }
    }

    pub(crate) fn quiet(text: impl Into<String>) -> Self {
        Self { text: text.into(), tone: Tone::Quiet }
    }

    /// Not as promised, which must be seen without colours as well.
    pub(crate) fn bad(text: &str) -> Self {
        Self { text: format!("! {text}"), tone: Tone::Bad }
    }
}

/// Prints one row.
pub(crate) fn print_row(terminal: Terminal, first: &str, cells: &[Cell]) {
    let mut row = format!("    {first:<FIRST$}");
    for cell in cells {
        // Cut and padded before it is painted: escapes have no width.
        let text = shorten(&cell.text, OTHER - 1);
        let padded = format!("{text:<OTHER$}");
        row += &match cell.tone {
            Tone::Plain => padded,
            Tone::Good => terminal.green(&padded),
            Tone::Quiet => terminal.dim(&padded),
            Tone::Bad => terminal.red(&padded),
        };
    }
    println!("{}", row.trim_end());
}

/// The first `width` characters at most, the last of them an ellipsis where something is left out.
fn shorten(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    text.chars().take(width.saturating_sub(1)).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shortens_by_characters() {
        assert_eq!(shorten("äöüß", 4), "äöüß");
        assert_eq!(shorten("äöüßx", 4), "äöü…");
    }
}
