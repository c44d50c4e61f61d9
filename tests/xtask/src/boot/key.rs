//! The key that opens the machines: made here, and let in by images that are made here.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::call;
use crate::failure::{OrFail as _, Outcome};

/// A pair of keys for SSH.
#[derive(Debug)]
pub(crate) struct Key {
    file: PathBuf,
}

impl Key {
    /// Takes the key in `file`, or makes one there.
    pub(super) fn ensure(file: &Path) -> Outcome<Self> {
        if !file.exists() {
            let mut keygen = Command::new("ssh-keygen");
            keygen.args(["-q", "-t", "ed25519", "-N", "", "-C", "cargo xtask boot", "-f"]).arg(file);
            call::expect(&mut keygen, &[])?;
        }
        Ok(Self { file: file.to_owned() })
    }

    /// The file of the secret half.
    pub(super) fn file(&self) -> &Path {
        &self.file
    }

    /// The public half, as a line of `authorized_keys`.
    pub(crate) fn public(&self) -> Outcome<String> {
        let file = self.file.with_extension("pub");
        fs::read_to_string(&file).or_fail(|| format!("read {}", file.display()))
    }
}
