//! The fragments and policies that the documentation shows are what they look like.

use std::fs;
use std::process::Command;

use state_tests::program::{statec, workspace};
use tempfile::TempDir;

use crate::Case;

pub(crate) const CASES: &[Case] = &[
    ("pages::language", || fragments_are_clean("docs/language.md", 7)),
    ("pages::readme", || fragments_are_clean("README.md", 1)),
];

/// Lints every YAML block of a page that is a whole file. `at_least` guards against finding none.
///
/// A policy may override what another block declares, so all are checked together.
fn fragments_are_clean(page: &str, at_least: usize) {
    let text = fs::read_to_string(workspace().join(page)).unwrap();
    let blocks = text.split("```yaml\n").skip(1).filter_map(|rest| Some(rest.split_once("```")?.0));
    let files: Vec<&str> = blocks.filter(|block| block.lines().any(|line| line == "version: 1")).collect();
    assert!(files.len() >= at_least, "{page} shows {} files", files.len());
    for file in files {
        let is_policy = ["image:", "override:"].iter().any(|key| file.lines().any(|line| line == *key));
        let directory = TempDir::new().unwrap();
        let lint = |arguments: &[&str]| {
            Command::new(statec()).arg("lint").args(arguments).current_dir(&directory).output().unwrap()
        };
        fs::write(directory.path().join("shown.yaml"), file).unwrap();
        let output = if is_policy {
            let declared = "version: 1\nstate: {/var/log: persistent, /var/lib/unwanted: persistent}\n";
            fs::write(directory.path().join("declared.yaml"), declared).unwrap();
            lint(&["declared.yaml", "--image", "shown.yaml"])
        } else {
            lint(&["shown.yaml"])
        };
        let text = String::from_utf8(output.stdout).unwrap();
        assert_eq!((output.status.code(), text.as_str()), (Some(0), ""), "{page}");
    }
}
