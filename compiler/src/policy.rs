//! What belongs to the image rather than to a package: slots and the data partition.

use state_schema::{OnSysDataFailure, SlotName, SlotRule, StatePath, SysData};

/// The policy of an image.
#[derive(Clone, Debug)]
pub struct ImagePolicy {
    /// Its slots.
    pub slots: Vec<SlotName<'static>>,
    /// How the kernel command line tells which of them has booted.
    pub slot_from: Vec<SlotRule<'static>>,
    /// The partition that holds all state.
    pub sys_data: SysData<'static>,
    /// What follows when that partition cannot be used.
    pub on_sys_data_failure: OnSysDataFailure,
}

impl ImagePolicy {
    /// The policy of an image that states none: slots A and B, told by the project's own parameter, by RAUC's, or
    /// by the label of the root partition.
    ///
    /// # Panics
    ///
    /// Never: the names and the path are valid.
    #[must_use]
    #[expect(clippy::expect_used, reason = "constants, which every run of every test checks")]
    pub fn standard() -> Self {
        let slot = |name| SlotName::new(name).expect("a valid name");
        Self {
            slots: vec![slot("A"), slot("B")],
            slot_from: vec![
                SlotRule { parameter: "sysota.slot", prefix: "", suffix: "" },
                SlotRule { parameter: "rauc.slot", prefix: "", suffix: "" },
                SlotRule { parameter: "root", prefix: "PARTLABEL=x-sys-", suffix: "" },
            ],
            sys_data: SysData {
                device: "PARTLABEL=x-sys-data",
                fstype: "ext4",
                options: "noatime",
                mount_point: StatePath::new("/run/mount/sysdata").expect("a valid path"),
            },
            on_sys_data_failure: OnSysDataFailure::Degrade,
        }
    }
}
