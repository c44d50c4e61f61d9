//! No file makes the compiler's front end panic, and nothing of a file reaches a terminal or a log raw.

use std::fs;
use std::path::Path;

use serde::de::IgnoredAny;
use statec::check::RULES;
use statec::diagnostic::{Findings, is_harmless};
use statec::format::{github, gitlab, json, sarif};
use statec::source::Sources;
use statec::{analyse, explain, render};

/// Stands between files. No text has it.
pub const SEPARATOR: u8 = 0xff;

/// Names the directory that takes the rules' examples.
const EXAMPLES: &str = "STATE_FUZZ_EXAMPLES";

/// Goes all the way from bytes to what is said about them: as a fragment, and as a policy. Where a [`SEPARATOR`] is among
/// them, what stands before the first is the policy, and the rest are fragments.
pub fn check(data: &[u8]) {
    let mut files = data.split(|&byte| byte == SEPARATOR);
    let first = files.next().unwrap_or_default();
    let fragments: Vec<_> = files.collect();
    if fragments.is_empty() {
        read(None, &[data]);
    }
    read(Some(first), &fragments);
}

fn read(policy: Option<&[u8]>, fragments: &[&[u8]]) {
    let mut findings = Findings::default();
    let mut sources = Sources::default();
    let mut add =
        |name: String, bytes: &[u8]| sources.add_bytes(name.clone(), name, bytes.to_vec(), &mut findings);
    for (number, fragment) in fragments.iter().enumerate() {
        add(format!("{number}.yaml"), fragment);
    }
    let policy = policy.map(|bytes| add("policy.yaml".to_owned(), bytes));
    let analysis = analyse(&sources, policy, None, true, &mut findings);
    // Each explanation goes through all subjects.
    for subject in analysis.resolved.subjects.iter().take(4) {
        expect_harmless(&explain::by_fragments(&analysis, &sources, subject.state_path()).text());
    }
    let findings = findings.sorted(&sources);
    expect_harmless(&render::render(&findings, &sources, false));
    expect_harmless(&github::format(&findings, &sources));
    for format in [gitlab::format, json::format, sarif::format] {
        let text = format(&findings, &sources).expect("JSON can be written");
        let read: Result<IgnoredAny, _> = serde_json::from_str(&text);
        assert!(read.is_ok(), "{read:?}: {text}");
    }
}

pub(crate) fn expect_harmless(text: &str) {
    assert!(text.chars().all(|c| c == '\n' || is_harmless(c)), "a terminal would obey {text:?}");
}

/// Writes the example of each rule into the directory that the environment names, for the fuzzer to begin with. They stand
/// in the rules themselves, and nowhere twice.
///
/// # Panics
///
/// When they cannot be written.
pub fn plant_examples() {
    let Some(directory) = std::env::var_os(EXAMPLES) else { return };
    for rule in RULES {
        for (word, example) in [("bad", &rule.bad), ("good", &rule.good)] {
            let mut bytes = example.policy.to_vec();
            for (_, fragment) in example.fragments {
                bytes.push(SEPARATOR);
                bytes.extend(*fragment);
            }
            let file = Path::new(&directory).join(format!("{}-{word}", rule.code));
            fs::write(file, bytes).expect("an example is written");
        }
    }
}
