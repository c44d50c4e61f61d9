//! The two slots of a machine.

use std::fmt;

/// A slot: a partition for an image, and the state that goes with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Slot {
    A,
    B,
}

impl Slot {
    /// The label of its partition.
    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::A => "x-sys-a",
            Self::B => "x-sys-b",
        }
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::A => "A",
            Self::B => "B",
        })
    }
}
