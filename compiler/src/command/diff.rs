//! `statec diff`

use std::path::PathBuf;

use clap::Args;
use statec::diff::diff;

use super::blob_file::BlobFile;
use super::{FINDINGS, Failure, Format, Output};

/// Show what an update from one image to another changes for state
///
/// Exit status: 0 no state is lost, 1 some is lost or left behind, 2 could not run.
#[derive(Debug, Args)]
pub(crate) struct Diff {
    /// The blob of the image that is installed
    old: PathBuf,
    /// The blob of the image to come
    new: PathBuf,
    /// For people, or for programs
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

impl Diff {
    pub(crate) fn run(&self) -> Result<Output, Failure> {
        let [old, new] = [BlobFile::read(&self.old)?, BlobFile::read(&self.new)?];
        let diff = diff(&old.decode()?, &new.decode()?);
        let stdout = self.format.show(&diff, statec::diff::Diff::text)?;
        Ok(Output { stdout, stderr: String::new(), status: if diff.loses_state() { FINDINGS } else { 0 } })
    }
}
