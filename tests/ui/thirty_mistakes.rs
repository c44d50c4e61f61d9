//! Thirty different mistakes in six files are thirty findings in one run.

use std::fs;
use std::process::Command;

use state_tests::program::statec;
use tempfile::TempDir;

use crate::{Case, snapshot};

pub(crate) const CASES: &[Case] = &[("thirty_mistakes::come_in_one_run", come_in_one_run)];

const FILES: [(&str, &str); 6] = [
    (
        "1-words.yaml",
        "version: 1\nstate:\n  /a:\n    lifetime: persistant\n  /b:\n    lifetime: persistent\n    scope: slots\n  /c:\n    lifetime: persistent\n    on-update: merg\n  /d:\n    lifetime: persistent\n    options: [nosuit]\n  /e:\n    lifetime: persistent\n    ownr: root\n",
    ),
    (
        "2-values.yaml",
        "version: 1\nstate:\n  /f: {lifetime: persistent, mode: 0755}\n  /g: {lifetime: persistent, mode: \"0888\"}\n  /h: {lifetime: ephemeral, size: 1.5M}\n  /i: {lifetime: persistent, owner: \"a:b\"}\n  /j: {lifetime: persistent, seed: {text: 1.10}}\n  /k: {lifetime: persistent, options: [exec, noexec]}\n",
    ),
    (
        "3-paths.yaml",
        "version: 1\nstate:\n  etc/l: persistent\n  /m/: persistent\n  /n/../o: persistent\n  /: persistent\n  /run/p: ephemeral\n  /usr/lib/sysota/q: persistent\n",
    ),
    (
        "4-sense.yaml",
        "version: 1\nstate:\n  /r: {lifetime: ephemeral, scope: common}\n  /s: {lifetime: persistent, size: 4M}\n  /t: {lifetime: persistent, type: file, how: overlay}\n  /u: {lifetime: persistent, type: directory, seed: {text: \"x\"}}\n  /v: {lifetime: persistent, how: symlink}\n  /w: {lifetime: persistent, to: /x}\n",
    ),
    (
        "5-more.yaml",
        "version: 2\nstate:\n  /y: persistent\n  /y: ephemeral\n  /t/below: persistent\n  /z: {mode: \"0700\"}\n  /ab: &anchor persistent\n",
    ),
    ("6-syntax.yaml", "version: 1\nstate:\n  /y: ephemeral\n  /aa: \"persistent\n"),
];

fn come_in_one_run() {
    let directory = TempDir::new().unwrap();
    for (name, text) in FILES {
        fs::write(directory.path().join(name), text).unwrap();
    }
    let output = Command::new(statec()).args(["lint", "."]).current_dir(&directory).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1));
    let messages: std::collections::BTreeSet<&str> =
        text.lines().filter(|line| line.starts_with("  ×")).collect();
    assert_eq!(messages.len(), 30, "{text}");
    assert!(text.ends_with("30 errors in 6 files\n"), "{text}");
    snapshot::assert_is(text, "tests/ui/thirty_mistakes.txt");
}
