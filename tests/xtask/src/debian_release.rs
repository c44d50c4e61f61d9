//! The releases of Debian that systems and programs are taken from.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

/// A release, as the archive names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Release {
    /// The one that this project is built on.
    Bookworm,
    /// The one that examples are made of, and that emulators come from.
    Trixie,
    /// What the next ones will be made of.
    Sid,
}

impl Release {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Bookworm => "bookworm",
            Self::Trixie => "trixie",
            Self::Sid => "sid",
        }
    }

    /// The command that puts `packages` and what they depend on at `to`, as mmdebstrap's variants and formats say.
    pub(crate) fn mmdebstrap<T: AsRef<str>>(
        self,
        variant: &str,
        format: &str,
        packages: &[T],
        to: &Path,
    ) -> Command {
        let packages: Vec<_> = packages.iter().map(AsRef::as_ref).collect();
        let mut command = Command::new("mmdebstrap");
        command.args([format!("--variant={variant}"), format!("--format={format}")]);
        command.arg(format!("--include={}", packages.join(",")));
        if self == Self::Sid {
            // The lists of what changes daily are valid for a week. A snapshot's are as authentic when that is over.
            command.arg("--aptopt=Acquire::Check-Valid-Until \"false\"");
        }
        command.args([OsStr::new(self.name()), to.as_os_str()]);
        command
    }
}
