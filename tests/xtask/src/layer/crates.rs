//! The crates that a recipe fetches: those of the lock file, as OpenEmbedded's own tool lists them.

use std::env;
use std::fs;

use crate::failure::{Failure, OrFail as _, Outcome};
use crate::workspace::Workspace;

const LIST: &str = "meta-sysota/recipes-sysota/programs/sysota-crates.inc";

/// Fails unless the list is what it has to be. With `SNAPSHOTS=overwrite` in the environment, it is written.
pub(super) fn check(workspace: &Workspace) -> Outcome {
    let lock = workspace.root().join("Cargo.lock");
    let lock = fs::read_to_string(&lock).or_fail(|| format!("read {}", lock.display()))?;
    let wanted = list(&lock);
    let path = workspace.root().join(LIST);
    if env::var_os("SNAPSHOTS").is_some_and(|value| value == "overwrite") {
        return fs::write(&path, wanted).or_fail(|| format!("write {}", path.display()));
    }
    let found = fs::read_to_string(&path).or_fail(|| format!("read {}", path.display()))?;
    if found == wanted {
        return Ok(());
    }
    Err(Failure::new(format!("{LIST} is not that of Cargo.lock: SNAPSHOTS=overwrite cargo xtask test layer")))
}

/// The list that goes with a lock file.
fn list(lock: &str) -> String {
    let mut uris = Vec::new();
    let mut sums = Vec::new();
    for package in lock.split("[[package]]").skip(1) {
        let value = |key: &str| {
            let mut lines = package.lines();
            lines.find_map(|line| line.strip_prefix(key)?.strip_prefix(" = \"")?.strip_suffix('"'))
        };
        // The project's own have no checksum.
        if let (Some(name), Some(version), Some(sum)) = (value("name"), value("version"), value("checksum")) {
            uris.push(format!("    crate://crates.io/{name}/{version} \\\n"));
            sums.push(format!("SRC_URI[{name}-{version}.sha256sum] = \"{sum}\"\n"));
        }
    }
    let origin = "# From Cargo.lock: SNAPSHOTS=overwrite cargo xtask test layer";
    format!("{origin}\n\nSRC_URI += \"\\\n{}\"\n\n{}", uris.concat(), sums.concat())
}

#[cfg(test)]
mod tests {
    use super::list;

    #[test]
    fn lists_what_is_fetched() {
        let lock = "version = 4\n\n[[package]]\nname = \"a\"\nversion = \"1.0.0\"\n\
                    source = \"registry\"\nchecksum = \"12\"\n\n[[package]]\nname = \"ours\"\nversion = \"0.1.0\"\n";
        let list = list(lock);
        assert!(list.contains("\n    crate://crates.io/a/1.0.0 \\\n\"\n"), "{list}");
        assert!(list.ends_with("\nSRC_URI[a-1.0.0.sha256sum] = \"12\"\n"), "{list}");
        assert!(!list.contains("ours"), "{list}");
    }
}
