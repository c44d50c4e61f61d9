//! `statec lint --format`: every format says the same, and is what its readers expect.
//!
//! Our own format is held against its published schema, SARIF against the published one, GitLab's report against what its
//! documentation says, and GitHub's commands are read as its runner reads them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use jsonschema::Validator;
use serde_json::Value;
use state_tests::program::{statec, workspace};
use statec::check::{Example, RULES};
use statec::format::json;
use tempfile::TempDir;

use crate::{Case, example, snapshot};

pub(crate) const CASES: &[Case] = &[
    ("formats::published_schema", published_schema),
    ("formats::as_json", || is_formatted("json", "findings.json")),
    ("formats::as_sarif", || is_formatted("sarif", "findings.sarif.json")),
    ("formats::as_gitlab", || is_formatted("gitlab", "findings.gitlab.json")),
    ("formats::as_github", || is_formatted("github", "findings.github.txt")),
    ("formats::json_is_as_described", json_is_as_described),
    ("formats::sarif_is_as_published", sarif_is_as_published),
    ("formats::sarif_links_its_places", sarif_links_its_places),
    ("formats::gitlab_is_as_documented", gitlab_is_as_documented),
    ("formats::all_say_the_same", all_say_the_same),
    ("formats::nothing_found", nothing_found),
    ("formats::fingerprints_outlive_moves", fingerprints_outlive_moves),
    ("formats::fingerprints_differ", fingerprints_differ),
    ("formats::columns_count_characters", columns_count_characters),
    ("formats::file_names_stay_in_their_place", file_names_stay_in_their_place),
    ("formats::user_text_makes_no_link", user_text_makes_no_link),
    ("formats::tell_nothing_of_the_host", tell_nothing_of_the_host),
];

/// Two files: findings with one place and with two, an error over several lines, a warning, and a name that all but JSON
/// must escape.
const FILES: &[(&str, &str)] = &[
    (
        "state.d/app.yaml",
        "version: 1\nstate:\n  /var/lib/app: persistent\n  /var/lib/é😀: {lifetime: ephemeral, mode: 0700}\n  /srv:\n    - 1\n    - 2\n",
    ),
    (
        "state.d/half, 50%: ü.yaml",
        "version: 1\nstate:\n  /var/lib/app: ephemeral\n  /etc/hostname: {lifetime: persistent, type: file}\n",
    ),
];

/// A directory to lint in.
struct Place {
    directory: TempDir,
}

impl Place {
    fn with(files: &[(&str, &str)]) -> Self {
        let directory = TempDir::new().unwrap();
        for (name, text) in files {
            let path = directory.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        Self { directory }
    }

    fn of(example: &Example) -> Self {
        Self { directory: example::lay_out(example) }
    }

    /// What `statec lint` says, in one of the formats.
    fn lint(&self, arguments: &[&str], format: &str) -> String {
        let output = Command::new(statec())
            .arg("lint")
            .args(arguments)
            .args(["--format", format])
            .current_dir(&self.directory)
            .output()
            .unwrap();
        assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
        String::from_utf8(output.stdout).unwrap()
    }

    fn lint_as_json(&self, arguments: &[&str], format: &str) -> Value {
        serde_json::from_str(&self.lint(arguments, format)).unwrap()
    }
}

/// How an example is linted: with its image and its policy, where it has them.
fn arguments(example: &Example) -> Vec<&'static str> {
    let mut arguments = vec!["fragments"];
    if !example.image.is_empty() {
        arguments.extend(["--rootfs", "image"]);
    }
    if !example.policy.is_empty() {
        arguments.extend(["--image", "policy.yaml"]);
    }
    arguments
}

/// What `format` makes of every rule's bad example.
fn of_all_rules(format: &str) -> impl Iterator<Item = (&'static str, String)> {
    RULES.iter().map(move |rule| (rule.code, Place::of(&rule.bad).lint(&arguments(&rule.bad), format)))
}

fn validator(schema: &Value) -> Validator {
    jsonschema::options().should_validate_formats(true).build(schema).unwrap()
}

fn read_json(path: PathBuf) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn assert_valid(validator: &Validator, document: &Value, of: &str) {
    let errors: Vec<String> =
        validator.iter_errors(document).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{of}: {}\n{document:#}", errors.join("\n"));
}

/// The schema is also a file, for those who read findings.
fn published_schema() {
    let text = serde_json::to_string_pretty(&json::schema()).unwrap() + "\n";
    snapshot::assert_is(text, "docs/schemas/findings.schema.json");
}

fn is_formatted(format: &str, file: &str) {
    let text = Place::with(FILES).lint(&["state.d"], format);
    // Not a fact of the format, and not to be renewed with every release.
    let version = format!("\"semanticVersion\": \"{}\"", env!("CARGO_PKG_VERSION"));
    let text = text.replace(&version, "\"semanticVersion\": \"[VERSION]\"");
    snapshot::assert_is(text, &format!("tests/ui/{file}"));
}

fn json_is_as_described() {
    let validator = validator(&read_json(workspace().join("docs/schemas/findings.schema.json")));
    let mut found = BTreeSet::new();
    for (code, text) in of_all_rules("json") {
        let document: Value = serde_json::from_str(&text).unwrap();
        assert_valid(&validator, &document, code);
        found.extend(codes(&document));
    }
    // `lint` counts on `--prepare`, so that this one rule is `compile`'s alone.
    let all: BTreeSet<String> = RULES.iter().map(|rule| rule.code.to_owned()).collect();
    assert_eq!(all.difference(&found).collect::<Vec<_>>(), ["missing-mount-point"]);
}

fn codes(document: &Value) -> Vec<String> {
    let findings = document["findings"].as_array().unwrap();
    findings.iter().map(|finding| finding["code"].as_str().unwrap().to_owned()).collect()
}

fn sarif_is_as_published() {
    let validator = validator(&published_sarif_schema());
    for (code, text) in of_all_rules("sarif") {
        let log: Value = serde_json::from_str(&text).unwrap();
        assert_valid(&validator, &log, code);
        let run = &log["runs"][0];
        for result in run["results"].as_array().unwrap() {
            let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
            let rule = &run["tool"]["driver"]["rules"][index];
            assert_eq!(rule["id"], result["ruleId"]);
            assert_eq!(rule["defaultConfiguration"]["level"], result["level"]);
            for place in places(result) {
                // Errata 01 demands it; this copy of the schema does not.
                assert!(
                    place["physicalLocation"]["region"]["startLine"].as_u64() > Some(0),
                    "{code}: {place}"
                );
            }
        }
    }
}

/// The schema of OASIS, which a crate that is never compiled carries; cargo knows where it has put its source.
fn published_sarif_schema() -> Value {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--locked"])
        .current_dir(workspace())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let carrier = packages.iter().find(|package| package["name"] == "serde-sarif").unwrap();
    let manifest = PathBuf::from(carrier["manifest_path"].as_str().unwrap());
    read_json(manifest.with_file_name("src/schema.json"))
}

fn places(result: &Value) -> impl Iterator<Item = &Value> {
    let of = |key| result[key].as_array().into_iter().flatten();
    of("locations").chain(of("relatedLocations"))
}

fn sarif_links_its_places() {
    let mut links = 0;
    for (code, text) in of_all_rules("sarif") {
        let log: Value = serde_json::from_str(&text).unwrap();
        for result in log["runs"][0]["results"].as_array().unwrap() {
            let message = result["message"]["text"].as_str().unwrap();
            let related = result["relatedLocations"].as_array().cloned().unwrap_or_default();
            for place in &related {
                let link = format!("[{}]({})", place["message"]["text"].as_str().unwrap(), place["id"]);
                assert!(message.contains(&link), "{code}: {message} has no {link}");
            }
            assert_eq!(message.matches("](").count(), related.len(), "{code}: {message}");
            links += related.len();
        }
    }
    assert!(links >= 5, "{links} links say little");
}

fn gitlab_is_as_documented() {
    let validator = validator(&read_json(snapshot::directory().join("gitlab.schema.json")));
    for (code, text) in of_all_rules("gitlab") {
        assert_valid(&validator, &serde_json::from_str(&text).unwrap(), code);
    }
}

/// What every format tells of a finding.
#[derive(Debug, PartialEq, Eq)]
struct Told {
    is_error: bool,
    code: String,
    file: String,
    line: u64,
}

impl Told {
    fn new(severity: &Value, code: &Value, file: &Value, line: &Value) -> Self {
        Self {
            is_error: matches!(severity.as_str().unwrap(), "error" | "major"),
            code: code.as_str().unwrap().to_owned(),
            file: file.as_str().unwrap().to_owned(),
            line: line.as_u64().unwrap(),
        }
    }

    fn of_json(text: &str) -> Vec<Self> {
        let document: Value = serde_json::from_str(text).unwrap();
        let findings = document["findings"].as_array().unwrap().iter();
        findings
            .map(|f| Self::new(&f["severity"], &f["code"], &f["file"], &f["span"]["start"]["line"]))
            .collect()
    }

    fn of_sarif(text: &str) -> Vec<Self> {
        let log: Value = serde_json::from_str(text).unwrap();
        let results = log["runs"][0]["results"].as_array().unwrap().iter();
        let told = |r: &Value| {
            let place = &r["locations"][0]["physicalLocation"];
            let (file, line) = (&place["artifactLocation"]["uri"], &place["region"]["startLine"]);
            Self::new(&r["level"], &r["ruleId"], file, line)
        };
        results.map(told).collect()
    }

    fn of_gitlab(text: &str) -> Vec<Self> {
        let report: Value = serde_json::from_str(text).unwrap();
        let told = |v: &Value| {
            let (file, line) = (&v["location"]["path"], &v["location"]["lines"]["begin"]);
            Self::new(&v["severity"], &v["check_name"], file, line)
        };
        report.as_array().unwrap().iter().map(told).collect()
    }

    fn of_github(text: &str) -> Vec<Self> {
        let told = |line| {
            let Annotation { word, properties, .. } = Annotation::read(line);
            Self {
                is_error: word == "error",
                code: properties["title"].strip_prefix("statec ").unwrap().to_owned(),
                file: properties["file"].clone(),
                line: properties["line"].parse().unwrap(),
            }
        };
        text.lines().map(told).collect()
    }
}

fn all_say_the_same() {
    for rule in RULES {
        let place = Place::of(&rule.bad);
        let said = |format| place.lint(&arguments(&rule.bad), format);
        let told = Told::of_json(&said("json"));
        assert_eq!(told, Told::of_sarif(&said("sarif")));
        assert_eq!(told, Told::of_gitlab(&said("gitlab")));
        assert_eq!(told, Told::of_github(&said("github")));
    }
}

/// A command, read as the runner of GitHub reads it (actions/runner, `ActionCommand.TryParseV2`).
struct Annotation {
    word: String,
    properties: BTreeMap<String, String>,
    data: String,
}

impl Annotation {
    fn read(line: &str) -> Self {
        let (info, data) = line.strip_prefix("::").unwrap().split_once("::").unwrap();
        let (word, properties) = info.split_once(' ').unwrap();
        let properties = properties.split(',').map(|property| {
            let (key, value) = property.split_once('=').unwrap();
            (key.to_owned(), unescape(value, &["\r", "\n", ":", ",", "%"]))
        });
        Self {
            word: word.to_owned(),
            properties: properties.collect(),
            data: unescape(data, &["\r", "\n", "%"]),
        }
    }
}

fn unescape(text: &str, escaped: &[&str]) -> String {
    escaped.iter().fold(text.to_owned(), |text, character| {
        text.replace(&format!("%{:02X}", character.as_bytes()[0]), character)
    })
}

fn nothing_found() {
    let place = Place::with(&[("a.yaml", "version: 1\nstate: {}\n")]);
    let json = place.lint_as_json(&["a.yaml"], "json");
    assert_eq!(json["findings"], serde_json::json!([]));
    assert_eq!(json["summary"], serde_json::json!({"errors": 0, "warnings": 0, "files": 1}));
    let log = place.lint_as_json(&["a.yaml"], "sarif");
    assert_valid(&validator(&published_sarif_schema()), &log, "a clean log");
    assert_eq!(log["runs"][0]["results"], serde_json::json!([]));
    assert_eq!(place.lint(&["a.yaml"], "gitlab"), "[]\n");
    assert_eq!(place.lint(&["a.yaml"], "github"), "");
}

fn fingerprints(place: &Place, arguments: &[&str]) -> Vec<String> {
    let report = place.lint_as_json(arguments, "gitlab");
    let of_gitlab: Vec<String> =
        report.as_array().unwrap().iter().map(|v| v["fingerprint"].as_str().unwrap().to_owned()).collect();
    let log = place.lint_as_json(arguments, "sarif");
    let results = log["runs"][0]["results"].as_array().unwrap().iter();
    let of_sarif: Vec<&Value> = results.map(|r| &r["partialFingerprints"]["statecFinding/v1"]).collect();
    assert_eq!(of_sarif, of_gitlab.iter().collect::<Vec<_>>());
    of_gitlab
}

/// Three more lines on top of each file, and every finding is known again.
fn fingerprints_outlive_moves() {
    for rule in RULES {
        let place = Place::of(&rule.bad);
        let before = fingerprints(&place, &arguments(&rule.bad));
        let files = fs::read_dir(place.directory.path().join("fragments")).unwrap();
        let files =
            files.map(|found| found.unwrap().path()).chain([place.directory.path().join("policy.yaml")]);
        for file in files {
            let moved = [b"# one\n\n# three\n", fs::read(&file).unwrap().as_slice()].concat();
            fs::write(file, moved).unwrap();
        }
        assert_eq!(fingerprints(&place, &arguments(&rule.bad)), before, "{}", rule.code);
    }
}

/// GitLab takes findings with the same fingerprint for one.
fn fingerprints_differ() {
    let twice = "version: 1\nstate:\n  /a: {lifetime: persistent, mode: 0700}\n  /b: {lifetime: persistent, mode: 0700}\n";
    let place = Place::with(&[("a.yaml", twice), ("b.yaml", twice)]);
    let all = fingerprints(&place, &["a.yaml", "b.yaml"]);
    assert_eq!(all.len(), 4);
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), 4, "{all:?}");
}

fn columns_count_characters() {
    let place = Place::with(&[("a.yaml", "version: 1\nstate: {/é😀: {lifetime: x}}\n")]);
    let span = &place.lint_as_json(&["a.yaml"], "json")["findings"][0]["span"];
    let [start, end] = [(25, 39), (26, 40)]
        .map(|(column, offset)| serde_json::json!({"line": 2, "column": column, "offset": offset}));
    assert_eq!((&span["start"], &span["end"]), (&start, &end));
    let log = place.lint_as_json(&["a.yaml"], "sarif");
    let run = &log["runs"][0];
    assert_eq!(run["columnKind"], "unicodeCodePoints");
    let region = &run["results"][0]["locations"][0]["physicalLocation"]["region"];
    assert_eq!(
        *region,
        serde_json::json!({"startLine": 2, "startColumn": 25, "endLine": 2, "endColumn": 26})
    );
}

fn file_names_stay_in_their_place() {
    let name = "::error::a=b\u{1b}[31m\r\n::error::\u{7f}\u{9b}\u{202e} 100%,:.yaml";
    let place = Place::with(&[(name, "version: 1\nstate: {/a: x, /b: z}\n")]);
    for format in ["json", "sarif", "gitlab", "github"] {
        let text = place.lint(&["."], format);
        let is_harmless = |c: char| c == '\n' || statec::diagnostic::is_harmless(c);
        assert!(text.chars().all(is_harmless), "{format}: {text:?}");
    }
    assert_eq!(place.lint_as_json(&["."], "json")["findings"][0]["file"], format!("./{name}"));
    assert_eq!(place.lint_as_json(&["."], "gitlab")[0]["location"]["path"], name);
    let log = place.lint_as_json(&["."], "sarif");
    assert_valid(&validator(&published_sarif_schema()), &log, "the log");
    let uri = &log["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"];
    assert_eq!(
        uri,
        "%3A%3Aerror%3A%3Aa%3Db%1B%5B31m%0D%0A%3A%3Aerror%3A%3A%7F%C2%9B%E2%80%AE%20100%25%2C%3A.yaml"
    );
    let commands = place.lint(&["."], "github");
    assert_eq!(commands.lines().count(), 2, "{commands}");
    let Annotation { word, properties, data } = Annotation::read(commands.lines().next().unwrap());
    assert_eq!(word, "error");
    // The runner decodes no other control characters; these are shown by their names.
    let shown = name.replace('\u{1b}', "\\u{1b}").replace('\u{7f}', "\\u{7f}").replace('\u{9b}', "\\u{9b}");
    assert_eq!(properties["file"], shown.replace('\u{202e}', "\\u{202e}"));
    assert!(data.contains("\nhelp: "), "{data}");
}

fn user_text_makes_no_link() {
    let place = Place::with(&[("a.yaml", "version: 1\nstate: {/a: \"[x](https://a.example)\"}\n")]);
    let log = place.lint_as_json(&["a.yaml"], "sarif");
    let message = log["runs"][0]["results"][0]["message"]["text"].as_str().unwrap();
    assert!(message.contains("[x] (https://a.example)"), "{message}");
}

/// The same files elsewhere give the same bytes, and no path that the user has not given.
fn tell_nothing_of_the_host() {
    let places = [Place::with(FILES), Place::with(FILES)];
    for format in ["json", "sarif", "gitlab", "github"] {
        let [one, other] = [&places[0], &places[1]].map(|place| place.lint(&["."], format));
        assert_eq!(one, other);
        assert!(!one.contains(places[0].directory.path().to_str().unwrap()), "{one}");
    }
}
