//! Everything that came of a boot.

use serde_json::Value;
use state_tests::scene::{Applied, Mount, Scene};

use crate::tree::Tree;

/// Everything that came of a boot.
pub(crate) struct Outcome {
    /// All of sys-data.
    pub(crate) data: Tree,
    /// All of what the running system sees.
    root: Tree,
    mounts: Vec<Mount>,
    pub(crate) applied: Applied,
}

impl Outcome {
    pub(crate) fn of(scene: &Scene, applied: Applied) -> Self {
        let data = Tree::of(&scene.data(""));
        let root = Tree::of(&scene.root(""));
        let mut mounts = scene.mounts();
        for mount in &mut mounts {
            // The kernel shows it for an overlay's first mount, and not when it finds the one of an earlier boot.
            mount.file_system = mount.file_system.replace(",uuid=on", "");
            // A new disk may have another number.
            if let Some((before, after)) = mount.file_system.split_once("/dev/loop") {
                mount.file_system =
                    format!("{before}disk{}", after.trim_start_matches(|c: char| c.is_ascii_digit()));
            }
        }
        Self { data, root, mounts, applied }
    }

    /// Checks that the next boot would find what it finds after `reference`, and the running system the same.
    pub(crate) fn expect_same_system(&self, reference: &Self) -> Result<(), String> {
        self.expect_same_system_over(&self.data, reference)
    }

    /// The same, with this for all of sys-data.
    pub(crate) fn expect_same_system_over(&self, data: &Tree, reference: &Self) -> Result<(), String> {
        let differences = [("sys-data", data, &reference.data), ("the root", &self.root, &reference.root)];
        for (what, here, there) in differences {
            if here != there {
                return Err(format!("{what} differs:\n{}", here.difference(there)));
            }
        }
        let mounts = self.mounts.iter().zip(&reference.mounts);
        if self.mounts.len() != reference.mounts.len()
            || !mounts.into_iter().all(|(one, other)| is_same(one, other))
        {
            return Err(format!("mounts differ:\n{:#?}\nand not\n{:#?}", self.mounts, reference.mounts));
        }
        Ok(())
    }

    /// Checks that the report is that of `reference`; after an interrupted boot, which may have come far, that it is
    /// but for what that boot has done already.
    pub(crate) fn expect_same_report(&self, reference: &Self, interrupted: bool) -> Result<(), String> {
        let [mut here, mut there] = [self, reference].map(|outcome| outcome.applied.report.clone());
        let is_over = here["event"] == "same" || here["event"] == "roll-forward";
        if interrupted && is_over {
            here["event"] = there["event"].clone();
        }
        for report in [&mut here, &mut there] {
            // The disturbed boot may have had its record, and then was the boot before this one.
            for key in ["boot", "previous"] {
                report[key] = Value::Null;
            }
        }
        if interrupted {
            for report in [&mut here, &mut there] {
                report["conflicts"] = Value::Null;
                for entry in report["entries"].as_array_mut().expect("entries") {
                    if entry["lifetime"] == "persistent" {
                        entry["seeded"] = Value::Null;
                    }
                }
            }
        }
        if here == there { Ok(()) } else { Err(format!("the report differs:\n{here:#}\nand not\n{there:#}")) }
    }
}

/// Whether both are the same mount. An overlay that was made by paths, because the kernel did not take descriptors, shows
/// those.
fn is_same(one: &Mount, other: &Mount) -> bool {
    let options = |mount: &Mount| {
        let options = mount.file_system.split(',').filter(|option| {
            !option.contains("/proc/self/fd/") && !option.contains("erdir") && !option.contains("workdir")
        });
        options.map(str::to_owned).collect::<Vec<_>>()
    };
    one == other
        || one.file_system.contains("/proc/self/fd/")
            && (&one.place, &one.root, &one.options) == (&other.place, &other.root, &other.options)
            && options(one) == options(other)
}
