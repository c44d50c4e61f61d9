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
#[cfg(feature = "system")]
mod batch;
mod beneath;
mod blob;
#[cfg(feature = "system")]
mod block_device;
#[cfg(feature = "system")]
mod boot_options;
mod boots;
#[cfg(feature = "system")]
mod changes;
#[cfg(feature = "system")]
mod check;
#[cfg(feature = "system")]
mod child;
#[cfg(feature = "system")]
mod chronicle;
mod cmdline;
mod content;
mod copy;
#[cfg(feature = "system")]
mod device;
#[cfg(feature = "system")]
mod device_name;
mod displaced;
mod errno;
mod exit;
mod factory;
mod failure;
mod file;
mod fscontext;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
#[cfg(not(feature = "system"))]
mod hand_over;
mod hard_links;
#[cfg(feature = "system")]
mod init;
#[cfg(feature = "system")]
mod invalidate;
mod json;
mod kernel_log;
#[cfg_attr(not(feature = "system"), path = "no_stage.rs")]
mod legacy_mount;
mod lineage;
mod link;
mod memory;
#[cfg(feature = "system")]
mod merge;
#[cfg(feature = "system")]
mod modules;
mod mount;
mod number;
#[cfg(feature = "system")]
mod orphans;
mod output;
mod overlay;
mod parameters;
#[cfg(feature = "system")]
mod partition_table;
mod path;
mod plan;
mod refusal;
#[cfg(feature = "system")]
mod repair;
mod report;
#[cfg(feature = "system")]
mod reset;
mod run;
#[cfg(feature = "system")]
mod screen;
mod seed;
mod show;
mod slot;
mod slot_error;
#[cfg(feature = "system")]
mod space;
#[cfg(feature = "system")]
mod status;
mod step;
mod store;
mod stores;
#[cfg(feature = "system")]
mod succession;
#[cfg(feature = "system")]
mod switch_root;
mod sys_data;
#[cfg(feature = "system")]
mod takeover;
mod text;
mod tmpfs;
mod trail;
mod transition;
#[cfg(feature = "system")]
mod usage;
#[cfg(feature = "system")]
mod volume;
#[cfg(feature = "system")]
mod walk;
#[cfg(feature = "system")]
mod wish;
mod work;
mod xattr;

pub use run::{Process, run};

#[cfg(feature = "system")]
use core::ffi::CStr;
use core::mem::ManuallyDrop;

use rustix::fs::Mode;
use rustix::process::umask;
#[cfg(feature = "system")]
use state_schema::BLOB_PATH;
use state_schema::{Blob, SlotName};

use crate::arguments::Places;
use crate::blob::{BlobError, BlobFile};
use crate::exit::Exit;
use crate::factory::Factory;
use crate::file::Root;
#[cfg(not(feature = "system"))]
use crate::hand_over::hand_over;
use crate::legacy_mount::Stage;
use crate::mount::Mounter;
use crate::refusal::Refusal;
use crate::report::{Report, RunDir};
use crate::seed::Seeder;
use crate::stores::{Opening, Stores};
#[cfg(feature = "system")]
use crate::text::Note;
use crate::tmpfs::Shared;
use crate::transition::{Event, Told};

/// What the kernel starts in an initramfs, with arguments that are all for the image's first program. The command `init` is one
/// word more.
#[cfg(feature = "system")]
pub const INIT: &CStr = c"/init";

/// Applies the blob of the image beneath the root. `process` is told what went wrong with single entries.
fn apply(arguments: &Places<'_>, process: &mut dyn Process) -> Result<Exit, Refusal> {
    // What is made has the mode that is asked for, whoever called.
    umask(Mode::empty());
    let root = Root::open(arguments.root)?;
    let file = ManuallyDrop::new(BlobFile::read(&root, arguments.blob)?);
    let blob = file.decode().map_err(|error| refuse_blob(arguments, error, &root, process))?;
    let run = RunDir::open(arguments.run)?;
    let mut report = Report::create(&run, &blob, process);
    let applied = apply_blob(arguments, &root, &file, &blob, &run, &mut report);
    #[cfg(not(feature = "system"))]
    let applied = match applied {
        Err(Refusal::HandOver) => Err(hand_over(&root, report.process()).into()),
        applied => applied,
    };
    report.finish(applied)
}

/// Why the blob cannot be used.
#[cfg(feature = "system")]
fn refuse_blob(arguments: &Places<'_>, error: BlobError, _: &Root, _: &mut dyn Process) -> Refusal {
    Refusal::Blob { path: Note::of(arguments.blob.unwrap_or(BLOB_PATH.as_bytes())), error }
}

/// The other program says why, or knows a newer format.
#[cfg(not(feature = "system"))]
fn refuse_blob(_: &Places<'_>, _: BlobError, root: &Root, process: &mut dyn Process) -> Refusal {
    hand_over(root, process).into()
}

fn apply_blob<'a>(
    arguments: &Places<'_>,
    root: &Root,
    file: &BlobFile,
    blob: &Blob<'a>,
    run: &RunDir,
    report: &mut Report<'a>,
) -> Result<(), Refusal> {
    let slot = slot::choose(blob, arguments.slot)?;
    report.slot(slot);
    let stage = set_stage(run)?;
    let applied = apply_plan(arguments, root, file, blob, slot, run, stage.as_ref(), report);
    match stage.as_ref() {
        None => applied,
        Some(stage) => applied.and(stage.clear(run.as_fd()).map_err(Refusal::from)),
    }
}

/// Sets a stage where the kernel needs one.
#[cfg(feature = "system")]
fn set_stage(run: &RunDir) -> Result<Option<Stage>, Refusal> {
    if attributes::can_set(run.as_fd()) { Ok(None) } else { Ok(Some(Stage::set(run.as_fd())?)) }
}

/// Kernels that need a stage are the other program's.
#[cfg(not(feature = "system"))]
fn set_stage(run: &RunDir) -> Result<Option<Stage>, Refusal> {
    if attributes::can_set(run.as_fd()) { Ok(None) } else { Err(Refusal::HandOver) }
}

#[expect(clippy::too_many_arguments, reason = "all that was opened and found out so far")]
fn apply_plan<'a>(
    arguments: &Places<'_>,
    root: &Root,
    file: &BlobFile,
    blob: &Blob<'a>,
    slot: SlotName<'a>,
    run: &RunDir,
    stage: Option<&Stage>,
    report: &mut Report<'a>,
) -> Result<(), Refusal> {
    let shared = Shared::find(run.as_fd())?;
    let factory = Factory::clone_of(root, stage, shared.is_mounted())?;
    let seeder = Seeder::new(blob, &factory);
    let told = run.told();
    let opening = Opening { data: arguments.data, slot, file, seeder: &seeder, told };
    let mut stores = Stores::open(&opening, run.as_fd(), shared, stage)?;
    // Nearly all state is there then, and what is missing is seeded when it is its turn.
    let is_same = stores.entered().is_ok_and(|entered| entered.event == Event::Same);
    if !is_same && let Err(failure) = seeder.build_all(&stores) {
        stores.lose_sys_data(failure.account(), &seeder)?;
    }
    report.entered(stores.entered());
    let mounted = Mounter::new(root, stage, &stores, &seeder)
        .mount_all(&mut |entry, applied| report.entry(entry, applied));
    report.left_out(seeder.sockets());
    // A boot that does not get here did not run.
    mounted?;
    if told == Told::No
        && let Err(failure) = stores.log(slot, blob.image().id, run)
    {
        report.not_logged(failure);
    }
    Ok(())
}
