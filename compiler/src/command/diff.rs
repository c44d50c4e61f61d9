//! `statec diff`

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use state_schema::Blob;
use statec::diff::diff;

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
        let [old_bytes, new_bytes] = [read(&self.old)?, read(&self.new)?];
        let decode =
            |bytes, path: &Path| Blob::decode(bytes).map_err(|error| format!("{}: {error}", path.display()));
        let [old, new] = [decode(&old_bytes, &self.old)?, decode(&new_bytes, &self.new)?];
        let diff = diff(&old, &new);
        let stdout = self.format.show(&diff, statec::diff::Diff::text)?;
        Ok(Output { stdout, stderr: String::new(), status: if diff.loses_state() { FINDINGS } else { 0 } })
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    Ok(fs::read(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?)
}
