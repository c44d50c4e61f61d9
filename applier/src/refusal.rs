//! Why nothing usable was applied.

#[cfg(feature = "system")]
use crate::blob::BlobError;
use crate::failure::{Account, Failure};
#[cfg(feature = "system")]
use crate::reset::Misfit;
use crate::show::{Show, Sink};
use crate::slot_error::SlotError;
use crate::text::Note;
use crate::transition::TransitionError;

/// Why nothing usable was applied: one line each, which says what is to be done where that can be said.
pub(crate) enum Refusal {
    /// A step that everything hangs on.
    Step(Account),
    /// This is no blob.
    #[cfg(feature = "system")]
    Blob { path: Note, error: BlobError },
    /// The slot is not known.
    #[cfg(feature = "system")]
    Slot(SlotError),
    /// sys-data cannot be used, and the image does not run without.
    SysData(Account),
    /// There is no state to go on with.
    Transition(TransitionError),
    /// It takes the image's own program to go on.
    #[cfg(not(feature = "system"))]
    HandOver,
    /// The command line does not say where the image is.
    #[cfg(feature = "system")]
    NoRoot,
    /// The image has no program to go on with.
    #[cfg(feature = "system")]
    NoInit,
    /// The image has no slot of this name.
    #[cfg(feature = "system")]
    NoSuchSlot { name: Note, slots: Note },
    /// This cannot be asked to begin afresh.
    #[cfg(feature = "system")]
    Reset { path: Note, misfit: Misfit },
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
    #[cfg(feature = "system")]
    fn from(error: SlotError) -> Self {
        Self::Slot(error)
    }

    #[cfg(not(feature = "system"))]
    fn from(_: SlotError) -> Self {
        Self::HandOver
    }
}

impl From<TransitionError> for Refusal {
    fn from(error: TransitionError) -> Self {
        match error {
            #[cfg(not(feature = "system"))]
            TransitionError::NotResumed => Self::HandOver,
            error => Self::Transition(error),
        }
    }
}

impl Show for Refusal {
    fn show(&self, to: &mut dyn Sink) {
        match self {
            Self::Step(account) => account.show(to),
            #[cfg(feature = "system")]
            Self::Blob { path, error } => {
                to.put(b"cannot use the blob ");
                path.show(to);
                to.put(b": ");
                error.show(to);
            }
            #[cfg(feature = "system")]
            Self::Slot(error) => error.show(to),
            Self::SysData(account) | Self::Transition(TransitionError::Unusable(account)) => {
                account.show(to);
                to.put(b"; the image does not run without sys-data");
            }
            Self::Transition(TransitionError::UnknownLayout(account)) => {
                account.show(to);
                to.put(b"; boot the image that wrote it, or set sys-data up anew");
            }
            #[cfg(feature = "system")]
            Self::Transition(TransitionError::NotTakenOver { from, account }) => {
                to.put(b"the state of slot ");
                from.show(to);
                to.put(b" cannot be taken over: ");
                account.show(to);
                to.put(b"; this slot's state is as it was");
            }
            // Whoever sees it hands over, and says why if that fails.
            #[cfg(not(feature = "system"))]
            Self::HandOver | Self::Transition(TransitionError::NotResumed) => {}
            #[cfg(feature = "system")]
            Self::NoRoot => to.put(
                b"the kernel command line does not say where the image is; let the boot loader add \
                  root=PARTLABEL=... or another name of its device",
            ),
            #[cfg(feature = "system")]
            Self::NoInit => to.put(
                b"the image has none of /sbin/init, /etc/init and /bin/init; name its first program with init=",
            ),
            #[cfg(feature = "system")]
            Self::NoSuchSlot { name, slots } => {
                to.put(b"there is no slot `");
                name.show(to);
                to.put(b"`; the image's slots are ");
                slots.show(to);
            }
            #[cfg(feature = "system")]
            Self::Reset { path, misfit } => {
                to.put(b"cannot reset ");
                path.show(to);
                to.put(b": ");
                match misfit {
                    Misfit::NoEntry => {
                        to.put(b"no persistent entry lies there or beneath; `statec inspect` lists them");
                    }
                    Misfit::Common => {
                        to.put(b"it is common state, which belongs to no slot and is never reset");
                    }
                    Misfit::Ephemeral => to.put(b"it is ephemeral, and begins afresh at each boot"),
                    Misfit::PartOf(entry) => {
                        to.put(b"it is a part of the entry ");
                        entry.show(to);
                        to.put(b", and entries are reset as a whole");
                    }
                }
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
