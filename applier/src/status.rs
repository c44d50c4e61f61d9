//! `stated status`: what the boot came to, and which state there is.

use rustix::fd::OwnedFd;
use state_schema::sys_data::{STALE_FILE, TREE_DIR};
use state_schema::{Blob, Entry, Scope};

use crate::arguments::{Command, Places};
use crate::beneath::open_directory;
use crate::blob::BlobFile;
use crate::boots::{Boot, Boots};
use crate::chronicle::{each_conflict, event_of, put_conflicts};
use crate::device::{Device, decode, read_blob};
use crate::exit::Exit;
use crate::failure::{Account, Failure};
use crate::file;
use crate::json::{member, put_name, put_string, put_unescaped};
use crate::lineage;
use crate::memory::Memory;
use crate::orphans::each_orphan;
use crate::path::PathBuf;
use crate::plan::entries;
use crate::refusal::Refusal;
use crate::run::{Process, print};
use crate::show::{Show as _, put_number, put_printable};
use crate::step::Step;
use crate::succession::open_blob;
use crate::transition::{Event, is_there, open_slot};
use crate::wish::Wish;

const REPORT: &[u8] = b"report.json";

/// Longest report that is read, in bytes.
const MAX_REPORT: i64 = 64 << 20;

/// Boots that are told to people. Programs are told all that the log has.
const MAX_BOOTS: u64 = 8;

/// Tells what the boot came to, and which state there is. The exit status is that of the boot.
pub(crate) fn run(command: &Command<'_>, process: &mut dyn Process) -> Result<Exit, Refusal> {
    let file = read_blob(&command.places)?;
    let blob = decode(&file, command.places.blob)?;
    let report = read_report(&command.places)?;
    let report = report.as_ref().map(Memory::bytes);
    // What the boot came to is told without sys-data too: then it is what somebody wants to know.
    let device = match Device::find(&command.places, &blob) {
        Ok(device) => Ok(device),
        Err(Refusal::Step(account)) => Err(account),
        Err(refusal) => return Err(refusal),
    };
    let status = Status { blob: &blob, device, report };
    if command.flags.json {
        status.print_json(process)?;
    } else {
        status.print_text(process)?;
    }
    let exit = report.and_then(|report| member(report, b"\n  \"status\": "));
    Ok(match exit {
        Some(b"0") => Exit::Applied,
        Some(b"3") => Exit::Degraded,
        _ => Exit::Refused,
    })
}

/// Reads the report of this boot, if there is one.
fn read_report(places: &Places<'_>) -> Result<Option<Memory>, Failure> {
    let mut path = PathBuf::new();
    let step = Step::new("read the report in", places.run);
    let pushed = path.append(places.run).and_then(|()| path.push(REPORT));
    pushed.map_err(|errno| step.failed("open", errno))?;
    let file = match file::read(path.bytes()) {
        Ok(file) => file,
        Err(rustix::io::Errno::NOENT) => return Ok(None),
        Err(errno) => return Err(step.failed("open", errno)),
    };
    let size = step.stat(&file)?.st_size;
    let Some(size) = usize::try_from(size.min(MAX_REPORT)).ok().filter(|&size| size > 0) else {
        return Ok(None);
    };
    step.read_all(&file, size).map(Some)
}

/// What is to be told.
struct Status<'s, 'a> {
    blob: &'s Blob<'a>,
    /// Or why sys-data cannot be looked at.
    device: Result<Device<'a>, Account>,
    report: Option<&'s [u8]>,
}

/// The state of a slot.
struct State {
    dir: OwnedFd,
    file: Option<BlobFile>,
    /// Number of the boot that made it.
    made_by: u64,
    is_stale: bool,
    wish: Wish,
}

impl State {
    fn image_id(&self) -> Option<&[u8]> {
        let blob = self.file.as_ref()?.decode().ok()?;
        Some(blob.image().id.as_bytes())
    }

    fn wishes<'b>(&'b self, blob: &'b Blob<'_>) -> impl Iterator<Item = Entry<'b>> {
        entries(blob).filter(|entry| self.wish.is_for(entry.path))
    }
}

impl Status<'_, '_> {
    fn state(&self, slot: &[u8]) -> Result<Option<State>, Failure> {
        let Ok(device) = &self.device else { return Ok(None) };
        let Some(dir) = open_slot(&device.sys_data, slot)? else { return Ok(None) };
        let (is_stale, wish) = (is_there(&dir, STALE_FILE)?, Wish::read(&dir)?);
        Ok(Some(State { file: open_blob(&dir)?, is_stale, wish, made_by: lineage::state_of(&dir)?, dir }))
    }

    /// The state of the slot that runs and the common state, with what no entry shows.
    fn each_orphan(&self, take: &mut dyn FnMut(&[u8], &[u8])) -> Result<(), Failure> {
        let Ok(Device { sys_data, slot }) = &self.device else { return Ok(()) };
        let slot = slot.as_str().as_bytes();
        let stores = [
            (Scope::Slot, slot, open_slot(sys_data, slot)?),
            (Scope::Common, b"common", sys_data.open_common().ok()),
        ];
        for (scope, name, dir) in stores {
            let Some(dir) = dir else { continue };
            let step = Step::new("look for orphans in", TREE_DIR.as_bytes());
            let tree = open_directory(&step, &dir, TREE_DIR.as_bytes())?;
            each_orphan(&tree, self.blob, scope, &mut |path| take(name, path))?;
        }
        Ok(())
    }

    /// The boots in the log, the last one first.
    fn each_boot(&self, most: u64, take: &mut dyn FnMut(&Boot<'_>)) -> Result<(), Failure> {
        let Ok(device) = &self.device else { return Ok(()) };
        let Some(boots) = Boots::open(&device.sys_data.open_common()?)? else { return Ok(()) };
        let mut limit = u64::MAX;
        for _ in 0..most {
            let Some(record) = boots.before(limit) else { break };
            let Some(boot) = record.boot() else { break };
            take(&boot);
            limit = boot.number;
        }
        Ok(())
    }

    fn print_text(&self, process: &mut dyn Process) -> Result<(), Failure> {
        match self.report {
            None => print(process, |to| to.put(b"there is no report: nothing was applied in this boot")),
            Some(report) => print_report(report, process),
        }
        let device = match &self.device {
            Ok(device) => device,
            Err(account) => {
                print(process, |to| {
                    to.put(b"which state there is cannot be seen: ");
                    account.show(to);
                });
                return Ok(());
            }
        };
        let slot = device.slot.as_str().as_bytes();
        if let Some(state) = self.state(slot)?
            && let Some(file) = lineage::open(&state.dir)?
        {
            each_conflict(&file, &mut |conflict, path, kept| {
                print(process, |to| {
                    for part in [b"  ", conflict, b": "] {
                        put_printable(to, part);
                    }
                    put_printable(to, path);
                    if !kept.is_empty() {
                        to.put(b"; the image's version is replaced/");
                        put_printable(to, kept);
                    }
                });
            });
        }
        for slot in self.blob.slots() {
            self.print_state(slot.as_str().as_bytes(), process)?;
        }
        self.each_orphan(&mut |store, path| {
            print(process, |to| {
                to.put(b"no entry shows, in ");
                to.put(store);
                to.put(b": /");
                put_printable(to, path);
            });
        })?;
        print(process, |to| to.put(b"last boots:"));
        self.each_boot(MAX_BOOTS, &mut |boot| {
            print(process, |to| {
                to.put(b"  ");
                put_number(to, boot.number);
                for field in [boot.slot, boot.event, boot.image_id] {
                    to.put(b" ");
                    put_printable(to, field);
                }
            });
        })
    }

    fn print_state(&self, slot: &[u8], process: &mut dyn Process) -> Result<(), Failure> {
        let Some(state) = self.state(slot)? else {
            print(process, |to| {
                to.put(b"state of slot ");
                to.put(slot);
                to.put(b": none");
            });
            return Ok(());
        };
        print(process, |to| {
            to.put(b"state of slot ");
            to.put(slot);
            to.put(b": image ");
            put_printable(to, state.image_id().unwrap_or(b"unknown"));
            to.put(b", made by boot ");
            put_number(to, state.made_by);
            if state.is_stale {
                to.put(b"; to be replaced at its next boot");
            }
        });
        for entry in state.wishes(self.blob) {
            print(process, |to| {
                to.put(b"  begins afresh at the next boot: ");
                put_printable(to, entry.path.as_str().as_bytes());
            });
        }
        Ok(())
    }

    fn print_json(&self, process: &mut dyn Process) -> Result<(), Failure> {
        print(process, |to| {
            to.put(b"{\n\"version\": 1,\n\"report\": ");
            to.put(self.report.map_or(b"null", <[u8]>::trim_ascii_end));
            if let Err(account) = &self.device {
                to.put(b",\n\"not-seen\": ");
                put_string(to, |to| account.show(to));
            }
            to.put(b",\n\"states\": [");
        });
        let mut separator: &[u8] = b"";
        for slot in self.blob.slots() {
            let Some(state) = self.state(slot.as_str().as_bytes())? else { continue };
            let (event, conflicts) = (event_of(&state.dir)?, lineage::open(&state.dir)?);
            print(process, |to| {
                to.put(separator);
                to.put(b"{\"slot\": ");
                put_name(to, Some(slot.as_str().as_bytes()));
                to.put(b", \"image-id\": ");
                put_name(to, state.image_id());
                to.put(b", \"made-by\": ");
                put_number(to, state.made_by);
                to.put(b", \"event\": ");
                put_name(to, event.map(Event::as_bytes));
                to.put(b", \"stale\": ");
                to.put(if state.is_stale { b"true" } else { b"false" });
                to.put(b", \"reset\": [");
                let mut separator: &[u8] = b"";
                for entry in state.wishes(self.blob) {
                    to.put(separator);
                    put_name(to, Some(entry.path.as_str().as_bytes()));
                    separator = b", ";
                }
                to.put(b"], \"reset-orphans\": ");
                to.put(if state.wish.is_for_orphans() { b"true" } else { b"false" });
                to.put(b", \"conflicts\": [");
                if let Some(file) = &conflicts {
                    put_conflicts(file, to);
                }
                to.put(b"]}");
            });
            separator = b",";
        }
        print(process, |to| to.put(b"],\n\"orphans\": ["));
        separator = b"";
        self.each_orphan(&mut |store, path| {
            print(process, |to| {
                to.put(separator);
                to.put(b"{\"store\": ");
                put_name(to, Some(store));
                to.put(b", \"path\": ");
                put_string(to, |to| {
                    to.put(b"/");
                    put_printable(to, path);
                });
                to.put(b"}");
            });
            separator = b",";
        })?;
        print(process, |to| to.put(b"],\n\"boots\": ["));
        separator = b"";
        self.each_boot(u64::MAX, &mut |boot| {
            print(process, |to| {
                to.put(separator);
                to.put(b"{\"boot\": ");
                put_number(to, boot.number);
                to.put(b", \"slot\": ");
                put_name(to, Some(boot.slot));
                to.put(b", \"state\": ");
                put_number(to, boot.state);
                to.put(b", \"event\": ");
                put_name(to, Some(boot.event));
                to.put(b", \"previous-slot\": ");
                put_name(to, boot.previous);
                to.put(b", \"image-id\": ");
                put_string(to, |to| put_printable(to, boot.image_id));
                to.put(b"}");
            });
            separator = b",";
        })?;
        print(process, |to| to.put(b"]\n}"));
        Ok(())
    }
}

/// What the report says, in a few lines.
fn print_report(report: &[u8], process: &mut dyn Process) {
    let text = |key| member(report, key).unwrap_or(b"unknown");
    print(process, |to| {
        for (before, value) in [
            (&b"slot "[..], text(b"\n  \"slot\": ")),
            (b", image ", text(b"\n  \"image-id\": ")),
            (b": ", text(b"\n  \"event\": ")),
            (b", boot ", text(b"\n  \"boot\": ")),
        ] {
            to.put(before);
            put_unescaped(to, value);
        }
        if let Some(slot) =
            member(report, b"\"previous\": {\"boot\": ").and_then(|_| member(report, b", \"slot\": "))
        {
            to.put(b" (before: slot ");
            put_unescaped(to, slot);
            to.put(b", image ");
            put_unescaped(to, member(report, b", \"image-id\": ").unwrap_or_default());
            to.put(b")");
        }
    });
    if let Some(reason) = member(report, b"\n  \"reason\": ") {
        print(process, |to| {
            to.put(b"refused: ");
            put_unescaped(to, reason);
        });
    }
    let mut entries = 0_u64;
    let mut told = 0_u64;
    for line in report.split(|&byte| byte == b'\n') {
        let Some(path) = member(line, b"    {\"path\": ") else { continue };
        entries = entries.saturating_add(1);
        let Some(reason) = member(line, b", \"reason\": ") else { continue };
        told = told.saturating_add(1);
        print(process, |to| {
            to.put(b"  ");
            put_unescaped(to, path);
            to.put(b": ");
            put_unescaped(to, member(line, b", \"outcome\": ").unwrap_or_default());
            to.put(b": ");
            put_unescaped(to, reason);
        });
    }
    print(process, |to| {
        put_number(to, entries);
        to.put(b" entries, ");
        put_number(to, told);
        to.put(b" of them not as planned");
    });
}
