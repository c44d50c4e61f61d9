//! What a slot's `transition` says: lines of text, written together with the state that they are about.
//!
//! The first has the number of the boot that made the state, what it did, and for a takeover the slot and the image that the state
//! comes from. Each one behind it is a conflict.

use rustix::fd::OwnedFd;
use rustix::fs::Mode;
use state_schema::sys_data::TRANSITION_FILE;

use crate::failure::Failure;
use crate::json;
use crate::lineage;
use crate::number::hexadecimal;
use crate::output::Output;
use crate::show::{Show as _, Sink, put_printable};
use crate::step::Step;
use crate::text::Text;
use crate::transition::Event;

const NAME: &[u8] = TRANSITION_FILE.as_bytes();

/// Parts the fields. Names hold none as they are written, since control characters are escaped.
const SEPARATOR: u8 = b'\t';

/// What a takeover could not decide, or had to decide against somebody.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Conflict {
    /// User and image changed it differently: it stays the user's.
    BothChanged,
    /// User and image added it differently: it stays the user's.
    BothAdded,
    /// The user removed what the image changed, or where it adds something: it stays removed.
    UserRemoved,
    /// The image removed what the user changed: it stays the user's.
    ImageRemoved,
    /// The new image cannot use the state, which is of another kind or was an overlay's: it is seeded afresh.
    Unusable,
    /// No path of the image shows this state any more: it stays where it is.
    Orphaned,
}

impl Conflict {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::BothChanged => "both-changed",
            Self::BothAdded => "both-added",
            Self::UserRemoved => "user-removed",
            Self::ImageRemoved => "image-removed",
            Self::Unusable => "unusable",
            Self::Orphaned => "orphaned",
        }
    }
}

/// Where conflicts are told.
pub(crate) trait Witness {
    /// Takes one: where it is, and the name in `replaced/` of what was left aside, if anything was.
    fn conflict(&mut self, conflict: Conflict, path: &[u8], kept: Option<&Text>);
}

/// The file while it is written.
pub(crate) struct Chronicle {
    output: Output,
}

impl Chronicle {
    /// Begins the file in a slot's directory with its first line.
    #[inline(never)]
    pub(crate) fn create(
        dir: &OwnedFd,
        state: u64,
        event: Event,
        from: Option<(&[u8], &[u8])>,
    ) -> Result<Self, Failure> {
        let step = Step::new("write the slot's", NAME);
        let mut output = Output::new(Ok(step.create(dir, NAME, Mode::from_raw_mode(0o600))?));
        output.put(&hexadecimal(state));
        let (slot, image_id) = from.unwrap_or((b"-", b"-"));
        for part in [event.as_bytes(), slot, image_id] {
            output.put(&[SEPARATOR]);
            put_printable(&mut output, part);
        }
        output.put(b"\n");
        Ok(Self { output })
    }

    pub(crate) fn finish(mut self) -> Result<(), Failure> {
        self.output.flush().map_err(|errno| Step::new("write the slot's", NAME).failed("write", errno))
    }
}

impl Witness for Chronicle {
    #[inline(never)]
    fn conflict(&mut self, conflict: Conflict, path: &[u8], kept: Option<&Text>) {
        let output = &mut self.output;
        output.put(conflict.as_str().as_bytes());
        output.put(&[SEPARATOR]);
        put_printable(output, path);
        output.put(&[SEPARATOR]);
        if let Some(kept) = kept {
            kept.show(output);
        }
        output.put(b"\n");
    }
}

/// What made the state in a slot's directory, if it says so.
#[inline(never)]
pub(crate) fn event_of(dir: &OwnedFd) -> Result<Option<Event>, Failure> {
    let mut line = [0; 64];
    let Some(file) = lineage::open(dir)? else { return Ok(None) };
    let len = Step::new("read the slot's", NAME).read_up_to(&file, &mut line)?;
    let mut fields = line.get(..len).unwrap_or_default().split(|&byte| byte == SEPARATOR);
    Ok(fields.nth(1).and_then(Event::of))
}

/// Puts the conflicts in `file` as the elements of a JSON array, and returns how many there are.
#[inline(never)]
pub(crate) fn put_conflicts(file: &OwnedFd, to: &mut dyn Sink) -> u64 {
    let mut conflicts = 0_u64;
    each_conflict(file, &mut |conflict, path, kept| {
        to.put(if conflicts > 0 { b",\n    " } else { b"\n    " });
        conflicts = conflicts.saturating_add(1);
        for (key, value) in
            [(&b"{\"conflict\": "[..], conflict), (b", \"path\": ", path), (b", \"kept\": ", kept)]
        {
            if !value.is_empty() {
                to.put(key);
                json::put_string(to, |to| put_printable(to, value));
            }
        }
        to.put(b"}");
    });
    if conflicts > 0 {
        to.put(b"\n  ");
    }
    conflicts
}

/// Takes a conflict: its word, its path, and the name in `replaced/`, which may be empty.
pub(crate) type Take<'t> = dyn FnMut(&[u8], &[u8], &[u8]) + 't;

/// Hands the fields of each conflict to `take`.
///
/// A line is longer than a buffer only where a path is. What of it does not fit is left out.
pub(crate) fn each_conflict(file: &OwnedFd, take: &mut Take<'_>) {
    let step = Step::new("read the slot's", NAME);
    let mut line = [0_u8; 8192];
    let mut len = 0_usize;
    let mut is_first = true;
    let mut chunk = [0; 512];
    // What cannot be read any more cannot be told.
    while let Ok(read @ 1..) = step.read_up_to(file, &mut chunk) {
        for &byte in chunk.get(..read).unwrap_or_default() {
            if byte != b'\n' {
                if let Some(place) = line.get_mut(len) {
                    // We write none but printable characters, and nobody else's reach a terminal.
                    *place = if byte < b' ' && byte != SEPARATOR { b'?' } else { byte };
                    len = len.saturating_add(1);
                }
                continue;
            }
            if !core::mem::take(&mut is_first) {
                let mut fields = line.get(..len).unwrap_or_default().split(|&byte| byte == SEPARATOR);
                let mut field = || fields.next().unwrap_or_default();
                take(field(), field(), field());
            }
            len = 0;
        }
    }
}
