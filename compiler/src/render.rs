//! Findings for people, by miette.

use std::fmt;

use miette::{
    GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteError, MietteSpanContents, SourceCode,
    SourceSpan, SpanContents,
};
use textwrap::{WordSeparator, WordSplitter};

use crate::diagnostic::{Diagnostic, Label, Severity, is_harmless};
use crate::source::{Sources, column_after};

/// Columns that a rendering fills: fixed, so that the same findings give the same bytes everywhere.
const WIDTH: usize = 110;

/// Longest line of a file that is shown, in bytes. Nobody finds a place in a longer one, and miette counts columns in
/// 16 bits and panics beyond.
const MAX_LINE_LEN: usize = 1000;

/// The findings as text, each followed by an empty line.
#[must_use]
pub fn render(findings: &[Diagnostic], sources: &Sources, colour: bool) -> String {
    let theme = if colour { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
    // Lines end at blanks only: what a help says to paste is in one piece, as far as it has no blanks itself.
    let handler = GraphicalReportHandler::new_themed(theme)
        .with_width(WIDTH)
        .with_context_lines(1)
        .with_word_separator(WordSeparator::AsciiSpace)
        .with_word_splitter(WordSplitter::NoHyphenation);
    let mut text = String::new();
    for finding in findings {
        let report = Report::new(finding, sources);
        if handler.render_report(&mut text, &report).is_err() {
            // Writing to a string does not fail; were it to, the message still must not be lost.
            text.push_str(&finding.message);
        }
        text.push('\n');
    }
    without_trailing_blanks(&text)
}

/// miette pads some lines. Files that quote a rendering, our own expected ones among them, had better not.
fn without_trailing_blanks(text: &str) -> String {
    text.lines().flat_map(|line| [line.trim_end(), "\n"]).collect()
}

/// A finding as miette wants it: one source each, places in other files as related reports.
#[derive(Debug)]
struct Report {
    headline: String,
    code: Option<String>,
    severity: miette::Severity,
    help: Option<String>,
    /// `None` where the file cannot be shown; the headline then names the place.
    source: Option<Shown>,
    labels: Vec<LabeledSpan>,
    related: Vec<Report>,
}

impl Report {
    fn new(finding: &Diagnostic, sources: &Sources) -> Self {
        let home = finding.primary.span.source;
        let (here, elsewhere): (Vec<&Label>, Vec<&Label>) =
            finding.secondary.iter().partition(|label| label.span.source == home);
        let (severity, word) = match finding.rule.severity {
            Severity::Error => (miette::Severity::Error, "error"),
            Severity::Warning => (miette::Severity::Warning, "warning"),
        };
        let mut report = Self::at(&finding.primary, &finding.message, severity, sources);
        report.code = Some(format!("{word}[{}]", finding.rule.code));
        report.help = Some(finding.help.clone());
        if report.source.is_some() {
            let primary = finding.primary.text.clone();
            report
                .labels
                .push(LabeledSpan::new_primary_with_span(Some(primary), finding.primary.span.range()));
            let others = here
                .into_iter()
                .map(|label| LabeledSpan::new_with_span(Some(label.text.clone()), label.span.range()));
            report.labels.extend(others);
        }
        report.related = elsewhere.into_iter().map(|label| Self::of_place(label, sources)).collect();
        report
    }

    /// A place in a file other than the finding's own.
    fn of_place(label: &Label, sources: &Sources) -> Self {
        let mut report = Self::at(label, &label.text, miette::Severity::Advice, sources);
        if report.source.is_some() {
            report.labels.push(LabeledSpan::new_with_span(None, label.span.range()));
        }
        report
    }

    fn at(label: &Label, message: &str, severity: miette::Severity, sources: &Sources) -> Self {
        let source = sources.get(label.span.source);
        let can_show = source.text.lines().all(|line| line.len() <= MAX_LINE_LEN);
        let headline = if can_show {
            message.to_owned()
        } else {
            let (line, column) = (source.line(label.span.start()), source.column(label.span.start()));
            format!("{message} ({}:{line}:{column})", harmless(&source.name))
        };
        Self {
            headline,
            code: None,
            severity,
            help: None,
            source: can_show.then(|| Shown { name: harmless(&source.name), text: harmless(&source.text) }),
            labels: Vec::new(),
            related: Vec::new(),
        }
    }
}

/// The text with every character that a terminal would obey replaced by one of the same length in bytes.
///
/// A carriage return is one of them unless it ends a line together with a line feed: what follows would be written over
/// what stands before it.
fn harmless(text: &str) -> String {
    let mut rest = text.chars();
    let mut replaced = String::with_capacity(text.len());
    while let Some(c) = rest.next() {
        replaced.push(match c {
            '\r' if !rest.as_str().starts_with('\n') => ' ',
            '\n' | '\r' | '\t' => c,
            _ => without_command(c),
        });
    }
    replaced
}

fn without_command(c: char) -> char {
    match c.len_utf8() {
        _ if is_harmless(c) => c,
        1 => '?',
        2 => '¿',
        _ => '\u{fffd}',
    }
}

/// A file as miette reads it, with columns in characters, as editors and all our formats count them. Its own are bytes.
#[derive(Debug)]
struct Shown {
    name: String,
    text: String,
}

impl SourceCode for Shown {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        lines_before: usize,
        lines_after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let read = self.text.read_span(span, lines_before, lines_after)?;
        // With lines before it, what is read begins where a line does.
        let column = match read.column() {
            0 => 0,
            _ => column_after(self.text.get(..span.offset()).unwrap_or_default()) - 1,
        };
        let (name, data, lines) = (self.name.clone(), read.data(), read.line_count());
        Ok(Box::new(MietteSpanContents::new_named(name, data, *read.span(), read.line(), column, lines)))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.headline)
    }
}

impl std::error::Error for Report {}

impl miette::Diagnostic for Report {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.code.as_ref().map(|code| Box::new(code) as Box<dyn fmt::Display>)
    }

    fn severity(&self) -> Option<miette::Severity> {
        Some(self.severity)
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help.as_ref().map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.source.as_ref().map(|source| source as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Some(Box::new(self.labels.iter().cloned()))
    }

    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn miette::Diagnostic> + 'a>> {
        if self.related.is_empty() {
            return None;
        }
        Some(Box::new(self.related.iter().map(|report| report as &dyn miette::Diagnostic)))
    }
}
