//! Where a finding is, in the words of other programs.

use std::path::{Component, Path, PathBuf};

use schemars::JsonSchema;
use serde::Serialize;

use crate::diagnostic::Span;
use crate::source::{Source, Sources};

/// A place between two characters of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub(super) struct Position {
    /// The line, from 1.
    #[schemars(range(min = 1))]
    pub(super) line: u32,
    /// The column, from 1, in Unicode code points.
    #[schemars(range(min = 1))]
    pub(super) column: usize,
    /// Bytes before the place, from 0.
    pub(super) offset: usize,
}

impl Position {
    fn of(byte: usize, source: &Source) -> Self {
        Self { line: source.line(byte), column: source.column(byte), offset: byte }
    }
}

/// A range of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub(super) struct Range {
    /// Before its first character.
    pub(super) start: Position,
    /// After its last character.
    pub(super) end: Position,
}

impl Range {
    pub(super) fn of(span: Span, sources: &Sources) -> Self {
        let source = sources.get(span.source);
        Self { start: Position::of(span.start(), source), end: Position::of(span.end(), source) }
    }

    /// The last line that holds a character of the range other than white space.
    ///
    /// What spans a block ends at the beginning of the line after it; a mark on that line would be a line too long.
    pub(super) fn last_line(span: Span, sources: &Sources) -> u32 {
        let source = sources.get(span.source);
        let text = source.text.get(span.range()).unwrap_or_default();
        source.line(span.start() + text.trim_end().len())
    }
}

/// The path of a file as version control knows it, for arguments that count from its top: without `./` and `//`.
///
/// GitLab finds no file whose path begins with `./`.
pub(super) fn tidy_path(source: &Source) -> String {
    let tidy: PathBuf =
        Path::new(&source.name).components().filter(|part| *part != Component::CurDir).collect();
    // Made of a `str` by leaving out parts, so nothing is lost.
    tidy.to_string_lossy().into_owned()
}
