//! What the running system can read about the boot: a file, a line in the kernel log, and standard error.

use core::ffi::CStr;
use core::mem::ManuallyDrop;

use rustix::fd::OwnedFd;
use rustix::fs::{AtFlags, Mode, OFlags, openat, renameat, statat};
use state_schema::{Blob, Entry, Lifetime, SlotName};

use crate::boots::Record;
#[cfg(feature = "system")]
use crate::chronicle::put_conflicts;
use crate::displaced::Repairs;
use crate::exit::Exit;
use crate::failure::{Account, Failure};
use crate::file::{make_directory, open_directory};
use crate::json::{put_name, put_string};
use crate::kernel_log::{self, NOTICE, WARNING};
use crate::mount::{Applied, Outcome};
use crate::output::Output;
use crate::refusal::Refusal;
use crate::run::{Process, say};
use crate::show::{Show, Sink, put_number};
use crate::step::Step;
use crate::transition::{Entered, Event, Told};

const NAME: &CStr = c"report.json";
const UNFINISHED: &CStr = c"report.json.tmp";

/// Its presence in the run directory says that this boot has its record in the log.
const LOGGED: &CStr = c"logged";

/// Lines about single entries in the kernel log, which is not ours alone. The report has all.
const MAX_LOGGED: u64 = 32;

/// The directory of this boot's report and shared tmpfs.
pub(crate) struct RunDir {
    fd: ManuallyDrop<OwnedFd>,
}

impl RunDir {
    pub(crate) fn open(path: &[u8]) -> Result<Self, Failure> {
        let step = Step::new("open the run directory", path);
        make_directory(&step, path)?;
        let fd = open_directory(path).map_err(|errno| step.failed("open", errno))?;
        Ok(Self { fd: ManuallyDrop::new(fd) })
    }

    pub(crate) fn as_fd(&self) -> &OwnedFd {
        &self.fd
    }

    /// Whether this boot has its record in the log.
    pub(crate) fn told(&self) -> Told {
        if statat(self.as_fd(), LOGGED, AtFlags::SYMLINK_NOFOLLOW).is_ok() { Told::Yes } else { Told::No }
    }

    /// Notes that this boot has its record in the log.
    pub(crate) fn set_told(&self) -> Result<(), Failure> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let made = openat(self.as_fd(), LOGGED, flags, Mode::from_raw_mode(0o644));
        made.map(drop).map_err(|errno| {
            Step::new("note the record of this boot", LOGGED.to_bytes()).failed("openat", errno)
        })
    }
}

/// The report while it is being written. It is streamed, since it grows with the plan, and gets its name when
/// it is complete.
pub(crate) struct Report<'r> {
    run: &'r RunDir,
    console: &'r mut dyn Process,
    json: Output,
    image_id: &'r str,
    slot: Option<SlotName<'r>>,
    event: Option<Event>,
    /// Number of this boot, and the boot before, where there is a log.
    boot: Option<(u64, Option<Record>)>,
    begun: bool,
    entries: u64,
    mounted: u64,
    degraded: u64,
    skipped: u64,
    left_out: u64,
    /// Lines in the kernel log.
    logged: u64,
    /// Something is not as planned that is no entry's.
    is_degraded: bool,
    /// Why this boot is not in the log, if that is so.
    not_logged: Option<Account>,
}

impl<'r> Report<'r> {
    /// Begins the report. A report that cannot be written is no reason not to boot: it is said at the end.
    pub(crate) fn create(run: &'r RunDir, blob: &Blob<'r>, console: &'r mut dyn Process) -> Self {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = openat(run.as_fd(), UNFINISHED, flags, Mode::from_raw_mode(0o644));
        let image_id = blob.image().id;
        let json = Output::new(file);
        let mut report = Self {
            run,
            console,
            json,
            image_id,
            slot: None,
            event: None,
            boot: None,
            begun: false,
            entries: 0,
            mounted: 0,
            degraded: 0,
            skipped: 0,
            left_out: 0,
            logged: 0,
            is_degraded: false,
            not_logged: None,
        };
        report.json.put(b"{\n  \"version\": 1,\n  \"image-id\": ");
        put_name(&mut report.json, Some(image_id.as_bytes()));
        report
    }

    pub(crate) fn slot(&mut self, slot: SlotName<'r>) {
        self.slot = Some(slot);
    }

    /// Takes with which state the slot goes on, or why there is none.
    pub(crate) fn entered(&mut self, entered: Result<&Entered, &Account>) {
        let account = match entered {
            Ok(entered) => {
                self.event = Some(entered.event);
                self.boot = Some((entered.number, entered.previous));
                self.begin_entries(entered.conflicts.as_ref());
                return;
            }
            Err(account) => account,
        };
        self.event = Some(Event::Degraded);
        self.is_degraded = true;
        self.tell(&|line| {
            account.show(line);
            line.put(b"; what should persist is ephemeral");
        });
    }

    /// Whoever is told.
    #[cfg(not(feature = "system"))]
    pub(crate) fn process(&mut self) -> &mut dyn Process {
        self.console
    }

    /// Takes that the log could not be written. The next boot then knows nothing of this one.
    pub(crate) fn not_logged(&mut self, failure: Failure) {
        let account = failure.account();
        self.is_degraded = true;
        self.tell(&|line| account.show(line));
        self.not_logged = Some(account);
    }

    /// Takes what became of one entry.
    pub(crate) fn entry(&mut self, entry: &Entry<'_>, applied: Applied) {
        let (outcome, reason, count) = match applied.outcome {
            Outcome::Mounted => ("mounted", None, &mut self.mounted),
            Outcome::AlreadyMounted => ("already-mounted", None, &mut self.mounted),
            Outcome::Linked => ("linked", None, &mut self.mounted),
            Outcome::Degraded(account) => ("degraded", Some(account), &mut self.degraded),
            Outcome::Skipped(account) => ("skipped", Some(account), &mut self.skipped),
        };
        *count = count.saturating_add(1);
        if let Some(account) = &reason {
            self.tell(&|line| {
                line.put(entry.path.as_str().as_bytes());
                line.put(b": ");
                line.put(outcome.as_bytes());
                line.put(b": ");
                account.show(line);
            });
        }
        let lifetime = match entry.lifetime {
            Lifetime::Ephemeral { .. } => "ephemeral",
            Lifetime::Persistent(_) => "persistent",
        };
        self.begin_entries(None);
        self.json.put(if self.entries > 0 { b",\n    {\"path\": " } else { b"\n    {\"path\": " });
        self.entries = self.entries.saturating_add(1);
        put_name(&mut self.json, Some(entry.path.as_str().as_bytes()));
        // None of these needs an escape.
        self.json.put(b", \"outcome\": \"");
        self.json.put(outcome.as_bytes());
        self.json.put(b"\", \"seeded\": ");
        self.json.put(if applied.seeded { b"true" } else { b"false" });
        self.json.put(b", \"lifetime\": \"");
        self.json.put(lifetime.as_bytes());
        self.json.put(b"\"");
        if let Some(account) = reason {
            self.json.put(b", \"reason\": ");
            put_string(&mut self.json, |to| account.show(to));
            account.give_back();
        }
        let Repairs { state, way } = &applied.repairs;
        let mut before = ", \"repaired\": [";
        let mut after = "}";
        for displaced in [state, way].into_iter().flatten() {
            self.tell(&|line| {
                for part in [entry.path.as_str(), ": repaired: "] {
                    line.put(part.as_bytes());
                }
                displaced.show(line);
            });
            self.json.put(before.as_bytes());
            put_string(&mut self.json, |to| displaced.show(to));
            (before, after) = (", ", "]}");
        }
        self.json.put(after.as_bytes());
    }

    /// Takes how many sockets of the image no seed has.
    pub(crate) fn left_out(&mut self, sockets: u64) {
        self.left_out = sockets;
        if sockets > 0 {
            say(self.console, |line| {
                line.put(b"sockets of the image, left out of its state: ");
                put_number(line, sockets);
            });
        }
    }

    /// Ends the report, and tells the kernel log.
    pub(crate) fn finish(mut self, applied: Result<(), Refusal>) -> Result<Exit, Refusal> {
        let applied = applied.map(|()| {
            let degraded = self.degraded > 0 || self.skipped > 0 || self.is_degraded;
            if degraded { Exit::Degraded } else { Exit::Applied }
        });
        let status = applied.as_ref().map_or(Exit::Refused, |exit| *exit).status();
        self.begin_entries(None);
        self.json.put(if self.entries > 0 { b"\n  ]" } else { b"]" });
        self.json.put(b",\n  \"left-out\": ");
        put_number(&mut self.json, self.left_out);
        if let Some(account) = &self.not_logged {
            self.json.put(b",\n  \"not-logged\": ");
            put_string(&mut self.json, |to| account.show(to));
        }
        self.json.put(b",\n  \"status\": ");
        put_number(&mut self.json, status.into());
        if let Err(refusal) = &applied {
            self.json.put(b",\n  \"reason\": ");
            put_string(&mut self.json, |to| refusal.show(to));
        }
        self.json.put(b"\n}\n");
        if let Err(failure) = self.commit() {
            say(self.console, |line| failure.account().show(line));
        }
        self.sum_up(status);
        applied
    }

    /// Writes what comes before the entries, once it is known, with the conflicts of a transition.
    fn begin_entries(&mut self, conflicts: Option<&OwnedFd>) {
        if self.begun {
            return;
        }
        self.begun = true;
        let json = &mut self.json;
        json.put(b",\n  \"slot\": ");
        put_name(json, self.slot.map(|slot| slot.as_str().as_bytes()));
        json.put(b",\n  \"event\": ");
        put_name(json, self.event.map(Event::as_bytes));
        if let Some((number, previous)) = &self.boot {
            json.put(b",\n  \"boot\": ");
            put_number(json, *number);
            if let Some(previous) = previous.as_ref().and_then(Record::boot) {
                json.put(b",\n  \"previous\": {\"boot\": ");
                put_number(json, previous.number);
                json.put(b", \"slot\": ");
                put_name(json, Some(previous.slot));
                json.put(b", \"image-id\": ");
                put_name(json, Some(previous.image_id));
                json.put(b"}");
            }
        }
        #[cfg(feature = "system")]
        if let Some(file) = conflicts {
            self.json.put(b",\n  \"conflicts\": [");
            let conflicts = put_conflicts(file, &mut self.json);
            self.json.put(b"]");
            if conflicts > 0 {
                self.tell(&|line| {
                    put_number(line, conflicts);
                    line.put(b" conflicts between the new image and the state; the report has them all");
                });
            }
        }
        #[cfg(not(feature = "system"))]
        let _ = conflicts;
        self.json.put(b",\n  \"entries\": [");
    }

    fn commit(&mut self) -> Result<(), Failure> {
        let step = Step::new("write the report", NAME.to_bytes());
        self.json.flush().map_err(|errno| step.failed("write", errno))?;
        let run = self.run.as_fd();
        renameat(run, UNFINISHED, run, NAME).map_err(|errno| step.failed("renameat", errno))
    }

    /// One line about something that is not as it should be.
    fn tell(&mut self, message: &dyn Fn(&mut dyn Sink)) {
        say(self.console, message);
        if self.logged < MAX_LOGGED {
            self.logged = self.logged.saturating_add(1);
            kernel_log::log(WARNING, message);
        }
    }

    /// How it went as a whole, in one line.
    fn sum_up(&self, status: u8) {
        let slot = self.slot.map_or("unknown", SlotName::as_str);
        let event = self.event.map_or(&b"refused"[..], Event::as_bytes);
        kernel_log::log(NOTICE, &|line| {
            line.put(b"slot ");
            line.put(slot.as_bytes());
            line.put(b", ");
            line.put(event);
            line.put(b": ");
            put_number(line, self.mounted);
            line.put(b" applied, ");
            put_number(line, self.degraded);
            line.put(b" degraded, ");
            put_number(line, self.skipped);
            line.put(b" skipped; status ");
            put_number(line, status.into());
            line.put(b"; image ");
            line.put(self.image_id.as_bytes());
        });
    }
}
