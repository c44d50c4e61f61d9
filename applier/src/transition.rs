//! Which state the slot goes on with.
//!
//! Nearly every boot is one of the slot that ran last, with the image that it had then: [`resume`] sees that from a few
//! bytes. Everything else is for `succession.rs`, which the program in the initramfs does not have.

use rustix::fd::OwnedFd;
use state_schema::sys_data::{RESET_FILE, SLOT_BLOB, STALE_FILE};
use state_schema::{HEADER_LEN, SlotName};

use crate::beneath::{DIRECTORY, find_file, open_existing};
use crate::blob::BlobFile;
use crate::boots::{Boots, Record};
use crate::failure::{Account, Failure};
use crate::lineage;
use crate::step::Step;
use crate::sys_data::SysData;
#[cfg(feature = "system")]
use crate::text::Note;

/// What happened to the slot's state.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Event {
    /// No slot had any.
    FirstBoot,
    /// The slot's state is of this image, and the slot ran last.
    Same,
    /// The state that was used last was taken over for this image.
    Update,
    /// The slot's state is of this image, and older than that of the slot that ran last.
    Rollback,
    /// The slot's state is of this image, and newer than that of the slot that ran last.
    RollForward,
    /// The image is the same, and parts of the state begin afresh, as somebody asked.
    Reset,
    /// sys-data cannot be used, so there is no state.
    Degraded,
}

const EVENTS: [(Event, &str); 7] = [
    (Event::FirstBoot, "first-boot"),
    (Event::Same, "same"),
    (Event::Update, "update"),
    (Event::Rollback, "rollback"),
    (Event::RollForward, "roll-forward"),
    (Event::Reset, "reset"),
    (Event::Degraded, "degraded"),
];

impl Event {
    pub(crate) fn as_bytes(self) -> &'static [u8] {
        EVENTS.iter().find(|(event, _)| *event == self).map_or(b"", |(_, word)| word.as_bytes())
    }

    #[cfg(feature = "system")]
    pub(crate) fn of(word: &[u8]) -> Option<Self> {
        EVENTS.iter().find(|(_, of)| of.as_bytes() == word).map(|(event, _)| *event)
    }
}

/// Why there is no state to go on with.
pub(crate) enum TransitionError {
    /// sys-data cannot be used.
    Unusable(Account),
    /// sys-data is of a layout that we do not know.
    UnknownLayout(Account),
    /// It takes the image's own program to go on.
    #[cfg(not(feature = "system"))]
    NotResumed,
    /// The state that was used last could not be taken over; this slot's is as it was.
    #[cfg(feature = "system")]
    NotTakenOver { from: Note, account: Account },
}

impl From<Failure> for TransitionError {
    fn from(failure: Failure) -> Self {
        Self::Unusable(failure.account())
    }
}

/// The state that the slot goes on with, and which boot this is.
pub(crate) struct Entered {
    /// The slot's directory.
    pub(crate) dir: OwnedFd,
    pub(crate) event: Event,
    /// Number of the boot that made the state.
    pub(crate) state: u64,
    /// Number of this boot.
    pub(crate) number: u64,
    /// The boot before this one.
    pub(crate) previous: Option<Record>,
    /// What was in doubt when this boot made the state.
    pub(crate) conflicts: Option<OwnedFd>,
}

/// Whether this boot has its record in the log already, from an earlier run.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Told {
    Yes,
    No,
}

/// The state of `slot`, if it is the one to go on with, with the blob in `file`: the slot ran last, with just this
/// blob, and nobody wants anything done to its state. `None` if anything is otherwise, or in doubt.
#[inline(never)]
pub(crate) fn resume(
    sys_data: &SysData,
    slot: SlotName<'_>,
    file: &BlobFile,
    boots: &Boots,
    told: Told,
) -> Result<Option<Entered>, Failure> {
    let name = slot.as_str().as_bytes();
    let Some(last) = boots.last().filter(|last| last.slot == name) else { return Ok(None) };
    let Some(dir) = open_slot(sys_data, name)? else { return Ok(None) };
    // The number, since a state may have been made that no boot got to use.
    let is_same = lineage::state_of(&dir)? == last.state
        && has_header(&dir, file)?
        && !is_there(&dir, STALE_FILE)?
        && !is_there(&dir, RESET_FILE)?;
    let (number, previous) = match told {
        // What that run has told, this one tells again.
        Told::Yes if last.event != Event::Same.as_bytes() => return Ok(None),
        Told::Yes => (last.number, boots.before(last.number)),
        Told::No => (last.number.saturating_add(1), boots.before(u64::MAX)),
    };
    let entered = Entered { dir, event: Event::Same, state: last.state, number, previous, conflicts: None };
    Ok(is_same.then_some(entered))
}

/// Opens the directory of a slot that has state.
#[inline(never)]
pub(crate) fn open_slot(sys_data: &SysData, slot: &[u8]) -> Result<Option<OwnedFd>, Failure> {
    open_existing(&Step::new("open the state of slot", slot), sys_data.slots(), slot, DIRECTORY)
}

/// Whether there is anything of this name in a slot's directory.
pub(crate) fn is_there(dir: &OwnedFd, name: &str) -> Result<bool, Failure> {
    let found = Step::new("look for the slot's", name.as_bytes()).stat_name(dir, name.as_bytes())?;
    Ok(found.is_some())
}

/// Whether the slot's copy of its blob begins as this one does. The digest of all the rest is in there.
#[inline(never)]
fn has_header(dir: &OwnedFd, blob: &BlobFile) -> Result<bool, Failure> {
    let step = Step::new("read the slot's", SLOT_BLOB.as_bytes());
    let mut header = [0; HEADER_LEN];
    let Some(file) = find_file(&step, dir, SLOT_BLOB.as_bytes())? else { return Ok(false) };
    Ok(step.read_up_to(&file, &mut header)? == HEADER_LEN && header == blob.header())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_have_their_words() {
        for (event, word) in EVENTS {
            assert_eq!((event.as_bytes(), Event::of(word.as_bytes())), (word.as_bytes(), Some(event)));
        }
    }
}
