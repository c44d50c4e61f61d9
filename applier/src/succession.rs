//! Which state the slot goes on with where it is not simply its own, and putting that in its place.

use rustix::fd::OwnedFd;
use rustix::fs::{AtFlags, Mode, RenameFlags, renameat_with};
use state_schema::sys_data::{RESET_FILE, SLOT_BLOB, STALE_FILE, TREE_DIR};
use state_schema::{Blob, SlotName};

use crate::beneath::{DIRECTORY, PARENT, ensure_directory, find_file, open_directory, open_reachable};
use crate::blob::BlobFile;
use crate::boots::Boots;
use crate::chronicle::{self, Chronicle};
use crate::failure::Failure;
use crate::lineage;
use crate::path::Room;
use crate::seed::Seeder;
use crate::step::Step;
use crate::store::PRIVATE;
use crate::sys_data::SysData;
use crate::takeover::{Origin, TakeOver};
use crate::text::{Note, Text};
use crate::transition::{Entered, Event, Told, TransitionError, is_there, open_slot};
use crate::work::discard_all;

/// What is known of the slot's own state.
struct Own {
    /// It is of the image that boots, and the slot was not rewritten since.
    is_current: bool,
    /// Somebody wants parts of it to begin afresh.
    is_to_reset: bool,
    /// Number of the boot that made it, and what that boot did.
    state: u64,
    made_by: Event,
    /// A boot got as far as the log with it.
    has_run: bool,
}

/// Whose state was used last.
#[derive(Clone, Copy)]
enum Last {
    Nobodys,
    /// That of the slot that boots.
    Own,
    /// Another slot's, made by the boot of this number.
    Others(u64),
}

/// What is to be done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Decision {
    /// Begin with nothing.
    Begin,
    /// Leave the state as it is.
    Keep(Event),
    /// Make a new state from the one that was used last.
    TakeOver,
    /// Make a new state from the slot's own.
    Reset,
}

/// `docs/boot.md` has this as a table.
fn decide(own: Option<&Own>, last: Last) -> Decision {
    let Some(own) = own else {
        return if matches!(last, Last::Others(_)) { Decision::TakeOver } else { Decision::Begin };
    };
    match last {
        _ if !own.is_current => Decision::TakeOver,
        _ if own.is_to_reset => Decision::Reset,
        // The power was cut after it was made and before anybody was told.
        _ if !own.has_run => Decision::Keep(own.made_by),
        Last::Others(state) if state > own.state => Decision::Keep(Event::Rollback),
        Last::Others(_) => Decision::Keep(Event::RollForward),
        Last::Own | Last::Nobodys => Decision::Keep(Event::Same),
    }
}

/// A slot that has state.
struct Source {
    slot: Text,
    dir: OwnedFd,
    /// Number of the boot that made the state.
    state: u64,
}

/// Opens the state of `slot`, which `file`'s blob, the seeder's, is about to run with.
///
/// In a later run of the same boot the slot's state is in use, and whatever is wanted of it has to wait.
#[inline(never)]
pub(crate) fn succeed(
    sys_data: &SysData,
    slot: SlotName<'_>,
    file: &BlobFile,
    seeder: &Seeder<'_, '_>,
    boots: &Boots,
    told: Told,
    is_later_run: bool,
) -> Result<Entered, TransitionError> {
    let name = slot.as_str().as_bytes();
    let blob = seeder.blob();
    let dir = open_slot(sys_data, name)?;
    let own = match &dir {
        Some(dir) => {
            let state = lineage::state_of(dir)?;
            Some(Own {
                // What is mounted by now stays, whatever has become of it.
                is_current: is_later_run || is_of_image(dir, blob)? && !is_there(dir, STALE_FILE)?,
                is_to_reset: !is_later_run && is_there(dir, RESET_FILE)?,
                state,
                made_by: chronicle::event_of(dir)?.unwrap_or(Event::Same),
                has_run: boots.has_run(name, state),
            })
        }
        None => None,
    };
    let mut previous = boots.before(u64::MAX);
    let mut number = highest(sys_data, boots, blob)?.saturating_add(1);
    let state = own.as_ref().map_or(0, |own| own.state);
    if told == Told::Yes
        && let Some(this) = boots.last().filter(|this| this.slot == name && this.state == state)
        && let (Some(event), Some(dir)) = (Event::of(this.event), open_slot(sys_data, name)?)
    {
        // What an earlier run has told.
        let conflicts = if this.number == state { lineage::open(&dir)? } else { None };
        previous = boots.before(this.number);
        number = this.number;
        return Ok(Entered { dir, event, state, number, previous, conflicts });
    }
    let source = last_used(sys_data, boots, blob)?;
    let last = match &source {
        None => Last::Nobodys,
        Some(source) if source.slot.bytes() == name => Last::Own,
        Some(source) => Last::Others(source.state),
    };
    let begin = || -> Result<Entered, TransitionError> {
        let dir = make_empty(sys_data, slot, file, number)?;
        Ok(Entered { dir, event: Event::FirstBoot, state: number, number, previous, conflicts: None })
    };
    let decision = decide(own.as_ref(), last);
    let event = if decision == Decision::Reset { Event::Reset } else { Event::Update };
    match (decision, dir) {
        (Decision::Keep(event), Some(dir)) => {
            // Of a state that nobody ran with, this is still the boot that made it.
            let is_untold = own.is_some_and(|own| !own.has_run);
            let conflicts = if is_untold { lineage::open(&dir)? } else { None };
            let number = if is_untold && state.saturating_add(1) == number { state } else { number };
            Ok(Entered { dir, event, state, number, previous, conflicts })
        }
        (Decision::TakeOver | Decision::Reset, dir) => {
            let has_own = dir.is_some();
            let own = || dir.map(|dir| Source { slot: Text::of(name), dir, state });
            let source = if event == Event::Reset { own() } else { source.or_else(own) };
            let Some(Source { slot: from, dir: origin, .. }) = source else { return begin() };
            let origin = Origin { dir: &origin, slot: from.bytes(), state: number, event };
            let made = TakeOver::new(sys_data, seeder, slot, &origin).and_then(|taken| taken.make(file));
            match made.and_then(|dir| commit(sys_data, slot, has_own).map(|()| dir)) {
                Ok(dir) => {
                    let conflicts = lineage::open(&dir)?;
                    Ok(Entered { dir, event, state: number, number, previous, conflicts })
                }
                Err(failure) => {
                    let account = failure.account();
                    // It takes up space that whoever looks for the reason may need.
                    let _ = discard_all(sys_data.work());
                    Err(TransitionError::NotTakenOver { from: Note::keep(&from), account })
                }
            }
        }
        (Decision::Begin | Decision::Keep(_), _) => begin(),
    }
}

/// Whether the state in `dir` is of the image of `blob`. If its copy of the blob is none, nobody knows; if it cannot be read,
/// that is another matter, since it would cost the slot its state.
#[inline(never)]
fn is_of_image(dir: &OwnedFd, blob: &Blob<'_>) -> Result<bool, Failure> {
    let Some(file) = open_blob(dir)? else { return Ok(false) };
    Ok(file.decode().is_ok_and(|of| of.image().id == blob.image().id))
}

/// Reads the copy of the blob that a state last ran with, if there is one.
pub(crate) fn open_blob(dir: &OwnedFd) -> Result<Option<BlobFile>, Failure> {
    let step = Step::new("read the slot's", SLOT_BLOB.as_bytes());
    let file = find_file(&step, dir, SLOT_BLOB.as_bytes())?;
    file.map(|file| BlobFile::from_file(&step, &file)).transpose()
}

/// The slot whose state was used last: by the log, or else the one with the newest state.
#[inline(never)]
fn last_used(sys_data: &SysData, boots: &Boots, blob: &Blob<'_>) -> Result<Option<Source>, Failure> {
    let last = boots.last();
    let logged = last.and_then(|boot| SlotName::new(str::from_utf8(boot.slot).ok()?).ok());
    if let Some(slot) = logged
        && let Some(source) = find_source(sys_data, slot)?
    {
        return Ok(Some(source));
    }
    let mut youngest: Option<Source> = None;
    for slot in blob.slots() {
        if let Some(source) = find_source(sys_data, *slot)?
            && youngest.as_ref().is_none_or(|youngest| source.state >= youngest.state)
        {
            youngest = Some(source);
        }
    }
    Ok(youngest)
}

/// The state of a slot, if it has some. What stands in place of its directory is none.
#[inline(never)]
fn find_source(sys_data: &SysData, slot: SlotName<'_>) -> Result<Option<Source>, Failure> {
    let name = slot.as_str().as_bytes();
    let step = Step::new("open the state of slot", name);
    let Some(dir) = open_reachable(&step, sys_data.slots(), name, DIRECTORY)? else { return Ok(None) };
    let state = lineage::state_of(&dir)?;
    Ok(Some(Source { slot: Text::of(name), dir, state }))
}

/// The highest number that a boot or a state has.
#[inline(never)]
fn highest(sys_data: &SysData, boots: &Boots, blob: &Blob<'_>) -> Result<u64, Failure> {
    let mut highest = boots.last().map_or(0, |last| last.number);
    for slot in blob.slots() {
        highest = highest.max(find_source(sys_data, *slot)?.map_or(0, |source| source.state));
    }
    Ok(highest)
}

/// Makes the slot's directory with no state in it yet. It is in place when all of it is on the disk.
#[inline(never)]
fn make_empty(
    sys_data: &SysData,
    slot: SlotName<'_>,
    file: &BlobFile,
    state: u64,
) -> Result<OwnedFd, Failure> {
    let dir = make_directory(sys_data, slot)?;
    ensure_directory(&dir, TREE_DIR.as_bytes(), PARENT)?;
    Chronicle::create(&dir, state, Event::FirstBoot, None)?.finish()?;
    write_blob(&dir, file)?;
    commit(sys_data, slot, false)?;
    Ok(dir)
}

/// Makes a directory for the slot, where it is worked on.
#[inline(never)]
pub(crate) fn make_directory(sys_data: &SysData, slot: SlotName<'_>) -> Result<OwnedFd, Failure> {
    let name = slot.as_str().as_bytes();
    let step = Step::new("make the state of slot", name);
    step.make_directory(sys_data.work(), name, PRIVATE)?;
    open_directory(&step, sys_data.work(), name)
}

/// Writes the copy of the blob that the state goes on with.
#[inline(never)]
pub(crate) fn write_blob(dir: &OwnedFd, file: &BlobFile) -> Result<(), Failure> {
    let step = Step::new("write the slot's", SLOT_BLOB.as_bytes());
    file.write_to(&step, &step.create(dir, SLOT_BLOB.as_bytes(), Mode::from_raw_mode(0o600))?)
}

/// Puts the directory that was made in its place, in exchange for the one that is there. Either all of the new one is
/// there, or all of the old.
#[inline(never)]
fn commit(sys_data: &SysData, slot: SlotName<'_>, has_own: bool) -> Result<(), Failure> {
    let name = slot.as_str().as_bytes();
    let step = Step::new("put in place the state of slot", name);
    let (work, slots) = (sys_data.work(), sys_data.slots());
    step.sync_file_system(work)?;
    if !has_own {
        return step.rename(work, name, slots, name);
    }
    let (mut room, mut other) = (Room::new(), Room::new());
    renameat_with(work, room.terminated(name), slots, other.terminated(name), RenameFlags::EXCHANGE)
        .map_err(|errno| step.failed("renameat2", errno))?;
    // Before the disk knows of the exchange, what is discarded may come back to the old place.
    step.sync_file_system(work)?;
    // It takes up space that seeds may need. If it cannot be discarded now, the next boot does it.
    if let Ok(old) = open_directory(&step, work, name)
        && discard_all(&old).is_ok()
    {
        let _ = step.remove(work, name, AtFlags::REMOVEDIR);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rows of the table in `docs/boot.md`.
    #[test]
    fn decides_as_documented() {
        use Decision::{Begin, Keep, Reset, TakeOver};
        let current =
            || Own { is_current: true, is_to_reset: false, state: 5, made_by: Event::Update, has_run: true };
        let other = Own { is_current: false, is_to_reset: true, ..current() };
        let untold = Own { has_run: false, ..current() };
        let unwanted = Own { is_to_reset: true, ..untold };
        let current = current();
        for (own, last, decision) in [
            (None, Last::Nobodys, Begin),
            (None, Last::Own, Begin),
            (None, Last::Others(1), TakeOver),
            (Some(&current), Last::Own, Keep(Event::Same)),
            (Some(&current), Last::Nobodys, Keep(Event::Same)),
            (Some(&current), Last::Others(9), Keep(Event::Rollback)),
            (Some(&current), Last::Others(2), Keep(Event::RollForward)),
            (Some(&untold), Last::Own, Keep(Event::Update)),
            (Some(&untold), Last::Others(2), Keep(Event::Update)),
            (Some(&unwanted), Last::Own, Reset),
            (Some(&unwanted), Last::Others(9), Reset),
            (Some(&other), Last::Own, TakeOver),
            (Some(&other), Last::Nobodys, TakeOver),
            (Some(&other), Last::Others(9), TakeOver),
        ] {
            assert_eq!(decide(own, last), decision);
        }
    }
}
