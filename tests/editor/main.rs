//! The JSON Schema in a real editor's YAML support: the language server that VS Code, Neovim and others run.

mod language_server;

use serde_json::{Value, json};

use crate::language_server::LanguageServer;

/// The lines (from 0) with findings.
fn lines(diagnostics: &[Value]) -> Vec<u64> {
    diagnostics.iter().map(|one| one["range"]["start"]["line"].as_u64().unwrap()).collect()
}

#[test]
fn a_good_fragment_has_no_findings() {
    let mut server = LanguageServer::start();
    let text = "version: 1\nstate:\n  /var/lib/app: persistent\n  /etc/app:\n    lifetime: persistent\n    mode: \"0700\"\n    \
                seed: {text: \"x\"}\n    options: [noexec]\n";
    assert_eq!(server.diagnostics("fragment", text), Vec::<Value>::new());
    let text = "version: 1\nimage: {slots: [A, B]}\noverride: {/a: {mode: \"0700\"}}\nremove: [/b]\n";
    assert_eq!(server.diagnostics("policy", text), Vec::<Value>::new());
}

#[test]
fn mistakes_are_found_where_they_are() {
    let mut server = LanguageServer::start();
    for (text, line) in [
        ("version: 1\nstate:\n  /a:\n    lifetime: persistant\n", 3),
        ("version: 1\nstate:\n  /a:\n    lifetime: persistent\n    ownr: root\n", 4),
        ("version: 1\nstate:\n  /a:\n    lifetime: persistent\n    mode: 0755\n", 4),
        ("version: 1\nstate:\n  /a:\n    lifetime: persistent\n    options: [nosuit]\n", 4),
        ("version: 1\nstate:\n  a/b: persistent\n", 2),
        ("version: 2\nstate: {}\n", 0),
    ] {
        let found = lines(&server.diagnostics("fragment", text));
        // One more: the line that names the schema.
        assert!(found.contains(&(line + 1)), "{found:?} in\n{text}");
    }
    assert!(
        !server.diagnostics("fragment", "version: 1\nstate:\n  /a:\n    mode: \"0755\"\n").is_empty(),
        "no lifetime"
    );
}

#[test]
fn keys_and_words_are_offered_and_explained() {
    let mut server = LanguageServer::start();
    let text = "version: 1\nstate:\n  /a:\n    lifetime: persistent\n    \n";
    server.diagnostics("fragment", text);
    let offered = server.request("textDocument/completion", json!({"line": 5, "character": 4}));
    let offered: Vec<&str> =
        offered["items"].as_array().unwrap().iter().map(|item| item["label"].as_str().unwrap()).collect();
    for key in ["scope", "on-update", "mode", "seed"] {
        assert!(offered.contains(&key), "{offered:?}");
    }
    let shown = server.request("textDocument/hover", json!({"line": 4, "character": 6}));
    let shown = shown["contents"]["value"].as_str().unwrap();
    assert!(shown.contains("How long writes last"), "{shown}");
}
