//! What belongs to the image rather than to a package: slots, the data partition, and the last word on what packages
//! declare.

mod lower;

pub use lower::lower;

use state_schema::{OnSysDataFailure, SlotName, SlotRule, StatePath, StatePathBuf, SysData};

use crate::diagnostic::Spanned;
use crate::fragment::{Declaration, Word};

/// A whole policy file. The default is the policy of an image that has none.
#[derive(Debug, Default)]
pub struct Policy {
    /// Slots and data partition.
    pub image: ImagePolicy,
    /// Fields that replace those of fragments.
    pub overrides: Vec<Declaration>,
    /// Paths whose declarations are dropped.
    pub removals: Vec<Spanned<StatePathBuf>>,
    /// Paths of the image's own.
    pub declarations: Vec<Declaration>,
}

/// Slots and data partition of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImagePolicy {
    slots: Vec<String>,
    slot_from: Vec<SlotSource>,
    device: String,
    fstype: String,
    options: Vec<String>,
    mount_point: String,
    /// What follows when the data partition cannot be used.
    pub on_sys_data_failure: OnSysDataFailure,
}

/// How a parameter of the kernel command line names the slot. See [`SlotRule`].
#[derive(Clone, Debug, PartialEq, Eq)]
struct SlotSource {
    parameter: String,
    prefix: String,
    suffix: String,
}

impl SlotSource {
    fn new(parameter: &str, prefix: &str, suffix: &str) -> Self {
        let [parameter, prefix, suffix] = [parameter, prefix, suffix].map(str::to_owned);
        Self { parameter, prefix, suffix }
    }
}

impl Word for OnSysDataFailure {
    const WORDS: &'static [(&'static str, Self)] = &[("degrade", Self::Degrade), ("fail", Self::Fail)];
}

/// The policy of an image that states none: slots A and B, told by the project's own parameter, by RAUC's, or by the
/// label of the root partition.
impl Default for ImagePolicy {
    fn default() -> Self {
        Self {
            slots: ["A", "B"].map(str::to_owned).to_vec(),
            slot_from: vec![
                SlotSource::new("sysota.slot", "", ""),
                SlotSource::new("rauc.slot", "", ""),
                SlotSource::new("root", "PARTLABEL=x-sys-", ""),
            ],
            device: "PARTLABEL=x-sys-data".to_owned(),
            fstype: "ext4".to_owned(),
            options: vec!["noatime".to_owned()],
            mount_point: "/run/mount/sysdata".to_owned(),
            on_sys_data_failure: OnSysDataFailure::Degrade,
        }
    }
}

impl ImagePolicy {
    /// The slots, as the blob holds them.
    #[must_use]
    #[expect(
        clippy::missing_panics_doc,
        clippy::expect_used,
        reason = "names are checked where they are read"
    )]
    pub fn slots(&self) -> Vec<SlotName<'_>> {
        self.slots.iter().map(|name| SlotName::new(name).expect("a checked name")).collect()
    }

    /// The rules for the kernel command line, as the blob holds them.
    #[must_use]
    pub fn slot_rules(&self) -> Vec<SlotRule<'_>> {
        self.slot_from
            .iter()
            .map(|source| SlotRule {
                parameter: &source.parameter,
                prefix: &source.prefix,
                suffix: &source.suffix,
            })
            .collect()
    }

    /// The data partition, as the blob holds it. `options` is [`mount_options`](Self::mount_options).
    #[must_use]
    #[expect(
        clippy::missing_panics_doc,
        clippy::expect_used,
        reason = "the path is checked where it is read"
    )]
    pub fn sys_data<'a>(&'a self, options: &'a str) -> SysData<'a> {
        let mount_point = StatePath::new(&self.mount_point).expect("a checked path");
        SysData { device: &self.device, fstype: &self.fstype, options, mount_point }
    }

    /// The data partition's mount options, separated by commas.
    #[must_use]
    pub fn mount_options(&self) -> String {
        self.options.join(",")
    }
}
