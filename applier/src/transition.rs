//! Which state the slot goes on with.
//!
//! This version knows a slot's first boot and a boot of the same image. Taking the state of another image
//! over is refused.

use rustix::fd::OwnedFd;
use rustix::fs::Mode;
use state_schema::sys_data::{SLOT_BLOB, TREE_DIR};
use state_schema::{Blob, SlotName};

use crate::beneath::{DIRECTORY, PARENT, ensure_directory, open_directory, open_existing, open_file};
use crate::blob::{BlobError, BlobFile};
use crate::failure::{Account, Failure};
use crate::step::Step;
use crate::store::{PRIVATE, Store};
use crate::sys_data::SysData;
use crate::text::Note;

/// What happened to the slot's state.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Event {
    /// The slot had none.
    FirstBoot,
    /// The slot's state is of this image.
    Same,
    /// sys-data cannot be used, so there is no state.
    Degraded,
}

impl Event {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::FirstBoot => "first-boot",
            Self::Same => "same",
            Self::Degraded => "degraded",
        }
    }
}

/// Why there is no state to go on with.
pub(crate) enum TransitionError {
    /// sys-data cannot be used.
    Unusable(Account),
    /// sys-data is of a layout that we do not know.
    UnknownLayout(Account),
    /// The slot's state was written by another image.
    OtherImage { slot: Note, written_by: Note, boots: Note },
    /// It cannot be told which image wrote the slot's state.
    UnknownImage { slot: Note, error: BlobError },
}

impl From<Failure> for TransitionError {
    fn from(failure: Failure) -> Self {
        Self::Unusable(failure.account())
    }
}

/// Opens the state of `slot`, which `blob`, read from `file`, is about to run with.
pub(crate) fn enter(
    sys_data: &SysData,
    slot: SlotName<'_>,
    blob: &Blob<'_>,
    file: &BlobFile,
) -> Result<(Store, Event), TransitionError> {
    let name = slot.as_str().as_bytes();
    let step = Step::new("open the state of slot", name);
    let (dir, event) = match open_existing(&step, sys_data.slots(), name, DIRECTORY)? {
        Some(dir) => {
            check_image(&dir, slot, blob, file)?;
            (dir, Event::Same)
        }
        None => (create(sys_data, slot, file)?, Event::FirstBoot),
    };
    Ok((sys_data.store(dir)?, event))
}

/// Makes the slot's directory. It is in place when all of it is on the disk.
#[inline(never)]
fn create(sys_data: &SysData, slot: SlotName<'_>, file: &BlobFile) -> Result<OwnedFd, Failure> {
    let name = slot.as_str().as_bytes();
    let step = Step::new("make the state of slot", name);
    let work = sys_data.work();
    step.make_directory(work, name, PRIVATE)?;
    let dir = open_directory(&step, work, name)?;
    ensure_directory(&dir, TREE_DIR.as_bytes(), PARENT)?;
    let copy = step.create(&dir, SLOT_BLOB.as_bytes(), Mode::from_raw_mode(0o600))?;
    file.write_to(&step, &copy)?;
    step.sync_file_system(work)?;
    step.rename(work, name, sys_data.slots(), name)?;
    Ok(dir)
}

/// Checks that the slot's state is of this image.
fn check_image(
    dir: &OwnedFd,
    slot: SlotName<'_>,
    blob: &Blob<'_>,
    of_image: &BlobFile,
) -> Result<(), TransitionError> {
    let of_slot = || Note::of(slot.as_str().as_bytes());
    let step = Step::new("read the slot's", SLOT_BLOB.as_bytes());
    let unknown = |error| TransitionError::UnknownImage { slot: of_slot(), error };
    let file = open_file(&step, dir, SLOT_BLOB.as_bytes())
        .and_then(|file| BlobFile::of_other(&step, &file, of_image))
        .map_err(|failure| unknown(failure.into()))?;
    let Some(file) = file else { return Ok(()) };
    let [written_by, boots] = [file.decode().map_err(unknown)?.image().id, blob.image().id];
    if written_by == boots {
        return Ok(());
    }
    Err(TransitionError::OtherImage {
        slot: of_slot(),
        written_by: Note::of(written_by.as_bytes()),
        boots: Note::of(boots.as_bytes()),
    })
}
