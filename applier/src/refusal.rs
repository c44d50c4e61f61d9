//! Why nothing usable was applied.

use crate::blob::BlobError;
use crate::failure::{Account, Failure};
use crate::show::{Show, Sink};
use crate::slot::SlotError;
use crate::text::Note;
use crate::transition::TransitionError;

/// Why nothing usable was applied: one line each, which says what is to be done where that can be said.
pub(crate) enum Refusal {
    /// A step that everything hangs on.
    Step(Account),
    /// This is no blob.
    Blob { path: Note, error: BlobError },
    /// The slot is not known.
    Slot(SlotError),
    /// sys-data cannot be used, and the image does not run without.
    SysData(Account),
    /// There is no state to go on with.
    Transition(TransitionError),
    /// An entry failed that must not.
    Entry { path: Note, account: Account },
    /// An entry failed, and so did making it ephemeral instead.
    EntryTwice { path: Note, account: Account, second: Account },
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        Self::Step(failure.account())
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
const OTHER_IMAGE: &[u8] = b"; moving state between images is not supported by this version: boot the other \
    slot, or remove the slot's state";

impl Show for Refusal {
    fn show(&self, to: &mut dyn Sink) {
        match self {
            Self::Step(account) => account.show(to),
            Self::Blob { path, error } => {
                to.put(b"cannot use the blob ");
                path.show(to);
                to.put(b": ");
                error.show(to);
            }
            Self::Slot(error) => error.show(to),
            Self::SysData(account) | Self::Transition(TransitionError::Unusable(account)) => {
                account.show(to);
                to.put(b"; the image does not run without sys-data");
            }
            Self::Transition(TransitionError::UnknownLayout(account)) => {
                account.show(to);
                to.put(b"; boot the image that wrote it, or set sys-data up anew");
            }
            Self::Transition(TransitionError::OtherImage { slot, written_by, boots }) => {
                to.put(b"the state in slot ");
                slot.show(to);
                to.put(b" was written by image ");
                written_by.show(to);
                to.put(b", but image ");
                boots.show(to);
                to.put(b" boots");
                to.put(OTHER_IMAGE);
            }
            Self::Transition(TransitionError::UnknownImage { slot, error }) => {
                to.put(b"cannot tell which image wrote the state in slot ");
                slot.show(to);
                to.put(b": ");
                error.show(to);
                to.put(OTHER_IMAGE);
            }
            Self::Entry { path, account } => {
                path.show(to);
                to.put(b": ");
                account.show(to);
            }
            Self::EntryTwice { path, account, second } => {
                path.show(to);
                to.put(b": ");
                account.show(to);
                to.put(b"; and to make it ephemeral: ");
                second.show(to);
            }
        }
    }
}
