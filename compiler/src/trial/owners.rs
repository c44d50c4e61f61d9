//! The owners that entries can have inside.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::{fs, io};

use state_schema::{Blob, EncodeError, PlannedEntry, encode};

/// Ids that exist in this process's namespace: first one and count of each range.
pub(super) struct Owners {
    users: Vec<(u32, u32)>,
    groups: Vec<(u32, u32)>,
}

/// The kernel's list of ids could not be read.
pub(super) struct UnreadableMap {
    pub(super) path: PathBuf,
    pub(super) error: io::Error,
}

impl Owners {
    /// Those who exist in this process's namespace.
    pub(super) fn known() -> Result<Self, UnreadableMap> {
        let read = |path: &str| match fs::read_to_string(path) {
            Ok(map) => Ok(ranges(&map)),
            Err(error) => Err(UnreadableMap { path: path.into(), error }),
        };
        Ok(Self { users: read("/proc/self/uid_map")?, groups: read("/proc/self/gid_map")? })
    }

    /// The maps of users and of groups of a further namespace with the same ones.
    pub(super) fn same_again(&self) -> [String; 2] {
        let line = |&(first, count): &(u32, u32)| format!("{first} {first} {count}\n");
        [&self.users, &self.groups].map(|ranges| ranges.iter().map(line).collect())
    }

    /// The blob with root in the place of owners who do not exist here, and the paths that this concerns.
    ///
    /// The applier would degrade these entries, as it should, and the trial show what no device will.
    pub(super) fn replace_unknown(
        &self,
        blob: &Blob<'_>,
    ) -> Result<(Vec<u8>, BTreeSet<String>), EncodeError> {
        let mut replaced = BTreeSet::new();
        // No item is an error on a verified blob.
        let entries = blob.entries().filter_map(Result::ok).map(|PlannedEntry { mut entry, origin }| {
            for (id, known) in [(&mut entry.uid, &self.users), (&mut entry.gid, &self.groups)] {
                if !has(known, *id) {
                    *id = 0;
                    replaced.insert(entry.path.to_string());
                }
            }
            PlannedEntry { entry, origin }
        });
        let rules: Vec<_> = blob.slot_rules().filter_map(Result::ok).collect();
        let files = blob.factory_files().collect::<Result<Vec<_>, _>>().map_err(EncodeError::Refused)?;
        let bytes = encode(blob.image(), blob.sys_data(), blob.slots(), &rules, entries, files)?;
        Ok((bytes, replaced))
    }
}

/// First id and count of each line of a map: `INSIDE OUTSIDE COUNT`, as in `user_namespaces(7)`.
fn ranges(map: &str) -> Vec<(u32, u32)> {
    let range = |line: &str| {
        let mut numbers = line.split_whitespace().map(|number| number.parse().ok());
        Some((numbers.next()??, numbers.nth(1)??))
    };
    map.lines().filter_map(range).collect()
}

fn has(ranges: &[(u32, u32)], id: u32) -> bool {
    ranges.iter().any(|&(first, count)| id >= first && id - first < count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_all_ranges_are_known() {
        let ranges = ranges("         0      65534          1\n         1     100000      65536\n");
        assert_eq!(ranges, [(0, 1), (1, 65_536)]);
        assert!([0, 1, 65_536].iter().all(|&id| has(&ranges, id)));
        assert!(!has(&ranges, 65_537));
        assert!(!has(&[(0, 1)], 1));
    }
}
