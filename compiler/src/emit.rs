//! The plan as a file.

use std::fs::{self, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use state_schema::{EncodeError, Image, encode};
use tempfile::NamedTempFile;

use crate::factory::FactoryFiles;
use crate::plan::Plan;
use crate::policy::ImagePolicy;

/// No blob could be written.
#[derive(Debug, thiserror::Error)]
pub enum EmitError {
    /// The plan does not fit the format.
    #[error("{0}")]
    Encode(EncodeError),
    /// The plan has no room for all of the image's files that are merged.
    #[error(
        "{}, with {count} of the image's files in it: a path with `on-update: merge` takes some for each file, so let those that \
         hold many carry on or be reset",
        EncodeError::PayloadTooLong
    )]
    TooManyFiles {
        /// How many there are.
        count: usize,
    },
    /// The file could not be written.
    #[error("cannot write {}: {error}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
}

/// The blob of a plan, for the image that holds these files.
pub fn blob(
    plan: &Plan,
    factory_files: &FactoryFiles,
    policy: &ImagePolicy,
    image_id: &str,
) -> Result<Vec<u8>, EmitError> {
    let image = Image { id: image_id, on_sys_data_failure: policy.on_sys_data_failure };
    let options = policy.mount_options();
    let (sys_data, slots, rules) = (policy.sys_data(&options), policy.slots(), policy.slot_rules());
    encode(image, sys_data, &slots, &rules, plan.entries(), factory_files.iter()).map_err(|error| {
        match (error, factory_files.iter().count()) {
            (EncodeError::PayloadTooLong, count @ 1..) => EmitError::TooManyFiles { count },
            _ => EmitError::Encode(error),
        }
    })
}

/// Writes a blob so that there is never a part of one under `path`.
pub fn write(blob: &[u8], path: &Path) -> Result<(), EmitError> {
    let write = || -> io::Result<()> {
        let directory =
            path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut file = NamedTempFile::new_in(directory)?;
        file.write_all(blob)?;
        // A blob holds no secret, and every reader of the image may ask what it says.
        file.as_file().set_permissions(Permissions::from_mode(0o644))?;
        file.as_file().sync_all()?;
        // Not by `persist`, whose system call pseudo does not see: it would know the file by its first name only, and
        // refuse to work on in an image whose blob it has never heard of.
        let temporary = file.into_temp_path();
        fs::rename(&temporary, path)?;
        temporary.keep()?;
        Ok(())
    };
    write().map_err(|error| EmitError::Write { path: path.to_owned(), error })
}
