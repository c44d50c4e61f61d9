//! What the caller is told.

/// The exit status.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Everything is as planned.
    Applied,
    /// The system can run, but an entry is degraded or skipped.
    Degraded,
    /// Nothing usable: the caller should fall back to the other slot.
    Refused,
    /// The program was called in a way that it does not know.
    Usage,
}

impl Exit {
    /// The number that the process ends with.
    pub(crate) fn status(self) -> u8 {
        match self {
            Self::Applied => 0,
            Self::Degraded => 3,
            Self::Refused => 4,
            Self::Usage => 64,
        }
    }
}
