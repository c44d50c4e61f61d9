//! What the running system can read about the boot: a file, a line in the kernel log, and standard error.

use core::ffi::CStr;
use core::mem::ManuallyDrop;

use rustix::fd::OwnedFd;
use rustix::fs::{Mode, OFlags, mkdir, openat, renameat};
use rustix::io::Errno;
use state_schema::{Blob, Entry, Lifetime, SlotName};

use crate::displaced::Repairs;
use crate::exit::Exit;
use crate::failure::{Account, Failure};
use crate::file::{open_directory, write_all};
use crate::kernel_log::{self, NOTICE, WARNING};
use crate::mount::{Applied, Outcome};
use crate::path::Room;
use crate::refusal::Refusal;
use crate::run::{Console, say};
use crate::show::{Show, Sink, put_escape, put_number};
use crate::step::Step;
use crate::text::Text;
use crate::transition::Event;

const NAME: &CStr = c"report.json";
const UNFINISHED: &CStr = c"report.json.tmp";

/// Lines about single entries in the kernel log, which is not ours alone. The report has all.
const MAX_LOGGED: u64 = 32;

/// The directory of this boot's report and shared tmpfs.
pub(crate) struct RunDir {
    fd: ManuallyDrop<OwnedFd>,
}

impl RunDir {
    pub(crate) fn open(path: &[u8]) -> Result<Self, Failure> {
        let step = Step::new("open the run directory", path);
        match mkdir(Room::new().terminated(path), Mode::from_raw_mode(0o755)) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(errno) => return Err(step.failed("mkdir", errno)),
        }
        let fd = open_directory(path).map_err(|errno| step.failed("open", errno))?;
        Ok(Self { fd: ManuallyDrop::new(fd) })
    }

    pub(crate) fn as_fd(&self) -> &OwnedFd {
        &self.fd
    }
}

/// The report while it is being written. It is streamed, since it grows with the plan, and gets its name when
/// it is complete.
pub(crate) struct Report<'r> {
    run: &'r RunDir,
    console: &'r mut dyn Console,
    json: Json,
    image_id: &'r str,
    slot: Option<SlotName<'r>>,
    event: Option<Event>,
    begun: bool,
    entries: u64,
    mounted: u64,
    degraded: u64,
    skipped: u64,
    left_out: u64,
    /// Lines in the kernel log.
    logged: u64,
}

impl<'r> Report<'r> {
    /// Begins the report. A report that cannot be written is no reason not to boot: it is said at the end.
    pub(crate) fn create(run: &'r RunDir, blob: &Blob<'r>, console: &'r mut dyn Console) -> Self {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = openat(run.as_fd(), UNFINISHED, flags, Mode::from_raw_mode(0o644));
        let image_id = blob.image().id;
        let json = Json::new(file);
        let mut report = Self {
            run,
            console,
            json,
            image_id,
            slot: None,
            event: None,
            begun: false,
            entries: 0,
            mounted: 0,
            degraded: 0,
            skipped: 0,
            left_out: 0,
            logged: 0,
        };
        report.json.raw("{\n  \"version\": 1,\n  \"image-id\": ");
        report.json.string(&|to| to.put(image_id.as_bytes()));
        report
    }

    pub(crate) fn slot(&mut self, slot: SlotName<'r>) {
        self.slot = Some(slot);
    }

    /// Says with which state the slot goes on, and, where it is lost, why.
    pub(crate) fn event(&mut self, event: Event, lost: Option<&Account>) {
        self.event = Some(event);
        if let Some(account) = lost {
            self.tell(&|line| {
                account.show(line);
                line.put(b"; what should persist is ephemeral");
            });
        }
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
        self.begin_entries();
        self.json.raw(if self.entries > 0 { ",\n    {\"path\": " } else { "\n    {\"path\": " });
        self.entries = self.entries.saturating_add(1);
        self.json.string(&|to| to.put(entry.path.as_str().as_bytes()));
        // None of these needs an escape.
        self.json.raw(", \"outcome\": \"");
        self.json.raw(outcome);
        self.json.raw("\", \"seeded\": ");
        self.json.raw(if applied.seeded { "true" } else { "false" });
        self.json.raw(", \"lifetime\": \"");
        self.json.raw(lifetime);
        self.json.raw("\"");
        if let Some(account) = reason {
            self.json.raw(", \"reason\": ");
            self.json.string(&|to| account.show(to));
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
            self.json.raw(before);
            self.json.string(&|to| displaced.show(to));
            (before, after) = (", ", "]}");
        }
        self.json.raw(after);
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
            let degraded = self.degraded > 0 || self.skipped > 0 || self.event == Some(Event::Degraded);
            if degraded { Exit::Degraded } else { Exit::Applied }
        });
        let status = applied.as_ref().map_or(Exit::Refused, |exit| *exit).status();
        self.begin_entries();
        self.json.raw(if self.entries > 0 { "\n  ]" } else { "]" });
        self.json.raw(",\n  \"left-out\": ");
        put_number(&mut self.json, self.left_out);
        self.json.raw(",\n  \"status\": ");
        put_number(&mut self.json, status.into());
        if let Err(refusal) = &applied {
            self.json.raw(",\n  \"reason\": ");
            self.json.string(&|to| refusal.show(to));
        }
        self.json.raw("\n}\n");
        if let Err(failure) = self.commit() {
            say(self.console, |line| failure.account().show(line));
        }
        self.sum_up(status);
        applied
    }

    /// Writes what comes before the entries, once it is known.
    fn begin_entries(&mut self) {
        if self.begun {
            return;
        }
        self.begun = true;
        self.json.raw(",\n  \"slot\": ");
        self.json.name(self.slot.map(SlotName::as_str));
        self.json.raw(",\n  \"event\": ");
        self.json.name(self.event.map(Event::as_str));
        self.json.raw(",\n  \"entries\": [");
    }

    fn commit(&mut self) -> Result<(), Failure> {
        self.json.flush();
        let step = Step::new("write the report", NAME.to_bytes());
        if let Some(errno) = self.json.errno {
            return Err(step.failed("write", errno));
        }
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
        let event = self.event.map_or("refused", Event::as_str);
        kernel_log::log(NOTICE, &|line| {
            line.put(b"slot ");
            line.put(slot.as_bytes());
            line.put(b", ");
            line.put(event.as_bytes());
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

/// JSON on its way to a file, through a buffer. The first error is kept, and ends the writing.
struct Json {
    file: Option<OwnedFd>,
    errno: Option<Errno>,
    text: Text,
}

impl Json {
    fn new(file: Result<OwnedFd, Errno>) -> Self {
        let (file, errno) = match file {
            Ok(file) => (Some(file), None),
            Err(errno) => (None, Some(errno)),
        };
        Self { file, errno, text: Text::new() }
    }

    #[inline(never)]
    fn raw(&mut self, text: &str) {
        self.put(text.as_bytes());
    }

    /// What `text` puts, in quotes and with escapes where JSON wants them.
    #[inline(never)]
    fn string(&mut self, text: &dyn Fn(&mut dyn Sink)) {
        self.raw("\"");
        text(&mut Escaped(self));
        self.raw("\"");
    }

    /// A name that needs no escapes.
    fn name(&mut self, name: Option<&str>) {
        let quote = if name.is_some() { "\"" } else { "" };
        self.raw(quote);
        self.raw(name.unwrap_or("null"));
        self.raw(quote);
    }

    fn flush(&mut self) {
        if let (Some(file), None) = (&self.file, self.errno) {
            self.errno = write_all(file, self.text.bytes()).err();
        }
        self.text.clear();
    }
}

impl Sink for Json {
    #[inline(never)]
    fn put(&mut self, text: &[u8]) {
        let mut rest = self.text.fill(text);
        while !rest.is_empty() {
            self.flush();
            rest = self.text.fill(rest);
        }
    }
}

struct Escaped<'j>(&'j mut Json);

impl Sink for Escaped<'_> {
    fn put(&mut self, text: &[u8]) {
        for &byte in text {
            match byte {
                b'"' | b'\\' => self.0.put(&[b'\\', byte]),
                0..b' ' | 0x7f => put_escape(self.0, b"\\u00", byte),
                _ => self.0.put(&[byte]),
            }
        }
    }
}
