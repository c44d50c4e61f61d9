//! The README shows what really is: its example is the one in `examples/`, letter by letter.

use std::fs;
use std::path::Path;

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)).unwrap()
}

/// The contents of the fenced blocks in this language.
fn blocks<'r>(readme: &'r str, language: &'r str) -> impl Iterator<Item = &'r str> {
    let fences = readme.split("\n```").skip(1).step_by(2);
    fences.filter_map(move |block| block.strip_prefix(language)?.strip_prefix('\n'))
}

#[test]
fn its_fragment_is_the_example_s() {
    let readme = read("README.md");
    let fragment = read("examples/debian-server/fragments/openssh-server.yaml");
    assert_eq!(blocks(&readme, "yaml").collect::<Vec<_>>(), [fragment.trim_end()]);
}

#[test]
fn its_plan_is_the_example_s() {
    let readme = read("README.md");
    let plan = read("examples/debian-server/expected-plan.txt");
    let shown: Vec<_> = blocks(&readme, "console")
        .flat_map(str::lines)
        .filter(|line| line.starts_with("PATH") || line.starts_with('/'))
        .collect();
    assert_eq!(shown.len(), 2);
    for line in shown {
        assert!(plan.lines().any(|of_plan| of_plan == line), "not in the plan: {line}");
    }
}
