//! The command line: what each command takes, and what it answers.

mod blob_file;
mod compile;
mod diff;
mod explain;
mod inspect;
mod lint;
mod schema;
mod r#try;

use clap::{Parser, Subcommand, ValueEnum};
use serde::Serialize;
use statec::diagnostic::{Findings, Severity};
use statec::format::json_text;
use statec::render::render;
use statec::source::Sources;

use crate::Colour;

/// Compiles the state fragments of an image's packages into its control blob
#[derive(Debug, Parser)]
#[command(name = "statec", version, max_term_width = 100)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Lint(lint::Lint),
    Compile(compile::Compile),
    Inspect(inspect::Inspect),
    Explain(explain::Explain),
    Diff(diff::Diff),
    Try(r#try::Try),
    #[command(name = r#try::INSIDE, hide = true)]
    TryInside(r#try::TryInside),
    Schema(schema::Schema),
}

/// What a command answers.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    /// Exit status.
    pub(crate) status: u8,
}

/// A command could not do its work.
pub(crate) type Failure = Box<dyn std::error::Error>;

/// Exit status where the input has findings that count.
const FINDINGS: u8 = 1;

/// How an answer is shown that people and programs read.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    Text,
    Json,
    Yaml,
}

impl Format {
    /// Shows `answer`, which `text` has in words.
    fn show<T: Serialize>(self, answer: &T, text: impl FnOnce(&T) -> String) -> Result<String, Failure> {
        Ok(match self {
            Self::Text => text(answer),
            Self::Json => json_text(answer)?,
            Self::Yaml => serde_yaml::to_string(answer)?,
        })
    }
}

impl Arguments {
    pub(crate) fn run(self, colour: Colour) -> Result<Output, Failure> {
        match self.command {
            Command::Lint(lint) => lint.run(colour.stdout),
            Command::Compile(compile) => compile.run(colour.stderr),
            Command::Inspect(inspect) => inspect.run(),
            Command::Explain(explain) => explain.run(colour.stderr),
            Command::Diff(diff) => diff.run(),
            Command::Try(r#try) => Ok(r#try.run()),
            Command::TryInside(r#try) => Ok(r#try.run()),
            Command::Schema(schema) => schema.run(),
        }
    }
}

/// All findings and a line that counts them; empty where there are none.
fn render_findings(findings: Findings, sources: &Sources, colour: bool) -> String {
    let counts = [(Severity::Error, "error"), (Severity::Warning, "warning")]
        .map(|(severity, word)| counted(findings.count(severity), word));
    let summary = counts.into_iter().flatten().collect::<Vec<_>>().join(" and ");
    if summary.is_empty() {
        return String::new();
    }
    let text = render(&findings.sorted(sources), sources, colour);
    text + &format!("{summary} in {}\n", counted(sources.len(), "file").unwrap_or_default())
}

fn counted(count: usize, word: &str) -> Option<String> {
    match count {
        0 => None,
        1 => Some(format!("1 {word}")),
        _ => Some(format!("{count} {word}s")),
    }
}
