//! A boot of an image tried out on the build host, in namespaces that end with the command that is run there.
//!
//! The blob is applied by the code that applies it on the device. Two processes take part, each with its half of the
//! files here:
//!
//! | process | part | does |
//! | --- | --- | --- |
//! | the one that the user starts | `namespace` | parts with the host: user, mount and process namespace |
//! | | `ids` | declares who exists there |
//! | itself again, as the first in there | `tree` | lays out what an initramfs finds: the root, read-only, and sys-data |
//! | | `owners` | gives the blob's entries owners that exist there |
//! | | `stated` | applies the blob |
//! | | `summary` | says what came of it |
//! | | `seal` | locks the mounts |
//! | | `session` | runs the command, and ends with it |
//!
//! It is started again rather than forked, since that takes no `unsafe`, and a process namespace takes a process of
//! its own.
//!
//! Nothing is made on the host: whatever a trial needs lies in its own mounts, which the kernel drops with the last
//! process inside. So there is nothing to clean up, however it ends.

mod ids;
mod namespace;
mod owners;
mod seal;
mod session;
mod summary;
mod tree;

use std::ffi::{CString, OsString};
use std::fs;
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::sys::stat::{Mode, umask};
use state_schema::{Blob, DecodeError, EncodeError, SlotName, sys_data};

use crate::diagnostic::quote;
use crate::trial::owners::Owners;
use crate::trial::seal::Seal;
use crate::trial::session::SessionError;
use crate::trial::tree::Tree;

pub use crate::trial::namespace::NamespaceError;

/// Exit status where the trial itself failed, as `env`, `timeout` and `chroot` have it: every lower one may be the
/// command's own.
const TRIAL_FAILED: u8 = 125;

/// What is to be tried.
#[derive(Clone, Debug)]
pub struct Trial {
    /// The control blob.
    pub blob: PathBuf,
    /// The image's tree, made by whatever means.
    pub rootfs: PathBuf,
    /// The slot that boots; `None` for the image's first.
    pub slot: Option<String>,
    /// What serves as sys-data; `None` for an empty one that is gone afterwards.
    pub state: Option<PathBuf>,
    /// The command to run, with its arguments; empty for a shell.
    pub command: Vec<OsString>,
}

/// The trial could not be made, or its command not be run.
#[derive(Debug, thiserror::Error)]
pub enum TrialError {
    /// A file could not be read.
    #[error("cannot read {}: {error}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// A file is no blob.
    #[error("{}: {error}", path.display())]
    Blob {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        error: DecodeError,
    },
    /// The image has no such slot.
    #[error("the image has no slot {}: its slots are {slots}", quote(name))]
    UnknownSlot {
        /// The slot asked for.
        name: String,
        /// Those it has.
        slots: String,
    },
    /// The root is no directory.
    #[error("{} is not a directory: give the root of the image's tree", .0.display())]
    NotADirectory(PathBuf),
    /// The directory for state cannot be used.
    #[error("cannot keep state in {}: {error}", path.display())]
    State {
        /// The directory.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// The directory for state holds something else.
    #[error(
        "{} holds something other than state: give a directory that is new or empty, or one of an earlier trial",
        .0.display()
    )]
    NotState(PathBuf),
    /// There are no namespaces to be had.
    #[error("{0}")]
    Namespace(#[from] NamespaceError),
    /// Something that a boot needs could not be laid out.
    #[error("cannot {what} {}: {errno}{}", place.display(), namespace::advice(*errno))]
    LayOut {
        /// What was done.
        what: &'static str,
        /// Where.
        place: PathBuf,
        /// Why it failed.
        errno: Errno,
    },
    /// The root has no directory where every boot needs one.
    #[error("the rootfs has no directory {0}, and no system runs without")]
    Missing(&'static str),
    /// The owners of entries could not be replaced.
    #[error("cannot give the entries other owners: {0}")]
    Owners(EncodeError),
    /// The report of the boot cannot be understood.
    #[error("the report of the boot is unreadable: {0}")]
    Report(io::Error),
    /// `stated` applied nothing; it has said why.
    #[error("nothing usable was applied: a device would boot its other slot")]
    Refused,
    /// The command could not be run.
    #[error("{0}")]
    Session(#[from] SessionError),
}

impl TrialError {
    /// The exit status that tells of it.
    #[must_use]
    pub fn status(&self) -> u8 {
        match self {
            Self::Session(error) => error.status(),
            _ => TRIAL_FAILED,
        }
    }
}

impl Trial {
    /// Makes the trial, from the host, and returns the command's exit status.
    ///
    /// `inside` are the arguments that make this program call [`run_inside`](Self::run_inside); its `starter` and those of
    /// the trial are appended. The caller's process enters the namespaces and is of no use for anything else afterwards.
    pub fn run(&self, inside: &[&str]) -> Result<u8, TrialError> {
        let trial = self.checked()?;
        let entered = namespace::enter()?;
        Ok(entered.run(inside, trial.into_arguments())?)
    }

    /// Lays everything out, applies the blob, tells `out` of it, and runs the command. The process has to be the first
    /// in its process namespace, started by the process `starter`.
    pub fn run_inside(&self, starter: u32, out: &mut dyn Write) -> Result<u8, TrialError> {
        namespace::end_with(starter)?;
        // What is made has the mode that is asked for, whoever called.
        umask(Mode::empty());
        let bytes = read(&self.blob)?;
        let blob = self.decode(&bytes)?;
        let slot = self.slot(&blob)?;
        let owners =
            Owners::known().map_err(|error| TrialError::Read { path: error.path, error: error.error })?;
        let (owned, replaced) = owners.replace_unknown(&blob).map_err(TrialError::Owners)?;
        let tree = Tree::lay_out(&self.rootfs, self.state.as_deref(), &owned, blob.sys_data().mount_point)?;
        if let Some(path) = replaced.first() {
            let count = replaced.len();
            say(
                out,
                format_args!(
                    "note: only root exists here, so it owns {path}{} too; with a range for you in /etc/subuid and \
                 /etc/subgid, or as root, everybody exists",
                    if count > 1 { format!(" and {} more", count - 1) } else { String::new() },
                ),
            );
        }
        apply(&tree, slot, out)?;
        let report = read(&tree.report())?;
        let report = summary::read(&report).map_err(TrialError::Report)?;
        say(out, format_args!("{}", report.text(blob.image().id)));
        let seal = Seal::prepare(&owners)?;
        tree.enter()?;
        seal.close()?;
        umask(Mode::S_IWGRP | Mode::S_IWOTH);
        Ok(session::run(&self.command)?)
    }

    /// Everything that can be found wrong before anything is done, and paths that hold wherever the process is.
    fn checked(&self) -> Result<Self, TrialError> {
        let bytes = read(&self.blob)?;
        let slot = self.slot(&self.decode(&bytes)?)?.to_string();
        if !self.rootfs.is_dir() {
            return Err(TrialError::NotADirectory(self.rootfs.clone()));
        }
        if let Some(state) = &self.state {
            check_state(state)?;
        }
        let absolute = |path: &Path| {
            path.canonicalize().map_err(|error| TrialError::Read { path: path.to_owned(), error })
        };
        Ok(Self {
            blob: absolute(&self.blob)?,
            rootfs: absolute(&self.rootfs)?,
            slot: Some(slot),
            state: self.state.as_deref().map(absolute).transpose()?,
            command: self.command.clone(),
        })
    }

    fn decode<'b>(&self, bytes: &'b [u8]) -> Result<Blob<'b>, TrialError> {
        Blob::decode(bytes).map_err(|error| TrialError::Blob { path: self.blob.clone(), error })
    }

    fn slot<'b>(&self, blob: &Blob<'b>) -> Result<SlotName<'b>, TrialError> {
        let slots = blob.slots();
        let found = match &self.slot {
            Some(name) => slots.iter().find(|slot| slot.is(name.as_bytes())),
            None => slots.first(),
        };
        found.copied().ok_or_else(|| TrialError::UnknownSlot {
            name: self.slot.clone().unwrap_or_default(),
            slots: slots.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
        })
    }

    /// The arguments by which the process inside is asked for the same trial.
    fn into_arguments(self) -> Vec<OsString> {
        let mut arguments = vec![self.blob.into(), "--rootfs".into(), self.rootfs.into()];
        if let Some(slot) = self.slot {
            arguments.extend(["--slot".into(), slot.into()]);
        }
        if let Some(state) = self.state {
            arguments.extend(["--state".into(), state.into()]);
        }
        arguments.push("--".into());
        arguments.extend(self.command);
        arguments
    }
}

/// Refuses a directory with other things in it; makes one that is missing.
fn check_state(directory: &Path) -> Result<(), TrialError> {
    let fail = |error| TrialError::State { path: directory.to_owned(), error };
    if fs::symlink_metadata(directory).is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
        fs::create_dir(directory).map_err(fail)?;
    }
    let mut names = fs::read_dir(directory).map_err(fail)?;
    let is_sys_data = directory.join(sys_data::VERSION_FILE).is_file();
    if is_sys_data || names.next().is_none() {
        Ok(())
    } else {
        Err(TrialError::NotState(directory.to_owned()))
    }
}

/// Applies the blob, as an initramfs has it applied.
fn apply(tree: &Tree, slot: SlotName<'_>, out: &mut dyn Write) -> Result<(), TrialError> {
    let text = |path: &Path| CString::new(path.as_os_str().as_bytes()).unwrap_or_default();
    let slot = CString::new(slot.as_str()).unwrap_or_default();
    let [root, data, blob, run] = [tree.root(), tree.data(), tree.blob(), &tree.run()].map(text);
    let arguments = [
        c"stated", c"apply", c"--root", &root, c"--data", &data, c"--slot", &slot, c"--blob", &blob,
        c"--run", &run,
    ];
    match stated::run(arguments.into_iter(), &mut Words(out)) {
        0 | 3 => Ok(()),
        _ => Err(TrialError::Refused),
    }
}

/// Where the words of `stated` go.
struct Words<'o>(&'o mut dyn Write);

impl stated::Process for Words<'_> {
    fn output(&mut self, bytes: &[u8]) {
        self.error(bytes);
    }

    fn error(&mut self, bytes: &[u8]) {
        // Who closed the stream does not want to be told.
        let _ = self.0.write_all(bytes);
    }
}

fn say(out: &mut dyn Write, message: std::fmt::Arguments<'_>) {
    let _ = writeln!(out, "statec: {message}");
}

fn read(path: &Path) -> Result<Vec<u8>, TrialError> {
    fs::read(path).map_err(|error| TrialError::Read { path: path.to_owned(), error })
}
