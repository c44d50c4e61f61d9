//! Findings as data: what is wrong, where, and what to do. Rendering comes last, in [`crate::render`].

use std::collections::BTreeMap;

use crate::check::Rule;
use crate::source::{SourceId, Sources};

/// A range of bytes in a source.
///
/// Every value has one, so it is small: [`MAX_FILE_LEN`](crate::source::MAX_FILE_LEN) is far below what its numbers hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    /// Which source.
    pub source: SourceId,
    start: u32,
    end: u32,
}

impl Span {
    /// The bytes from `start` up to `end`.
    #[must_use]
    pub fn new(source: SourceId, start: usize, end: usize) -> Self {
        let [start, end] = [start, end].map(|at| u32::try_from(at).unwrap_or(u32::MAX));
        Self { source, start, end }
    }

    /// Bytes before the range.
    #[must_use]
    pub fn start(self) -> usize {
        self.start as usize
    }

    /// Bytes before its end.
    #[must_use]
    pub fn end(self) -> usize {
        self.end as usize
    }

    /// The bytes, to take them out of the text.
    #[must_use]
    pub fn range(self) -> std::ops::Range<usize> {
        self.start()..self.end()
    }

    /// The place before the first byte.
    #[must_use]
    pub fn start_of(source: SourceId) -> Self {
        Self::new(source, 0, 0)
    }
}

/// A value and where it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Where it is written.
    pub span: Span,
}

impl<T> Spanned<T> {
    /// The same place with another value.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Spanned<U> {
        Spanned { value: f(self.value), span: self.span }
    }
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// No blob comes of it.
    Error,
    /// Works, and is likely not what the author wants.
    Warning,
}

/// A place with what there is to say about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// Where.
    pub span: Span,
    /// What is there; a few words.
    pub text: String,
}

/// One finding.
#[derive(Clone, Debug)]
pub struct Diagnostic {
    /// The rule that was broken; it has code and severity.
    pub rule: &'static Rule,
    /// What is wrong: one sentence without a full stop, user text quoted by [`quote`].
    pub message: String,
    /// The place of the fault.
    pub primary: Label,
    /// Other places that belong to it, in other files too.
    pub secondary: Vec<Label>,
    /// What to do.
    pub help: String,
}

impl Diagnostic {
    /// A finding with one place. `label` says in a few words what is there.
    #[must_use]
    pub fn new(rule: &'static Rule, message: String, span: Span, label: &str, help: String) -> Self {
        Self { rule, message, primary: Label { span, text: label.to_owned() }, secondary: Vec::new(), help }
    }

    /// Adds a second place.
    #[must_use]
    pub fn with(mut self, span: Span, label: &str) -> Self {
        self.secondary.push(Label { span, text: label.to_owned() });
        self
    }
}

/// All findings of a run.
#[derive(Debug, Default)]
pub struct Findings {
    all: Vec<Diagnostic>,
    /// How many of each file there are.
    of_file: BTreeMap<SourceId, usize>,
}

/// Most findings that one file brings; a file with more is of another kind altogether.
pub const MAX_FINDINGS_OF_A_FILE: usize = 100;

impl Findings {
    /// Takes one more, unless its file has brought [`MAX_FINDINGS_OF_A_FILE`] already.
    pub fn add(&mut self, finding: Diagnostic) {
        let of_this_file = self.of_file.entry(finding.primary.span.source).or_default();
        if *of_this_file < MAX_FINDINGS_OF_A_FILE {
            *of_this_file += 1;
            self.all.push(finding);
        }
    }

    /// Takes all of another's.
    pub fn append(&mut self, others: Self) {
        for finding in others.all {
            self.add(finding);
        }
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Whether one of them is about this file.
    #[must_use]
    pub fn has_any_of(&self, source: SourceId) -> bool {
        self.of_file.contains_key(&source)
    }

    /// Whether any finding prevents a blob.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.count(Severity::Error) > 0
    }

    /// How many findings are of this severity.
    #[must_use]
    pub fn count(&self, severity: Severity) -> usize {
        self.all.iter().filter(|finding| finding.rule.severity == severity).count()
    }

    /// The findings by file, place and code.
    #[must_use]
    pub fn sorted(mut self, sources: &Sources) -> Vec<Diagnostic> {
        let key = |finding: &Diagnostic| {
            let span = finding.primary.span;
            (sources.get(span.source).name.clone(), span, finding.rule.code, finding.message.clone())
        };
        self.all.sort_by_cached_key(key);
        self.all
    }
}

/// Text that a user wrote, fit for a message: in backticks, nothing in it that a terminal obeys, not too long.
#[must_use]
pub fn quote(text: &str) -> String {
    const MAX_CHARS: usize = 100;
    let mut quoted = String::from("`");
    for (n, c) in text.chars().enumerate() {
        if n == MAX_CHARS {
            quoted.push('…');
            break;
        }
        push_harmless(&mut quoted, c);
    }
    quoted.push('`');
    quoted
}

/// The text, with what a terminal would obey escaped: fit for a line that shows what a file or a blob says.
#[must_use]
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        push_harmless(&mut escaped, c);
    }
    escaped
}

fn push_harmless(text: &mut String, c: char) {
    if is_harmless(c) { text.push(c) } else { text.extend(c.escape_default()) }
}

/// Whether a terminal shows `c` as itself, where it stands: no control character, nothing that reorders text.
#[must_use]
pub fn is_harmless(c: char) -> bool {
    let reorders = matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    !c.is_control() && !reorders
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_text_cannot_command_a_terminal() {
        assert_eq!(quote("a\u{1b}[31mb\n\u{202e}"), "`a\\u{1b}[31mb\\n\\u{202e}`");
        assert_eq!(quote(&"x".repeat(200)).chars().count(), 103);
        assert_eq!(escape("a\u{1b}[31mb\tc"), "a\\u{1b}[31mb\\tc");
    }
}
