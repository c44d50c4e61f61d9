//! `stated invalidate`: tells that another image was written to a slot.

use rustix::fs::{Mode, OFlags, ResolveFlags};
use state_schema::sys_data::STALE_FILE;

use crate::arguments::Command;
use crate::device::{Device, decode, read_blob};
use crate::exit::Exit;
use crate::refusal::Refusal;
use crate::run::{Process, print};
use crate::slot;
use crate::slot_error;
use crate::step::Step;
use crate::text::Note;
use crate::transition::open_slot;

/// Marks the slot's state: its next boot makes a new one from the state that was used last, even if the image has the id of the one
/// before.
pub(crate) fn run(command: &Command<'_>, process: &mut dyn Process) -> Result<Exit, Refusal> {
    let file = read_blob(&command.places)?;
    let blob = decode(&file, command.places.blob)?;
    let device = Device::find(&command.places, &blob)?;
    let wanted = command.operands.as_slice().first().copied().unwrap_or_default();
    let unknown = || Refusal::NoSuchSlot { name: Note::of(wanted), slots: slot_error::list(blob.slots()) };
    let slot = slot::find(blob.slots(), wanted).ok_or_else(unknown)?.as_str().as_bytes();
    let name = STALE_FILE.as_bytes();
    let step = Step::new("mark the state of slot", slot);
    let Some(dir) = open_slot(&device.sys_data, slot)? else {
        print(process, |to| {
            for part in [b"slot ", slot, b" has no state: nothing to invalidate"] {
                to.put(part);
            }
        });
        return Ok(Exit::Applied);
    };
    if step.stat_name(&dir, name)?.is_none() {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL;
        step.open(&dir, name, flags, Mode::from_raw_mode(0o600), ResolveFlags::BENEATH)?;
    }
    step.sync(&dir)?;
    print(process, |to| {
        for part in [b"slot ", slot, b" takes the state over that was used last, at its next boot"] {
            to.put(part);
        }
    });
    Ok(Exit::Applied)
}
