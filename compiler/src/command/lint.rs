//! `statec lint`

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use statec::analyse;
use statec::diagnostic::Findings;
use statec::format::{github, gitlab, json, sarif};
use statec::rootfs::Rootfs;
use statec::source::Sources;

use super::{FINDINGS, Failure, Output, render_findings};

/// Check fragments: all findings of all files in one run
///
/// Exit status: 0 clean, 1 findings, 2 could not run.
#[derive(Debug, Args)]
pub(crate) struct Lint {
    /// Fragments, and directories whose *.yaml are all read
    #[arg(required = true, value_name = "FRAGMENT|DIR")]
    fragments: Vec<PathBuf>,
    /// The image's tree, to check against what is in it
    #[arg(long, value_name = "DIR")]
    rootfs: Option<PathBuf>,
    /// The image's policy, to check with what it overrides and removes
    #[arg(long, value_name = "POLICY")]
    image: Option<PathBuf>,
    /// Let warnings count as findings for the exit status
    #[arg(long)]
    deny_warnings: bool,
    /// For people, or for what reads findings
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// With the lines in question
    Human,
    /// All that is known, for scripts
    Json,
    /// SARIF 2.1.0, for GitHub's code scanning and editors
    Sarif,
    /// A Code Quality report of GitLab
    Gitlab,
    /// Annotations in a GitHub workflow
    Github,
}

impl Lint {
    pub(crate) fn run(self, colour: bool) -> Result<Output, Failure> {
        let mut findings = Findings::default();
        let mut sources = Sources::read(&self.fragments, &mut findings)?;
        let policy = self.image.as_deref().map(|path| sources.read_one(path, &mut findings)).transpose()?;
        let rootfs = self.rootfs.as_deref().map(Rootfs::open).transpose()?;
        analyse(&sources, policy, rootfs.as_ref(), true, &mut findings);
        let counts = if self.deny_warnings { !findings.is_empty() } else { findings.has_errors() };
        let stdout = self.format.write(findings, &sources, colour)?;
        Ok(Output { stdout, stderr: String::new(), status: if counts { FINDINGS } else { 0 } })
    }
}

impl Format {
    fn write(self, findings: Findings, sources: &Sources, colour: bool) -> Result<String, Failure> {
        Ok(match self {
            Self::Human => render_findings(findings, sources, colour),
            Self::Json => json::format(&findings.sorted(sources), sources)?,
            Self::Sarif => sarif::format(&findings.sorted(sources), sources)?,
            Self::Gitlab => gitlab::format(&findings.sorted(sources), sources)?,
            Self::Github => github::format(&findings.sorted(sources), sources),
        })
    }
}
