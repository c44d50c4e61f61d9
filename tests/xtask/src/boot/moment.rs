//! The boots in the life of a machine.

use super::slot::Slot;

/// A boot, in the order in which a machine has them: a column of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    /// Image 1 in slot A, for the first time.
    FirstBoot,
    /// The same again.
    Reboot,
    /// Image 2 in slot B, for the first time.
    Update,
    /// Image 1 in slot A again.
    Rollback,
}

impl Moment {
    pub(crate) fn slot(self) -> Slot {
        match self {
            Self::Update => Slot::B,
            Self::FirstBoot | Self::Reboot | Self::Rollback => Slot::A,
        }
    }

    /// What `stated` calls it.
    pub(crate) fn event(self) -> &'static str {
        match self {
            Self::FirstBoot => "first-boot",
            Self::Reboot => "same",
            Self::Update => "update",
            Self::Rollback => "rollback",
        }
    }

    /// Both lines of the column's heading.
    pub(crate) fn heading(self) -> [&'static str; 2] {
        match self {
            Self::FirstBoot => ["slot A", "first boot"],
            Self::Reboot => ["slot A", "rebooted"],
            Self::Update => ["slot B", "updated"],
            Self::Rollback => ["slot A", "again"],
        }
    }

    pub(crate) fn title(self) -> String {
        self.heading().join(", ")
    }
}
