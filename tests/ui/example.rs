//! The rules' examples.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use state_tests::program::statec;
use statec::check::{Example, RULES, Rule};
use statec::diagnostic::Severity;
use tempfile::TempDir;

use crate::{Case, snapshot};

pub(crate) const CASES: &[Case] = &[("examples::every_directory_is_a_rule", every_directory_is_a_rule)];

pub(crate) fn breaks_this_rule_alone(rule: &Rule) {
    let (status, text) = judge(&rule.bad);
    assert_eq!(status, i32::from(rule.severity == Severity::Error), "{text}");
    let codes: Vec<&str> = text.lines().filter_map(code_of).collect();
    assert!(!codes.is_empty() && codes.iter().all(|&code| code == rule.code), "{text}");
    snapshot::assert_is(text, &format!("tests/ui/{}/bad.txt", rule.code));
}

pub(crate) fn breaks_none(rule: &Rule) {
    assert_eq!(judge(&rule.good), (0, String::new()));
}

/// A rule that is renamed or removed leaves no snapshot behind.
fn every_directory_is_a_rule() {
    for found in fs::read_dir(snapshot::directory()).unwrap().map(Result::unwrap) {
        if found.file_type().unwrap().is_dir() {
            let name = found.file_name().into_string().unwrap();
            assert!(RULES.iter().any(|rule| name == rule.code), "tests/ui/{name} belongs to no rule");
        }
    }
}

fn code_of(line: &str) -> Option<&str> {
    line.strip_prefix("error[").or_else(|| line.strip_prefix("warning["))?.strip_suffix(']')
}

/// Exit status and all that is said. With an image, the example is compiled against it as it is.
fn judge(example: &Example) -> (i32, String) {
    let directory = lay_out(example);
    let mut statec = Command::new(statec());
    if example.image.is_empty() {
        statec.args(["lint", "fragments"]);
    } else {
        statec.args([
            "compile",
            "fragments",
            "--rootfs",
            "image",
            "--image-id",
            "example",
            "--output",
            "state.blob",
        ]);
    }
    if !example.policy.is_empty() {
        statec.args(["--image", "policy.yaml"]);
    }
    let output = statec.current_dir(&directory).output().unwrap();
    let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    (output.status.code().unwrap(), text)
}

/// A directory with the example's `fragments`, its `policy.yaml` and its `image`.
pub(crate) fn lay_out(example: &Example) -> TempDir {
    let directory = TempDir::new().unwrap();
    let fragments = directory.path().join("fragments");
    fs::create_dir(&fragments).unwrap();
    for (name, content) in example.fragments {
        fs::write(fragments.join(name), content).unwrap();
    }
    if example.fragments.is_empty() {
        // A directory without any would be refused.
        fs::write(fragments.join("empty.yaml"), "version: 1\nstate: {}\n").unwrap();
    }
    fs::write(directory.path().join("policy.yaml"), example.policy).unwrap();
    lay_out_image(example.image, &directory.path().join("image"));
    directory
}

/// Makes an image's tree from the lines of [`Example::image`].
fn lay_out_image(lines: &str, root: &Path) {
    fs::create_dir(root).unwrap();
    for line in lines.lines() {
        let mut words = line.splitn(3, ' ');
        let (kind, path) = (words.next().unwrap(), words.next().unwrap());
        let rest = words.next().unwrap_or_default();
        let place = root.join(path.strip_prefix('/').unwrap());
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        match kind {
            "directory" => fs::create_dir_all(&place).unwrap(),
            "file" => fs::write(&place, rest.replace("\\n", "\n")).unwrap(),
            "sparse" => fs::File::create(&place).unwrap().set_len(rest.parse().unwrap()).unwrap(),
            "symlink" => symlink(rest, &place).unwrap(),
            other => panic!("{other} is no kind of line"),
        }
    }
}
