//! The fragments that the documentation shows are fragments.

use std::fs;
use std::process::Command;

use state_tests::program::{statec, workspace};
use tempfile::TempDir;

use crate::Case;

pub(crate) const CASES: &[Case] = &[
    ("pages::language", || fragments_are_clean("docs/language.md", 5)),
    ("pages::readme", || fragments_are_clean("README.md", 1)),
];

/// Lints every YAML block of a page that is a whole fragment. `at_least` guards against finding none.
fn fragments_are_clean(page: &str, at_least: usize) {
    let text = fs::read_to_string(workspace().join(page)).unwrap();
    let blocks = text.split("```yaml\n").skip(1).filter_map(|rest| Some(rest.split_once("```")?.0));
    let fragments: Vec<&str> =
        blocks.filter(|block| block.lines().any(|line| line == "version: 1")).collect();
    assert!(fragments.len() >= at_least, "{page} shows {} fragments", fragments.len());
    for fragment in fragments {
        let directory = TempDir::new().unwrap();
        let file = directory.path().join("example.yaml");
        fs::write(&file, fragment).unwrap();
        let output = Command::new(statec()).arg("lint").arg(&file).output().unwrap();
        assert!(output.status.success(), "{page}: {}", String::from_utf8_lossy(&output.stdout));
    }
}
