//! No file makes `statec` panic or hang: whatever bytes it has, there are findings or there is a fragment. What has to be so is
//! the same as for the fuzzer, which looks further.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use state_fuzz::lint::check;
use statec::check::RULES;

use crate::Case;

pub(crate) const CASES: &[Case] =
    &[("robust::mutated_files", mutated_files), ("robust::known_traps", known_traps)];

/// Files that made one YAML library or another hang, overflow its stack or take all memory.
fn known_traps() {
    for text in [
        "[".repeat(1 << 20),
        "{".repeat(1 << 19),
        "- ".repeat(1 << 18),
        "? ".repeat(1 << 18),
        "a: ".repeat(1 << 17),
        "&a ".repeat(1 << 17),
        "!!str ".repeat(1 << 16),
        "#\n".repeat(1 << 19),
        format!("a: &a [x]\n{}", "b: *a\n".repeat(10_000)),
        (0..9).map(|n| format!("a{n}: &a{n} [*a{0},*a{0},*a{0}]\n", n + 1)).collect::<Vec<_>>().concat(),
        format!("version: 1\nstate: {{{}}}\n", "/a: b, ".repeat(20_000)),
        format!("version: 1\nstate:\n  {}: x\n", "/a".repeat(1 << 18)),
        format!("version: 1\nstate: \"{}\"\n", "\\u0041".repeat(100_000)),
        "\u{feff}\u{feff}version: 1\n".to_owned(),
        "%YAML 9.9\n---\nversion: 1\n".to_owned(),
        "version: 1\r\rstate: {}\r".to_owned(),
    ] {
        check(text.as_bytes());
    }
}

fn mutated_files() {
    let corpus: Vec<&[u8]> = RULES
        .iter()
        .flat_map(|rule| [&rule.bad, &rule.good])
        .flat_map(|example| example.fragments.iter().map(|(_, content)| *content).chain([example.policy]))
        .collect();
    let tokens: [&[u8]; 16] = [
        b":", b"\n", b"  ", b"- ", b"[", b"]", b"{", b"}", b"\"", b"'", b"#", b"&a", b"*a", b"|\n", b"\t",
        b"\xff",
    ];
    let changes = prop::collection::vec(
        (any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<bool>()),
        1..8,
    );
    let strategy = (0..corpus.len(), changes);
    let config = Config { failure_persistence: None, ..Config::with_cases(20_000) };
    TestRunner::new(config)
        .run(&strategy, |(file, changes)| {
            let mut bytes = corpus[file].to_vec();
            for (place, token, removes) in changes {
                let place = place.index(bytes.len() + 1);
                if removes && place < bytes.len() {
                    bytes.remove(place);
                } else {
                    let token = tokens[token.index(tokens.len())];
                    bytes.splice(place..place, token.iter().copied());
                }
            }
            check(&bytes);
            Ok(())
        })
        .unwrap();
}
