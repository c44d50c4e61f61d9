//! `statec inspect`

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use statec::format::json_text;
use statec::fstab;
use statec::inspect::inspect;

use super::blob_file::BlobFile;
use super::{Failure, Output};

/// Show what a blob will do on the target
#[derive(Debug, Args)]
pub(crate) struct Inspect {
    /// The blob
    blob: PathBuf,
    /// For people, for programs, or only sys-data, for the fstab of an initramfs
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    Table,
    Json,
    Yaml,
    Fstab,
}

impl Inspect {
    pub(crate) fn run(self) -> Result<Output, Failure> {
        let file = BlobFile::read(&self.blob)?;
        let blob = file.decode()?;
        let inspection = inspect(&blob).map_err(|error| file.refuse(&error))?;
        let stdout = match self.format {
            Format::Table => inspection.table(),
            Format::Json => json_text(&inspection)?,
            Format::Yaml => serde_yaml::to_string(&inspection)?,
            Format::Fstab => fstab::line(&blob.sys_data()),
        };
        Ok(Output { stdout, stderr: String::new(), status: 0 })
    }
}
