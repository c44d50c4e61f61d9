//! A blob that a command is given as a file.

use std::fmt::Display;
use std::fs;
use std::path::Path;

use state_schema::Blob;

use super::Failure;

/// The content of such a file, whatever it is.
pub(super) struct BlobFile<'a> {
    path: &'a Path,
    bytes: Vec<u8>,
}

impl<'a> BlobFile<'a> {
    pub(super) fn read(path: &'a Path) -> Result<Self, Failure> {
        let bytes = fs::read(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
        Ok(Self { path, bytes })
    }

    pub(super) fn decode(&self) -> Result<Blob<'_>, Failure> {
        Blob::decode(&self.bytes).map_err(|error| self.refuse(&error))
    }

    /// Says of which file that is true.
    pub(super) fn refuse(&self, error: &dyn Display) -> Failure {
        format!("{}: {error}", self.path.display()).into()
    }
}
