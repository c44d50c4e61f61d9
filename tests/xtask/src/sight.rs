//! What was seen at a path, what should have been, and how to say it.

use std::io;

use nix::errno::Errno;

/// A moment of the demonstration: a column of its table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    /// The image is mounted read-only, and nothing else was done.
    Bare,
    /// Slot A, booted for the first time.
    FirstBoot,
    /// Slot A, booted again.
    Reboot,
    /// Slot B, booted for the first time.
    OtherSlot,
    /// Slot A, after slot B.
    Return,
}

impl Moment {
    pub(crate) const ALL: [Self; 5] =
        [Self::Bare, Self::FirstBoot, Self::Reboot, Self::OtherSlot, Self::Return];

    /// Both lines of the column's heading.
    pub(crate) fn heading(self) -> [&'static str; 2] {
        match self {
            Self::Bare => ["without", "stated"],
            Self::FirstBoot => ["slot A", "first boot"],
            Self::Reboot => ["slot A", "rebooted"],
            Self::OtherSlot => ["slot B", "first boot"],
            Self::Return => ["slot A", "again"],
        }
    }
}

/// What a path's declaration promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Promise {
    /// Nobody declared it.
    ReadOnly,
    /// Writable until the next boot.
    Ephemeral,
    /// Writable, each slot for itself, and taken over from the slot before.
    Slot,
    /// Writable, each slot for itself from the beginning.
    Reset,
    /// Writable, one for all slots.
    Common,
}

impl Promise {
    pub(crate) const ALL: [Self; 5] =
        [Self::Slot, Self::Reset, Self::Common, Self::Ephemeral, Self::ReadOnly];

    pub(crate) fn heading(self) -> &'static str {
        match self {
            Self::ReadOnly => "Not declared: stays as the image has it",
            Self::Ephemeral => "Ephemeral: writable until the next boot",
            Self::Slot => "Persistent: kept, each slot for itself; an update takes it over",
            Self::Reset => "Persistent, reset: kept, but an update begins afresh",
            Self::Common => "Persistent, common: kept, one for both slots",
        }
    }

    /// What must be seen at `moment` if the promise holds.
    pub(crate) fn expects(self, moment: Moment) -> Sight {
        use Moment::{Bare, FirstBoot, OtherSlot, Reboot, Return};
        match (self, moment) {
            (_, Bare) | (Self::ReadOnly, FirstBoot) => Sight::ReadOnly,
            (_, FirstBoot) => Sight::Written,
            (Self::ReadOnly | Self::Ephemeral, _) | (Self::Reset, OtherSlot) => Sight::Nothing,
            (Self::Slot | Self::Common, Reboot | OtherSlot)
            | (Self::Reset, Reboot)
            | (Self::Slot | Self::Reset, Return) => Sight::NoteOfA,
            (Self::Common, Return) => Sight::NoteOfB,
        }
    }
}

/// What a probe of a path saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Sight {
    /// A write was refused: the file system is read-only.
    ReadOnly,
    /// A write was refused for another reason.
    Refused(String),
    /// A write succeeded.
    Written,
    /// No note was there.
    Nothing,
    /// The note was there that was written while slot A ran.
    NoteOfA,
    /// The note was there that was written while slot B ran.
    NoteOfB,
    /// Something else was there.
    Other(String),
}

/// The notes that are written.
pub(crate) const NOTE_OF_A: &str = "written in slot A\n";
pub(crate) const NOTE_OF_B: &str = "written in slot B\n";

impl Sight {
    pub(crate) fn of_write(result: io::Result<()>) -> Self {
        match result {
            Ok(()) => Self::Written,
            Err(error) if error.raw_os_error() == Some(Errno::EROFS as i32) => Self::ReadOnly,
            Err(error) => Self::Refused(error.to_string()),
        }
    }

    /// `text` is what was read at the note's place.
    pub(crate) fn of_read(result: io::Result<Option<String>>) -> Self {
        match result {
            Ok(None) => Self::Nothing,
            Ok(Some(text)) if text == NOTE_OF_A => Self::NoteOfA,
            Ok(Some(text)) if text == NOTE_OF_B => Self::NoteOfB,
            Ok(Some(text)) => Self::Other(text),
            Err(error) => Self::Refused(error.to_string()),
        }
    }

    /// One or two words, seen at `moment`.
    pub(crate) fn word(&self, moment: Moment) -> &str {
        match (self, moment) {
            (Self::ReadOnly, _) => "read-only",
            (Self::Refused(_), _) => "refused",
            (Self::Written, _) => "written",
            (Self::Nothing, Moment::OtherSlot) => "not seen",
            (Self::NoteOfA, Moment::OtherSlot) => "A's seen",
            (Self::Nothing, _) => "gone",
            (Self::NoteOfA, _) => "kept",
            (Self::NoteOfB, _) => "B's seen",
            (Self::Other(_), _) => "changed",
        }
    }

    /// The whole, for when it contradicts a promise.
    pub(crate) fn sentence(&self) -> String {
        match self {
            Self::ReadOnly => "a write was refused: read-only file system".to_owned(),
            Self::Refused(error) => format!("it failed: {error}"),
            Self::Written => "a write succeeded".to_owned(),
            Self::Nothing => "nothing of what had been written was there".to_owned(),
            Self::NoteOfA => "there was what slot A had written".to_owned(),
            Self::NoteOfB => "there was what slot B had written".to_owned(),
            Self::Other(text) => format!("there was something else: {text:?}"),
        }
    }
}
