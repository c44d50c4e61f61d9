//! What `docs/integration.md` tells people to paste works: its `statec` commands run, and leave what is picked up.

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use state_tests::program::{statec, workspace};
use tempfile::TempDir;

use crate::Case;

pub(crate) const CASES: &[Case] = &[
    ("integration::commands_of_the_page", commands_of_the_page),
    ("integration::snippets_report_findings", snippets_report_findings),
    ("integration::hook_of_pre_commit", hook_of_pre_commit),
    ("integration::own_pipelines", own_pipelines),
    ("integration::own_reports", own_reports),
];

const CLEAN: &str = "version: 1\nstate:\n  /var/lib/app: persistent\n";
const FAULTY: &str = "version: 1\nstate:\n  /var/lib/app: persistant\n";

/// A layer and a root file system with one fragment.
fn layer(fragment: &str) -> TempDir {
    let directory = TempDir::new().unwrap();
    for place in ["recipes-app/app/files/state.d", "rootfs/usr/share/sysota/state.d"] {
        let place = directory.path().join(place);
        fs::create_dir_all(&place).unwrap();
        fs::write(place.join("app.yaml"), fragment).unwrap();
    }
    fs::create_dir_all(directory.path().join("rootfs/usr/lib/sysota")).unwrap();
    directory
}

/// Exit status of a shell command that finds `statec` on its path.
fn run(command: &str, directory: &Path) -> i32 {
    let mut path = OsString::from(statec().parent().unwrap());
    path.push(":/usr/bin:/bin");
    let output =
        Command::new("sh").args(["-c", command]).env("PATH", path).current_dir(directory).output().unwrap();
    output.status.code().unwrap()
}

fn read(file: &str) -> String {
    fs::read_to_string(workspace().join(file)).unwrap()
}

fn blocks<'p>(page: &'p str, language: &str) -> Vec<&'p str> {
    let fence = format!("```{language}\n");
    page.split(&fence).skip(1).filter_map(|rest| Some(rest.split_once("```")?.0)).collect()
}

/// All `statec` commands in the texts of a document.
fn commands(document: &Value) -> Vec<String> {
    match document {
        Value::String(text) => {
            text.lines().filter(|line| line.starts_with("statec ")).map(str::to_owned).collect()
        }
        Value::Array(items) => items.iter().flat_map(commands).collect(),
        Value::Object(fields) => fields.values().flat_map(commands).collect(),
        _ => Vec::new(),
    }
}

/// The values of `key`, wherever it is.
fn values<'d>(document: &'d Value, key: &str) -> Vec<&'d str> {
    let below: Vec<&Value> = match document {
        Value::Array(items) => items.iter().collect(),
        Value::Object(fields) => fields.values().collect(),
        _ => Vec::new(),
    };
    let here = document.get(key).and_then(Value::as_str);
    here.into_iter().chain(below.into_iter().flat_map(|value| values(value, key))).collect()
}

fn commands_of_the_page() {
    let page = read("docs/integration.md");
    let directory = layer(CLEAN);
    let shown: Vec<&str> = blocks(&page, "console").iter().flat_map(|block| block.lines()).collect();
    assert!(shown.len() >= 3, "{shown:?}");
    for line in shown {
        let command = line.strip_prefix("$ ").unwrap();
        assert_eq!(run(command, directory.path()), 0, "{command}");
    }
    assert!(directory.path().join("rootfs/usr/lib/sysota/state.blob").exists());
}

fn snippets_report_findings() {
    let page = read("docs/integration.md");
    let snippets: Vec<Value> =
        blocks(&page, "yaml").iter().map(|block| serde_yaml::from_str(block).unwrap()).collect();
    let mut reports = 0;
    for (fragment, status) in [(CLEAN, 0), (FAULTY, 1)] {
        for snippet in &snippets {
            let directory = layer(fragment);
            for command in commands(snippet) {
                assert_eq!(run(&command, directory.path()), status, "{command}");
            }
            for report in ["codequality", "sarif_file"].iter().flat_map(|key| values(snippet, key)) {
                let text = fs::read_to_string(directory.path().join(report)).unwrap();
                let _: Value = serde_json::from_str(&text).unwrap();
                assert_eq!(text.contains("unknown-value"), status == 1, "{report}: {text}");
                reports += 1;
            }
        }
    }
    assert_eq!(reports, 4, "GitLab's and GitHub's, with and without a finding");
}

fn hook_of_pre_commit() {
    let hooks: Value = serde_yaml::from_str(&read(".pre-commit-hooks.yaml")).unwrap();
    let hook = &hooks[0];
    assert!(read("docs/integration.md").contains(&format!("- id: {}\n", hook["id"].as_str().unwrap())));
    // pre-commit searches the pattern in the path, as JSON Schema does in a text.
    let takes = jsonschema::validator_for(&json!({"pattern": hook["files"]})).unwrap();
    for file in ["app.state.yaml", "recipes/app/files/app.state.yml", "state.d/a.yaml", "x/state.d/a.yml"] {
        assert!(takes.is_valid(&json!(file)), "{file}");
    }
    for file in [
        "app.yaml",
        "state.yaml",
        "xstate.d/a.yaml",
        "state.d/a.yaml.orig",
        "state.d/README",
        "state.d/x/a.yaml",
    ] {
        assert!(!takes.is_valid(&json!(file)), "{file}");
    }
    let entry = hook["entry"].as_str().unwrap();
    for (fragment, status) in [(CLEAN, 0), (FAULTY, 1)] {
        let directory = layer(fragment);
        let file = "recipes-app/app/files/state.d/app.yaml";
        assert_eq!(run(&format!("{entry} {file}"), directory.path()), status);
    }
}

/// Our own pipelines do what a developer does, and nothing else but showing it.
fn own_pipelines() {
    let gitlab: Value = serde_yaml::from_str(&read(".gitlab-ci.yml")).unwrap();
    let github: Value = serde_yaml::from_str(&read(".github/workflows/ci.yml")).unwrap();
    for (job, command) in [("test", "bash .ci/run"), ("coverage", "bash .ci/run coverage")] {
        assert_eq!(gitlab[job]["script"], json!([command]));
        assert_eq!(github["jobs"][job]["steps"][1]["run"], command);
        assert_eq!(github["jobs"][job]["container"]["image"], gitlab["default"]["image"]);
    }
    assert_eq!(values(&github, "run").len(), 3, "these two, and the summary");
}

/// Forges find the reports where `cargo xtask coverage` leaves them, whose own test has the same names and the same line.
fn own_reports() {
    let [cobertura, junit] = ["target/coverage/cobertura.xml", "target/coverage/junit.xml"];
    let gitlab: Value = serde_yaml::from_str(&read(".gitlab-ci.yml")).unwrap();
    let coverage = &gitlab["coverage"];
    assert_eq!(coverage["artifacts"]["when"], "always");
    assert_eq!(
        coverage["artifacts"]["reports"],
        json!({"junit": junit, "coverage_report": {"coverage_format": "cobertura", "path": cobertura}})
    );
    let expression = coverage["coverage"].as_str().unwrap();
    let pattern = expression.strip_prefix('/').and_then(|rest| rest.strip_suffix('/')).unwrap();
    let finds = jsonschema::validator_for(&json!({"pattern": pattern})).unwrap();
    assert!(finds.is_valid(&json!("\nLines covered: 95.5%\n")));
    assert!(!finds.is_valid(&json!("Lines covered: none")));

    let github: Value = serde_yaml::from_str(&read(".github/workflows/ci.yml")).unwrap();
    let steps = &github["jobs"]["coverage"]["steps"];
    let kept: Vec<&str> = values(steps, "path").iter().flat_map(|paths| paths.lines()).collect();
    assert_eq!(kept, [cobertura, junit]);
    let summary = "cat target/coverage/summary.md >> \"$GITHUB_STEP_SUMMARY\"";
    let shows: Vec<&Value> = steps.as_array().unwrap().iter().filter(|step| step["run"] == summary).collect();
    assert_eq!(shows.len(), 1);
    assert_eq!(shows[0]["if"], "${{ !cancelled() }}", "also when tests fail");
}
