//! The fragments and policies that the documentation shows are what they look like.

use std::fs;
use std::process::Command;

use serde_json::Value;
use state_tests::program::{statec, workspace};
use statec::fragment::DECLARATION_KEYS;
use statec::schema;
use tempfile::TempDir;

use crate::{Case, snapshot};

pub(crate) const CASES: &[Case] = &[
    ("pages::language", || fragments_are_clean("docs/language.md", 8)),
    ("pages::generated_parts_of_the_language", generated_parts_are_current),
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

/// The table of a declaration's fields is made from the types that the parser fills; the explanation is what `statec` says
/// about the page's own example.
fn generated_parts_are_current() {
    const FIELDS: [&str; 2] =
        ["<!-- fields: written by the parser's own types, like the JSON Schema -->\n", "<!-- /fields -->"];
    const EXPLANATION: [&str; 2] =
        ["<!-- explanation: written by statec explain -->\n", "<!-- /explanation -->"];
    let page = fs::read_to_string(workspace().join("docs/language.md")).unwrap();
    let page = with_part(&page, FIELDS, &table_of_fields());
    let explanation = explanation(&page);
    snapshot::assert_is(with_part(&page, EXPLANATION, &explanation), "docs/language.md");
}

fn with_part(page: &str, [start, end]: [&str; 2], part: &str) -> String {
    let (before, rest) = page.split_once(start).unwrap();
    let (_, after) = rest.split_once(end).unwrap();
    format!("{before}{start}{part}{end}{after}")
}

fn explanation(page: &str) -> String {
    let first = |text: &str, holds: &str| {
        let mut blocks = text.split("```yaml\n").skip(1).filter_map(|rest| Some(rest.split_once("```")?.0));
        blocks.find(|block| block.contains(holds)).unwrap().to_owned()
    };
    let directory = TempDir::new().unwrap();
    fs::create_dir(directory.path().join("state.d")).unwrap();
    fs::write(directory.path().join("policy.yaml"), first(page, "override:")).unwrap();
    let (_, section) = page.split_once("## Who decided\n").unwrap();
    fs::write(directory.path().join("state.d/base-files.yaml"), first(section, "state:")).unwrap();
    let arguments = ["explain", "/var/log", "state.d", "--image", "policy.yaml"];
    let output = Command::new(statec()).args(arguments).current_dir(&directory).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    format!("```text\n$ statec {}\n{text}```\n", arguments.join(" "))
}

fn table_of_fields() -> String {
    let schema = schema::of_fragments();
    let fields = &schema["definitions"]["declaration"]["anyOf"][1]["properties"];
    let rows = DECLARATION_KEYS.iter().map(|key| {
        let field = &fields[key];
        let description = field["description"].as_str().unwrap().replace('\n', " ");
        for word in field["enum"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            assert!(description.contains(&format!("`{word}`")), "`{word}` is not explained: {description}");
        }
        format!("| `{key}` | {description} |\n")
    });
    ["| key | meaning |\n| --- | --- |\n".to_owned()].into_iter().chain(rows).collect()
}
