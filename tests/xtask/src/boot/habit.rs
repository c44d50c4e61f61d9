//! Something that a system makes for itself, or that its administrator does to it, and what is to become of it.

use super::moment::Moment;

/// What is to become of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// The system makes it on its first boot, and has it ever after.
    Identity,
    /// It is kept, each slot for itself; an update takes it over.
    Slot,
    /// It is kept, but an update begins afresh.
    Reset,
    /// It is kept, one for both slots.
    Common,
    /// It is gone at the next boot.
    Ephemeral,
    /// Nobody changes it but the next image.
    Image,
}

/// A habit: a change, and how it shows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Habit {
    pub(crate) title: &'static str,
    pub(crate) fate: Fate,
    /// Scripts that make the change: one in slot A, another in slot B. Empty where nobody makes one.
    pub(crate) changes: [&'static str; 2],
    /// A script that shows what there is.
    pub(crate) read: &'static str,
    /// What it shows after the first and after the second change. Empty for an identity, which nobody knows before.
    pub(crate) seen: [&'static str; 2],
}

/// What has to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expected {
    /// Exactly this.
    Text(&'static str),
    /// What showed when the first boot began, before any change.
    AsAtFirst,
    /// What showed at the end of the first boot.
    AsAfterFirst,
}

impl Habit {
    /// What has to show when the boot begins.
    pub(crate) fn at(&self, moment: Moment) -> Expected {
        use Moment::{FirstBoot, Reboot, Rollback, Update};
        let [first, second] = self.seen.map(Expected::Text);
        match (self.fate, moment) {
            (Fate::Identity, _) => Expected::AsAfterFirst,
            (Fate::Image, Update) | (Fate::Common, Rollback) => second,
            (Fate::Image, _)
            | (Fate::Slot | Fate::Common, Reboot | Update)
            | (Fate::Slot | Fate::Reset, Rollback)
            | (Fate::Reset, Reboot) => first,
            (Fate::Slot | Fate::Reset | Fate::Common, FirstBoot)
            | (Fate::Reset, Update)
            | (Fate::Ephemeral, _) => Expected::AsAtFirst,
        }
    }

    /// The change that is made in this boot, and what has to show then.
    pub(crate) fn change(&self, moment: Moment) -> Option<(&'static str, &'static str)> {
        let number = match moment {
            Moment::FirstBoot => 0,
            Moment::Update => 1,
            Moment::Reboot | Moment::Rollback => return None,
        };
        let change = self.changes[number];
        if change.is_empty() { None } else { Some((change, self.seen[number])) }
    }

    /// In a word, what was seen if it was as it has to be.
    pub(crate) fn word(&self, moment: Moment) -> &'static str {
        use Moment::{FirstBoot, Reboot, Rollback, Update};
        match (self.fate, moment) {
            (Fate::Identity, FirstBoot) => "made",
            (Fate::Identity, _) => "the same",
            (Fate::Image, Update) => "image 2's",
            (Fate::Image, _) => "image 1's",
            (_, FirstBoot) => "changed",
            (Fate::Ephemeral, _) => "gone",
            (Fate::Reset, Update) => "afresh",
            (_, Update) => "taken over",
            (Fate::Common, Rollback) => "B's",
            (_, Reboot | Rollback) => "kept",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn habit(fate: Fate) -> Habit {
        Habit { title: "", fate, changes: ["a", "b"], read: "", seen: ["A", "B"] }
    }

    #[test]
    fn each_slot_keeps_its_own_and_the_common_is_one() {
        let moments = [Moment::FirstBoot, Moment::Reboot, Moment::Update, Moment::Rollback];
        let at = |fate| moments.map(|moment| habit(fate).at(moment));
        let (none, a, b) = (Expected::AsAtFirst, Expected::Text("A"), Expected::Text("B"));
        assert_eq!(at(Fate::Slot), [none, a, a, a]);
        assert_eq!(at(Fate::Common), [none, a, a, b]);
        assert_eq!(at(Fate::Reset), [none, a, none, a]);
        assert_eq!(at(Fate::Ephemeral), [none; 4]);
        assert_eq!(at(Fate::Image), [a, a, b, a]);
    }
}
