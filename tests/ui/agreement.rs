//! The JSON Schema accepts a file exactly if the parser does.
//!
//! A schema sees one value at a time, so the parser's side are the rules about single values. The corpus: every
//! example of every rule, and files made by exchanging one value of a good file for one of many others.

use jsonschema::Validator;
use serde_json::Value;
use statec::check::RULES;
use statec::diagnostic::Findings;
use statec::source::Sources;
use statec::{analyse, schema};

use crate::{Case, snapshot};

pub(crate) const CASES: &[Case] = &[
    ("agreement::of_fragments", of_fragments),
    ("agreement::of_policies", of_policies),
    ("agreement::published_schema_of_fragments", || is_published(&schema::of_fragments(), "fragment")),
    ("agreement::published_schema_of_policies", || is_published(&schema::of_policies(), "policy")),
];

/// The rules about single values.
const RULES_OF_VALUES: [&str; 11] = [
    "bad-version",
    "invalid-account",
    "invalid-device",
    "invalid-mode",
    "invalid-path",
    "invalid-size",
    "invalid-slot",
    "missing-key",
    "unknown-key",
    "unknown-value",
    "wrong-type",
];

/// A good file with a `@` where a value is exchanged.
const FRAGMENTS: &[&str] = &[
    "version: @\nstate: {}\n",
    "version: 1\npackage: @\nstate: {}\n",
    "version: 1\nstate: @\n",
    "version: 1\n@: 1\nstate: {}\n",
    "version: 1\nstate:\n  @: persistent\n",
    "version: 1\nstate:\n  /a: @\n",
    "version: 1\nstate:\n  /a: {lifetime: @}\n",
    "version: 1\nstate:\n  /a: {lifetime: persistent, scope: @}\n",
    "version: 1\nstate:\n  /a: {lifetime: persistent, type: @}\n",
    "version: 1\nstate:\n  /a: {lifetime: persistent, how: @}\n",
    "version: 1\nstate:\n  /a: {lifetime: persistent, to: @}\n",
    "version: 1\nstate:\n  /a: {lifetime: persistent, seed: @}\n",
    "version: 1\nstate:\n  /a: {lifetime: persistent, seed: {text: @}}\n",
    "version: 1\nstate:\n  /a: {lifetime: persistent, on-update: @}\n",
    "version: 1\nstate:\n  /a: {lifetime: persistent, on-failure: @}\n",
    "version: 1\nstate:\n  /a: {lifetime: persistent, owner: @}\n",
    "version: 1\nstate:\n  /a: {lifetime: persistent, group: @}\n",
    "version: 1\nstate:\n  /a: {lifetime: persistent, mode: @}\n",
    "version: 1\nstate:\n  /a: {lifetime: persistent, options: @}\n",
    "version: 1\nstate:\n  /a: {lifetime: persistent, options: [@]}\n",
    "version: 1\nstate:\n  /a: {lifetime: ephemeral, size: @}\n",
    "version: 1\nstate:\n  /a: {lifetime: persistent, reason: @}\n",
    "version: 1\nstate:\n  /a: {lifetime: persistent, @: x}\n",
    "version: 1\nstate:\n  /a: {mode: @}\n",
];

const POLICIES: &[&str] = &[
    "version: @\n",
    "version: 1\nimage: @\n",
    "version: 1\nimage: {@: 1}\n",
    "version: 1\nimage: {slots: @}\n",
    "version: 1\nimage: {slots: [@]}\n",
    "version: 1\nimage: {slot-from: @}\n",
    "version: 1\nimage: {slot-from: [@]}\n",
    "version: 1\nimage: {sys-data: @}\n",
    "version: 1\nimage: {sys-data: {device: @}}\n",
    "version: 1\nimage: {sys-data: {fstype: @}}\n",
    "version: 1\nimage: {sys-data: {options: @}}\n",
    "version: 1\nimage: {sys-data: {options: [@]}}\n",
    "version: 1\nimage: {sys-data: {mount-point: @}}\n",
    "version: 1\nimage: {on-sys-data-failure: @}\n",
    "version: 1\nremove: @\n",
    "version: 1\noverride: @\n",
    "version: 1\noverride: {/a: @}\n",
    "version: 1\noverride: {/a: {mode: @}}\n",
    "version: 1\nstate: {/a: @}\n",
];

/// What is put there: each word of the language, and values of every type and shape.
const VALUES: &[&str] = &[
    "~",
    "true",
    "false",
    "0",
    "1",
    "2",
    "-1",
    "1.5",
    "4294967294",
    "4294967295",
    "text",
    "''",
    "'1'",
    "[]",
    "[x]",
    "{}",
    "{x: y}",
    "persistent",
    "ephemeral",
    "Persistent",
    "slot",
    "common",
    "directory",
    "file",
    "bind",
    "overlay",
    "symlink",
    "image",
    "empty",
    "{text: x}",
    "{text: 1}",
    "carry",
    "merge",
    "reset",
    "fail",
    "degrade",
    "skip",
    "nosuid",
    "suid",
    "noatime",
    "[nosuid]",
    "[exec, nodev]",
    "root",
    "'0755'",
    "'755'",
    "'07555'",
    "'0788'",
    "16M",
    "16MB",
    "'16K'",
    "0M",
    "M",
    "/",
    "/x",
    "/x/y",
    "/x/",
    "//x",
    "/x/../y",
    "/./x",
    "/x/..",
    "/..x",
    "x/y",
    "'/x y'",
    "\"/x\\n\"",
    "a:b",
    "'-1'",
    "'+1'",
    "www-data",
    "1abc",
    "A",
    "'A B'",
    "-a",
    "a/b",
    "[A, B]",
    "sysota.slot",
    "root=x-{slot}",
    "root=x",
    "'{slot}'",
    "PARTLABEL=x",
    "PARTLABEL=",
    "LABEL=x",
    "/dev/sda1",
    "/dev/",
    "[/x]",
    "{mode: '0700'}",
    "{lifetime: persistent}",
    "lifetime",
    "version",
    "state",
    "slots",
    "package",
    "override",
];

fn of_fragments() {
    let validator = jsonschema::validator_for(&schema::of_fragments()).unwrap();
    let examples =
        RULES.iter().flat_map(|rule| [&rule.bad, &rule.good]).flat_map(|example| example.fragments);
    let texts = examples.filter_map(|(_, content)| Some(std::str::from_utf8(content).ok()?.to_owned()));
    agree(texts.chain(exchanged(FRAGMENTS)), &validator, false);
}

fn of_policies() {
    let validator = jsonschema::validator_for(&schema::of_policies()).unwrap();
    let examples =
        RULES.iter().flat_map(|rule| [&rule.bad, &rule.good]).filter(|example| !example.policy.is_empty());
    let texts = examples.map(|example| String::from_utf8(example.policy.to_vec()).unwrap());
    agree(texts.chain(exchanged(POLICIES)), &validator, true);
}

fn exchanged(files: &'static [&'static str]) -> impl Iterator<Item = String> {
    files.iter().flat_map(|file| VALUES.iter().map(|value| file.replace('@', value)))
}

fn agree(texts: impl Iterator<Item = String>, validator: &Validator, is_policy: bool) {
    let (mut accepted, mut refused) = (0, 0);
    for text in texts {
        let codes = codes(&text, is_policy);
        // A file with a mistake of another kind has no document that a schema could look at.
        if codes
            .iter()
            .any(|code| matches!(*code, "yaml-syntax" | "yaml-feature" | "yaml-limit" | "duplicate-key"))
        {
            continue;
        }
        if text.contains("mode: 0750") {
            // The oracle reads a number with a leading zero as text; by the core schema it is a number.
            continue;
        }
        let is_good = !codes.iter().any(|code| RULES_OF_VALUES.contains(code));
        // What JSON cannot hold, such as a list as a key, is no valid document either.
        let is_valid = serde_yaml::from_str(&text).is_ok_and(|document: Value| validator.is_valid(&document));
        assert_eq!(is_valid, is_good, "the parser finds {codes:?} in\n{text}");
        if is_good { accepted += 1 } else { refused += 1 }
    }
    assert!(accepted > 50 && refused > 200, "{accepted} accepted and {refused} refused files say little");
}

fn codes(text: &str, is_policy: bool) -> Vec<&'static str> {
    let mut findings = Findings::default();
    let mut sources = Sources::default();
    let id =
        sources.add_bytes("a.yaml".to_owned(), "a.yaml".to_owned(), text.as_bytes().to_vec(), &mut findings);
    analyse(&sources, is_policy.then_some(id), None, true, &mut findings);
    findings.sorted(&sources).iter().map(|finding| finding.rule.code).collect()
}

/// The schemas are also files, for editors that cannot run `statec`.
fn is_published(schema: &Value, name: &str) {
    let text = serde_json::to_string_pretty(schema).unwrap() + "\n";
    snapshot::assert_is(text, &format!("docs/schemas/{name}.schema.json"));
}
