//! A certificate that signs itself, with its key: nobody need trust anybody else for it.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::call;
use crate::failure::Outcome;

/// Both files of a certificate.
#[derive(Debug)]
pub(crate) struct Certificate {
    pub(crate) public: PathBuf,
    pub(crate) key: PathBuf,
}

impl Certificate {
    /// Makes a certificate in `directory`. It is for one run: tomorrow it will not be trusted any more.
    pub(crate) fn make(directory: &Path, name: &str) -> Outcome<Self> {
        let public = directory.join(name).with_extension("pem");
        let key = directory.join(name).with_extension("key");
        let mut openssl = Command::new("openssl");
        openssl.args(["req", "-x509", "-newkey", "rsa:2048", "-noenc", "-days", "1"]);
        openssl.args(["-subj", &format!("/CN={name}"), "-addext", "subjectAltName=DNS:localhost"]);
        openssl.arg("-keyout").arg(&key).arg("-out").arg(&public);
        call::expect(&mut openssl, &[])?;
        Ok(Self { public, key })
    }
}
