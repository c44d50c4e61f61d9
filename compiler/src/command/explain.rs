//! `statec explain`

use std::path::PathBuf;

use clap::Args;
use state_schema::StatePath;
use statec::diagnostic::Findings;
use statec::explain::Explanation;
use statec::rootfs::Rootfs;
use statec::source::Sources;
use statec::{analyse, explain};

use super::blob_file::BlobFile;
use super::{FINDINGS, Failure, Format, Output, render_findings};

/// Show which fragment and line decides a path, and what becomes of its state
#[derive(Debug, Args)]
pub(crate) struct Explain {
    /// A path of the image, declared or not
    path: String,
    /// Fragments, and directories whose *.yaml are all read
    #[arg(required_unless_present = "blob", conflicts_with = "blob", value_name = "FRAGMENT|DIR")]
    fragments: Vec<PathBuf>,
    /// Explain by a blob instead of by fragments
    #[arg(long)]
    blob: Option<PathBuf>,
    /// The image's policy
    #[arg(long, value_name = "POLICY", conflicts_with = "blob")]
    image: Option<PathBuf>,
    /// The image's tree
    #[arg(long, value_name = "DIR", conflicts_with = "blob")]
    rootfs: Option<PathBuf>,
    /// For people, or for programs
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

impl Explain {
    pub(crate) fn run(self, colour: bool) -> Result<Output, Failure> {
        let path = StatePath::new(&self.path).map_err(|fault| format!("{}: {fault}", self.path))?;
        let Some(blob) = &self.blob else { return self.by_fragments(path, colour) };
        let file = BlobFile::read(blob)?;
        let explanation = explain::by_blob(&file.decode()?, path).map_err(|error| file.refuse(&error))?;
        let stdout = self.format.show(&explanation, Explanation::text)?;
        Ok(Output { stdout, stderr: String::new(), status: 0 })
    }

    fn by_fragments(&self, path: StatePath<'_>, colour: bool) -> Result<Output, Failure> {
        let mut findings = Findings::default();
        let mut sources = Sources::read(&self.fragments, &mut findings)?;
        let policy = self.image.as_deref().map(|path| sources.read_one(path, &mut findings)).transpose()?;
        let rootfs = self.rootfs.as_deref().map(Rootfs::open).transpose()?;
        let analysis = analyse(&sources, policy, rootfs.as_ref(), true, &mut findings);
        let status = if findings.has_errors() { FINDINGS } else { 0 };
        let stdout =
            self.format.show(&explain::by_fragments(&analysis, &sources, path), Explanation::text)?;
        Ok(Output { stdout, stderr: render_findings(findings, &sources, colour), status })
    }
}
