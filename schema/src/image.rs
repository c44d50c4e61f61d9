//! What a plan belongs to: the image, its slots and its data partition.

use core::fmt;

use serde::Serialize;

use crate::StatePath;
use crate::fields::{Fields, FromFields};

/// Most slots that an image may have.
pub const MAX_SLOTS: usize = 8;

/// Longest name of a slot, in bytes.
pub const MAX_SLOT_NAME_LEN: usize = 32;

/// The image that a plan belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Image<'a> {
    /// Differs for every build that is shipped: whether a slot's state is stale hangs on it.
    pub id: &'a str,
    /// What follows when sys-data cannot be used.
    pub on_sys_data_failure: OnSysDataFailure,
}

/// What follows when sys-data cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum OnSysDataFailure {
    /// Everything persistent is made ephemeral, and the report says so.
    Degrade,
    /// The boot of this slot has failed.
    Fail,
}

/// The partition that holds all persistent state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct SysData<'a> {
    /// `PARTLABEL=…`, `PARTUUID=…` or a path below `/dev`.
    pub device: &'a str,
    /// File system type as `mount(2)` takes it.
    pub fstype: &'a str,
    /// Options as `mount(8)` takes them, separated by commas; may be empty.
    pub options: &'a str,
    /// Where it is mounted.
    pub mount_point: StatePath<'a>,
}

/// The name of a slot, which is also the name of its directory on sys-data.
///
/// # Invariants
///
/// One to [`MAX_SLOT_NAME_LEN`] of `A-Z a-z 0-9 _ -`, not starting with `-`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct SlotName<'a>(&'a str);

/// A text is not a [`SlotName`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidSlotName;

impl fmt::Display for InvalidSlotName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a slot's name is one to 32 letters, digits, `_` and `-`, and does not start with `-`")
    }
}

impl core::error::Error for InvalidSlotName {}

impl<'a> SlotName<'a> {
    /// Stands where no name has been read, and is never handed out.
    pub(crate) const PLACEHOLDER: Self = Self("");

    /// Checks `text` against the invariants.
    pub fn new(text: &'a str) -> Result<Self, InvalidSlotName> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
        let fits = (1..=MAX_SLOT_NAME_LEN).contains(&text.len());
        if fits && !text.starts_with('-') && text.bytes().all(allowed) {
            Ok(Self(text))
        } else {
            Err(InvalidSlotName)
        }
    }

    /// The name.
    #[must_use]
    pub fn as_str(self) -> &'a str {
        self.0
    }

    /// Whether both name the same slot: partition labels write `a` for slot `A`, so case does not count.
    #[must_use]
    #[inline(never)]
    pub fn is(self, name: &[u8]) -> bool {
        // By hand: what core has for this is unrolled to four times the size.
        let pairs = self.0.as_bytes().iter().zip(name);
        self.0.len() == name.len()
            && pairs.fold(true, |same, (one, other)| same && one.eq_ignore_ascii_case(other))
    }
}

impl fmt::Display for SlotName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// How a parameter of the kernel command line names the slot: its value is `prefix`, a slot's name, `suffix`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct SlotRule<'a> {
    /// The parameter, left of its first `=`.
    pub parameter: &'a str,
    /// What precedes the slot's name; with an empty `suffix`, empty where the value is the bare name.
    pub prefix: &'a str,
    /// What follows the slot's name.
    pub suffix: &'a str,
}

impl SlotRule<'_> {
    /// Whether the parameter serves nothing but the slot. Its value must then name one: a wrong name is a
    /// mistake to report, while `root=` of another shape just says nothing about slots.
    #[must_use]
    pub fn is_bare(&self) -> bool {
        self.prefix.is_empty() && self.suffix.is_empty()
    }

    /// What stands at the slot's place in `value`, if `value` has this rule's shape.
    #[must_use]
    pub fn slot_in<'v>(&self, value: &'v [u8]) -> Option<&'v [u8]> {
        value.strip_prefix(self.prefix.as_bytes())?.strip_suffix(self.suffix.as_bytes())
    }
}

/// As a policy writes it: `sysota.slot`, `root=PARTLABEL=x-sys-{slot}`.
impl fmt::Display for SlotRule<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.parameter)?;
        if self.is_bare() { Ok(()) } else { write!(f, "={}{{slot}}{}", self.prefix, self.suffix) }
    }
}

impl<'a> FromFields<'a> for Image<'a> {
    fn from_fields(fields: &mut Fields<'a>) -> Self {
        Self {
            id: fields.text(),
            on_sys_data_failure: fields.one_of(OnSysDataFailure::Degrade, [OnSysDataFailure::Fail]),
        }
    }
}

impl<'a> FromFields<'a> for SysData<'a> {
    fn from_fields(fields: &mut Fields<'a>) -> Self {
        Self {
            device: fields.text(),
            fstype: fields.text(),
            options: fields.text(),
            mount_point: fields.path(),
        }
    }
}

impl<'a> FromFields<'a> for SlotName<'a> {
    fn from_fields(fields: &mut Fields<'a>) -> Self {
        Self::new(fields.text()).unwrap_or_else(|_| {
            fields.refuse();
            Self::PLACEHOLDER
        })
    }
}

impl<'a> FromFields<'a> for SlotRule<'a> {
    fn from_fields(fields: &mut Fields<'a>) -> Self {
        Self { parameter: fields.text(), prefix: fields.text(), suffix: fields.text() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_name_is_one_harmless_file_name() {
        for good in ["A", "b", "slot_1", "rootfs-0"] {
            assert!(SlotName::new(good).is_ok(), "{good}");
        }
        for bad in ["", ".", "..", "a/b", "-a", "ä", "a b", "a\n", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"] {
            assert_eq!(SlotName::new(bad), Err(InvalidSlotName), "{bad:?}");
        }
    }

    #[test]
    fn a_rule_finds_the_slot_in_a_value_of_its_shape() {
        let rule = SlotRule { parameter: "root", prefix: "PARTLABEL=x-sys-", suffix: "" };
        assert_eq!(rule.slot_in(b"PARTLABEL=x-sys-a"), Some(&b"a"[..]));
        assert_eq!(rule.slot_in(b"/dev/nvme0n1p2"), None);
    }
}
