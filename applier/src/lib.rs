//! Maps an image's control blob and makes its mounts.
//!
//! The stages, in order, each in the file of its name, none importing a later one:
//! `cmdline → blob → slot → sys_data → transition → seed → mount → report`.
//!
//! # Words
//!
//! - A **store** is a directory in which entries lie under their own paths: the slot's state, the common
//!   state, or the tmpfs that all ephemeral entries share.
//! - An entry's **backing** is what lies at its path in its store.
//! - The **target** is what the running system sees at the path.
//! - **Factory content** is what the image itself holds, as seen without any of our mounts.
//!
//! What lives as long as the process is left to the kernel (`ManuallyDrop`): code that drops it is code for nothing.
//!
//! There is no heap. Whatever grows with the plan is streamed from the blob or to a file.

#![no_std]
#![deny(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

mod ancestors;
mod arguments;
mod attributes;
mod beneath;
mod blob;
mod cmdline;
mod content;
mod copy;
mod displaced;
mod errno;
mod exit;
mod factory;
mod failure;
mod file;
mod fscontext;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod hard_links;
mod kernel_log;
mod legacy_mount;
mod link;
mod memory;
mod mount;
mod overlay;
mod parameters;
mod path;
mod plan;
mod refusal;
mod report;
mod run;
mod seed;
mod show;
mod slot;
mod step;
mod store;
mod stores;
mod sys_data;
mod text;
mod tmpfs;
mod trail;
mod transition;
mod work;
mod xattr;

pub use run::{Console, run};

use core::mem::ManuallyDrop;

use rustix::fs::Mode;
use rustix::process::umask;
use state_schema::{BLOB_PATH, Blob, SlotName};

use crate::arguments::Apply;
use crate::blob::BlobFile;
use crate::exit::Exit;
use crate::factory::Factory;
use crate::file::Root;
use crate::legacy_mount::Stage;
use crate::mount::Mounter;
use crate::refusal::Refusal;
use crate::report::{Report, RunDir};
use crate::seed::Seeder;
use crate::stores::Stores;
use crate::text::Note;

/// Applies the blob of the image beneath the root. `console` is told what went wrong with single entries.
fn apply(arguments: &Apply<'_>, console: &mut dyn Console) -> Result<Exit, Refusal> {
    // What is made has the mode that is asked for, whoever called.
    umask(Mode::empty());
    let root = Root::open(arguments.root)?;
    let file = ManuallyDrop::new(BlobFile::read(&root, arguments.blob)?);
    let blob = file.decode().map_err(|error| Refusal::Blob {
        path: Note::of(arguments.blob.unwrap_or(BLOB_PATH.as_bytes())),
        error,
    })?;
    let run = RunDir::open(arguments.run)?;
    let mut report = Report::create(&run, &blob, console);
    let applied = apply_blob(arguments, &root, &file, &blob, &run, &mut report);
    report.finish(applied)
}

fn apply_blob<'a>(
    arguments: &Apply<'_>,
    root: &Root,
    file: &BlobFile,
    blob: &Blob<'a>,
    run: &RunDir,
    report: &mut Report<'a>,
) -> Result<(), Refusal> {
    let slot = slot::choose(blob, arguments.slot)?;
    report.slot(slot);
    let stage = Stage::set(run.as_fd())?;
    let applied = apply_plan(arguments, root, file, blob, slot, run, stage.as_ref(), report);
    match stage.as_ref() {
        None => applied,
        Some(stage) => applied.and(stage.clear(run.as_fd()).map_err(Refusal::from)),
    }
}

#[expect(clippy::too_many_arguments, reason = "all that was opened and found out so far")]
fn apply_plan<'a>(
    arguments: &Apply<'_>,
    root: &Root,
    file: &BlobFile,
    blob: &Blob<'a>,
    slot: SlotName<'a>,
    run: &RunDir,
    stage: Option<&Stage>,
    report: &mut Report<'a>,
) -> Result<(), Refusal> {
    let mut stores = Stores::open(blob, slot, file, arguments.data, run.as_fd(), stage)?;
    let factory = Factory::clone_of(root, stage, stores.earlier_run())?;
    let seeder = Seeder::new(blob, &factory);
    if let Err(failure) = seeder.build_all(&stores) {
        stores.lose_sys_data(failure.account(), blob)?;
    }
    report.event(stores.event(), stores.sys_data_failure());
    let mounted = Mounter::new(root, stage, &stores, &seeder)
        .mount_all(&mut |entry, applied| report.entry(entry, applied));
    report.left_out(seeder.sockets());
    mounted
}
