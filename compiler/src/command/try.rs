//! `statec try`

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;
use statec::trial::{Trial, TrialError};

use super::Output;

/// The hidden command by which `statec` starts itself inside.
pub(crate) const INSIDE: &str = "try-inside";

/// Apply a blob to an image's tree as a boot would, and run a shell or a command in it
///
/// Works in private namespaces: needs no root, and leaves nothing on the host. The tree is read-only but for the paths of
/// the blob. What the boot came to is told on standard error, and lies in /run/sysota/report.json.
///
/// Exit status: the command's own; 125 could not try, 126 the command cannot be run, 127 it is not there.
#[derive(Debug, Args)]
pub(crate) struct Try {
    /// The blob
    blob: PathBuf,
    /// The image's tree; it is not changed
    #[arg(long, value_name = "DIR")]
    rootfs: PathBuf,
    /// The slot that boots; else the first of the image's
    #[arg(long, value_name = "NAME")]
    slot: Option<String>,
    /// Keep what should persist in this directory, for the next try; else it is gone at the end
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    /// The command; else a shell
    #[arg(last = true, value_name = "CMD")]
    command: Vec<OsString>,
}

/// The part of a trial that runs inside
#[derive(Debug, Args)]
pub(crate) struct TryInside {
    /// The process that waits for this one
    starter: u32,
    #[command(flatten)]
    r#try: Try,
}

impl Try {
    pub(crate) fn run(self) -> Output {
        output(self.into_trial().run(&[INSIDE]))
    }

    fn into_trial(self) -> Trial {
        let Self { blob, rootfs, slot, state, command } = self;
        Trial { blob, rootfs, slot, state, command }
    }
}

impl TryInside {
    pub(crate) fn run(self) -> Output {
        // What came of the boot is said before the command says anything.
        output(self.r#try.into_trial().run_inside(self.starter, &mut std::io::stderr()))
    }
}

/// Not a `Failure`, since its exit status could be the command's own.
fn output(result: Result<u8, TrialError>) -> Output {
    let (stderr, status) = match result {
        Ok(status) => (String::new(), status),
        Err(error) => (format!("statec: {error}\n"), error.status()),
    };
    Output { stdout: String::new(), stderr, status }
}
