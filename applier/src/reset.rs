//! `stated reset`: asks for parts of the state to begin afresh at the next boot.

use rustix::fd::OwnedFd;
use rustix::fs::{AtFlags, Mode};
use state_schema::sys_data::RESET_FILE;
use state_schema::{Entry, Lifetime, Scope};

use crate::arguments::Command;
use crate::changes::is_beneath;
use crate::device::{Device, decode, read_blob};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;
use crate::plan::entries;
use crate::refusal::Refusal;
use crate::run::{Process, print};
use crate::show::{Sink, put_printable};
use crate::step::Step;
use crate::takeover::is_slots;
use crate::text::Note;
use crate::wish::{ORPHANS, Wish};

const NAME: &[u8] = RESET_FILE.as_bytes();

/// Why nothing is asked for.
pub(crate) enum Misfit {
    /// No persistent entry of the slot lies at or beneath the path.
    NoEntry,
    /// The path is a part of this entry only.
    PartOf(Note),
    /// The path is common state, which belongs to no slot.
    Common,
    /// What lies there is lost at each boot anyway.
    Ephemeral,
}

/// Asks for what `command` says, in one step: the next boot sees all of it or nothing.
pub(crate) fn run(command: &Command<'_>, process: &mut dyn Process) -> Result<Exit, Refusal> {
    let file = read_blob(&command.places)?;
    let blob = decode(&file, command.places.blob)?;
    let device = Device::find(&command.places, &blob)?;
    let dir = device.open_state()?;
    if command.flags.cancel {
        Step::new("take back the", NAME).remove(&dir, NAME, AtFlags::empty())?;
        return Ok(Exit::Applied);
    }
    for path in command.operands.as_slice().iter().chain(command.kept.as_slice()) {
        let path = without_slash(path);
        if let Some(misfit) = misfit(path, &mut entries(&blob)) {
            return Err(Refusal::Reset { path: Note::of(path), misfit });
        }
    }
    // What was asked for before is still wanted.
    let before = Wish::read(&dir)?;
    let wants_orphans = command.flags.orphans || before.is_for_orphans();
    let is_wanted =
        |entry: &Entry<'_>| is_slots(entry) && (is_selected(command, entry) || before.is_for(entry.path));
    let step = Step::new("write the", NAME);
    let work = device.sys_data.work();
    let mut output = None;
    if !command.flags.dry_run {
        step.remove(work, NAME, AtFlags::empty())?;
        output = Some(Output::new(Ok(step.create(work, NAME, Mode::from_raw_mode(0o600))?)));
    }
    let mut is_any = false;
    for entry in entries(&blob).filter(is_wanted) {
        is_any = true;
        ask(entry.path.as_str().as_bytes(), output.as_mut(), process);
    }
    if wants_orphans {
        is_any = true;
        ask(ORPHANS, output.as_mut(), process);
    }
    let Some(output) = output else { return Ok(Exit::Applied) };
    let file = output.finish().map_err(|errno| step.failed("write", errno))?;
    if is_any {
        put_in_place(&step, work, &file, &dir)?;
    } else {
        step.remove(work, NAME, AtFlags::empty())?;
    }
    Ok(Exit::Applied)
}

fn ask(line: &[u8], output: Option<&mut Output>, process: &mut dyn Process) {
    let verb: &[u8] =
        if output.is_some() { b"begins afresh at the next boot: " } else { b"would begin afresh: " };
    if let Some(output) = output {
        output.put(line);
        output.put(b"\n");
    }
    print(process, |to| {
        to.put(verb);
        if line == ORPHANS { to.put(b"without what no entry declares") } else { put_printable(to, line) }
    });
}

/// Puts the finished file where the next boot looks for it, down to the disk.
fn put_in_place(step: &Step<'_>, work: &OwnedFd, file: &OwnedFd, dir: &OwnedFd) -> Result<(), Failure> {
    step.sync(file)?;
    step.replace(work, NAME, dir, NAME)?;
    step.sync(dir)
}

fn is_selected(command: &Command<'_>, entry: &Entry<'_>) -> bool {
    let covers = |path: &&[u8]| {
        let (path, place) = (without_slash(path), entry.path.as_str().as_bytes());
        path == place || is_beneath(place, path)
    };
    let is_named = command.flags.all || command.operands.as_slice().iter().any(covers);
    is_named && !command.kept.as_slice().iter().any(covers)
}

/// As people complete the names of directories.
fn without_slash(path: &[u8]) -> &[u8] {
    path.strip_suffix(b"/").unwrap_or(path)
}

/// Why `path` stands for none of the entries.
fn misfit(path: &[u8], entries: &mut dyn Iterator<Item = Entry<'_>>) -> Option<Misfit> {
    let mut misfit = Misfit::NoEntry;
    for entry in entries {
        let place = entry.path.as_str().as_bytes();
        if place == path || is_beneath(place, path) {
            match entry.lifetime {
                Lifetime::Persistent(of) if of.scope == Scope::Slot => return None,
                Lifetime::Persistent(_) => misfit = Misfit::Common,
                Lifetime::Ephemeral { .. } => misfit = Misfit::Ephemeral,
            }
        } else if is_beneath(path, place) {
            misfit = Misfit::PartOf(Note::of(place));
        }
    }
    Some(misfit)
}
