//! Why nothing usable was applied.

use core::fmt;

use crate::blob::BlobError;
use crate::failure::Failure;
use crate::slot::SlotError;
use crate::text::{Note, Verbatim};
use crate::transition::TransitionError;

/// Why nothing usable was applied: one line each, which says what is to be done where that can be said.
pub(crate) enum Refusal {
    /// A step that everything hangs on.
    Step(Failure),
    /// This is no blob.
    Blob { path: Note, error: BlobError },
    /// The slot is not known.
    Slot(SlotError),
    /// sys-data cannot be used, and the image does not run without.
    SysData(Failure),
    /// There is no state to go on with.
    Transition(TransitionError),
    /// An entry failed that must not.
    Entry { path: Note, failure: Failure },
    /// An entry failed, and so did making it ephemeral instead.
    EntryTwice { path: Note, failure: Failure, second: Failure },
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        Self::Step(failure)
    }
}

impl From<SlotError> for Refusal {
    fn from(error: SlotError) -> Self {
        Self::Slot(error)
    }
}

impl From<TransitionError> for Refusal {
    fn from(error: TransitionError) -> Self {
        Self::Transition(error)
    }
}

/// What to do about state that another image wrote.
const OTHER_IMAGE: Verbatim<'static> = Verbatim(
    "moving state between images is not supported by this version: boot the other slot, or remove the slot's state",
);

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Step(failure) => failure.fmt(f),
            Self::Blob { path, error } => write!(f, "cannot use the blob {path}: {error}"),
            Self::Slot(error) => error.fmt(f),
            Self::SysData(failure) | Self::Transition(TransitionError::Unusable(failure)) => {
                write!(f, "{failure}; the image does not run without sys-data")
            }
            Self::Transition(TransitionError::UnknownLayout(failure)) => {
                write!(f, "{failure}; boot the image that wrote it, or set sys-data up anew")
            }
            Self::Transition(TransitionError::OtherImage { slot, written_by, boots }) => write!(
                f,
                "the state in slot {slot} was written by image {written_by}, but image {boots} boots; {OTHER_IMAGE}"
            ),
            Self::Transition(TransitionError::UnknownImage { slot, error }) => {
                write!(f, "cannot tell which image wrote the state in slot {slot}: {error}; {OTHER_IMAGE}")
            }
            Self::Entry { path, failure } => write!(f, "{path}: {failure}"),
            Self::EntryTwice { path, failure, second } => {
                write!(f, "{path}: {failure}; and to make it ephemeral: {second}")
            }
        }
    }
}
