//! The shell scripts of the tree: nobody finds a fault in them without running them, and what a page says to install is there.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use state_tests::program::workspace;

/// All files below `directory` whose first line is one of `shells`.
fn add_scripts(directory: &Path, shells: &[&str], scripts: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let entry = entry.unwrap();
        let kind = entry.file_type().unwrap();
        let is_ours = !["target", ".git"].iter().any(|other| entry.file_name() == *other);
        if kind.is_dir() && is_ours {
            add_scripts(&entry.path(), shells, scripts);
        } else if kind.is_file() {
            let content = fs::read(entry.path()).unwrap();
            let first = content.split(|&byte| byte == b'\n').next().unwrap();
            if shells.iter().any(|shell| first == shell.as_bytes()) {
                scripts.push(entry.path());
            }
        }
    }
}

fn scripts(shells: &[&str]) -> Vec<PathBuf> {
    let mut scripts = Vec::new();
    add_scripts(workspace(), shells, &mut scripts);
    for place in ["applier/initramfs", "meta-sysota", "tests/yocto"] {
        let place = workspace().join(place);
        assert!(scripts.iter().any(|script| script.starts_with(&place)), "{scripts:?}");
    }
    scripts
}

fn passes(command: &mut Command) {
    let output = command.output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success() && said.is_empty(), "{command:?}: {}", String::from_utf8_lossy(&said));
}

#[test]
fn shellcheck_has_nothing_to_say() {
    passes(Command::new("shellcheck").args(scripts(&["#!/bin/sh", "#!/bin/busybox sh", "#!/bin/bash"])));
}

#[test]
fn shells_of_an_initramfs_can_read_them() {
    for script in scripts(&["#!/bin/sh", "#!/bin/busybox sh"]) {
        passes(Command::new("dash").arg("-n").arg(&script));
        passes(Command::new("busybox").args(["ash", "-n"]).arg(&script));
    }
}

#[test]
fn what_the_page_says_to_install_is_there() {
    let page = fs::read_to_string(workspace().join("docs/integration.md")).unwrap();
    let (_, section) = page.split_once("\n## Initramfs hosts\n").unwrap();
    let section = section.split("\n## ").next().unwrap();
    let hosts = ["systemd/", "dracut/", "initramfs-tools/"];
    // What stands between two backticks.
    let words = section.split('`').skip(1).step_by(2);
    let files: Vec<&str> = words.filter(|word| hosts.iter().any(|host| word.starts_with(host))).collect();
    assert!(files.len() >= 7, "{files:?}");
    for file in files {
        assert!(workspace().join("applier/initramfs").join(file).exists(), "{file}");
    }
}
