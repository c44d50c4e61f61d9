//! `statec explain` and `statec diff`.

use std::fs;
use std::process::{Command, Output};

use state_tests::program::statec;
use statec::diagnostic::is_harmless;
use tempfile::TempDir;

use crate::{Case, snapshot};

pub(crate) const CASES: &[Case] = &[
    ("explain::by_fragments", explains_by_fragments),
    ("explain::by_blob", explains_by_blob),
    ("explain::who_said_what_as_text", || explains_who_said_what("text", "txt")),
    ("explain::who_said_what_as_json", || explains_who_said_what("json", "json")),
    ("explain::who_said_what_as_yaml", || explains_who_said_what("yaml", "yaml")),
    ("explain::no_text_reaches_the_terminal_raw", no_text_reaches_the_terminal_raw),
    ("diff::as_text", || diff_is("text", "txt")),
    ("diff::as_json", || diff_is("json", "json")),
    ("diff::as_yaml", || diff_is("yaml", "yaml")),
    ("diff::of_the_same", diff_of_the_same),
    ("diff::of_harmless_changes", diff_of_harmless_changes),
];

const BASE: &str = "version: 1\nstate:\n  /var/lib/app:\n    lifetime: persistent\n    reason: its database\n    on-update: carry\n";
const POLICY: &str = "version: 1\noverride:\n  /var/lib/app:\n    on-update: merge\n    mode: \"0750\"\n";

struct Place {
    directory: TempDir,
}

impl Place {
    fn new() -> Self {
        let directory = TempDir::new().unwrap();
        fs::create_dir(directory.path().join("image")).unwrap();
        Self { directory }
    }

    fn with(self, name: &str, text: &str) -> Self {
        fs::write(self.directory.path().join(name), text).unwrap();
        self
    }

    fn run(&self, arguments: &[&str]) -> Output {
        Command::new(statec()).args(arguments).current_dir(&self.directory).output().unwrap()
    }

    fn stdout(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    fn compile(&self, fragment: &str, id: &str, blob: &str) {
        self.stdout(&[
            "compile",
            fragment,
            "--rootfs",
            "image",
            "--prepare",
            "--image-id",
            id,
            "--output",
            blob,
        ]);
    }
}

fn explains_by_fragments() {
    let place = Place::new().with("app.yaml", BASE).with("policy.yaml", POLICY);
    let arguments = ["explain", "/var/lib/app/db/1", "app.yaml", "--image", "policy.yaml"];
    snapshot::assert_is(place.stdout(&arguments), "tests/ui/explanation.txt");
    assert_eq!(
        place.stdout(&["explain", "/srv", "app.yaml"]),
        "/srv is read-only: nobody declares it or a directory above it\n"
    );
    assert_eq!(place.run(&["explain", "srv", "app.yaml"]).status.code(), Some(2));
}

fn explains_by_blob() {
    let place = Place::new().with("app.yaml", BASE);
    place.compile("app.yaml", "1", "blob");
    let explain = |path, format| place.stdout(&["explain", path, "--blob", "blob", "--format", format]);
    snapshot::assert_is(explain("/var/lib/app/db", "text"), "tests/ui/explanation_of_blob.txt");
    assert_eq!(explain("/srv", "text"), "/srv is read-only: nobody declares it or a directory above it\n");
}

/// Several fragments and the policy, each with its say: who decided, who agrees, who was overridden, who contradicts.
fn explains_who_said_what(format: &str, ending: &str) {
    let place = Place::new()
        .with("a.yaml", "version: 1\nstate:\n  /var/lib/app: persistent\n  /srv: persistent\n  /opt: persistent\n")
        .with(
            "b.yaml",
            "version: 1\nstate:\n  /var/lib/app: {lifetime: persistent, on-update: carry, owner: \"7\", reason: grün}\n",
        )
        .with(
            "c.yaml",
            "version: 1\nstate:\n  /var/lib/app:\n    lifetime: persistent\n    on-update: reset\n    owner: \"8\"\n    \
             reason: \"red \\e[31m\"\n",
        )
        .with(
            "policy.yaml",
            "version: 1\noverride:\n  /var/lib/app: {on-update: merge, mode: \"0750\"}\nremove: [/srv]\n",
        );
    let explain = |path| {
        let output = place.run(&[
            "explain",
            path,
            "a.yaml",
            "b.yaml",
            "c.yaml",
            "--image",
            "policy.yaml",
            "--format",
            format,
        ]);
        // They disagree about the owner, and nobody decides: a finding, beside the explanation.
        assert_eq!(output.status.code(), Some(1));
        assert!(String::from_utf8(output.stderr).unwrap().contains("error[conflict]"));
        String::from_utf8(output.stdout).unwrap()
    };
    snapshot::assert_is(explain("/var/lib/app"), &format!("tests/ui/explanation_of_many.{ending}"));
    if format == "text" {
        let removed = "/srv is read-only: policy.yaml:4 removes what is declared at a.yaml:4\n";
        assert_eq!(explain("/srv"), removed);
    }
}

fn no_text_reaches_the_terminal_raw() {
    let fragment =
        "version: 1\nstate:\n  \"/a\\u202eb\": {lifetime: persistent, reason: \"\\e[31mred\\ttext\\n\"}\n";
    let place = Place::new().with("app.yaml", fragment).with("empty.yaml", "version: 1\nstate: {}\n");
    place.compile("app.yaml", "1", "blob");
    place.compile("empty.yaml", "2", "other");
    let path = "/a\u{202e}b";
    for (arguments, shown) in [
        (&["explain", path, "app.yaml"][..], r"reason      \u{1b}[31mred\ttext\n"),
        (&["explain", path, "--blob", "blob"], r"reason      \u{1b}[31mred\ttext\n"),
        (&["explain", path, "empty.yaml"], r"/a\u{202e}b is read-only"),
        (&["inspect", "blob"], r"/a\u{202e}b"),
    ] {
        let text = place.stdout(arguments);
        assert!(text.contains(shown), "{text:?}");
        assert!(text.chars().all(|c| c == '\n' || is_harmless(c)), "a terminal would obey {text:?}");
    }
    let output = place.run(&["diff", "blob", "other"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains(r"! /a\u{202e}b  "), "{text:?}");
}

const OLD: &str = "version: 1
state:
  /a/gone: persistent
  /a/gone-cache: ephemeral
  /a/into-parent/x: persistent
  /a/link: {lifetime: persistent, how: symlink, to: /a/same/link}
  /a/merged: {lifetime: persistent, on-update: merge}
  /a/moved: {lifetime: persistent, scope: common}
  /a/overlaid: persistent
  /a/relinked: {lifetime: persistent, how: symlink, to: /a/same/one}
  /a/same: persistent
  /a/to-disk: ephemeral
  /a/to-memory: persistent
  /a/typed: {lifetime: persistent, type: directory}
  /a/tuned: {lifetime: persistent, mode: \"0700\"}
";

const NEW: &str = "version: 1
state:
  /a/into-parent: persistent
  /a/merged: {lifetime: persistent, on-update: reset}
  /a/moved: persistent
  /a/new: persistent
  /a/overlaid: {lifetime: persistent, how: overlay}
  /a/relinked: {lifetime: persistent, how: symlink, to: /a/same/other}
  /a/same: persistent
  /a/same/cache: ephemeral
  /a/same/database: persistent
  /a/to-disk: persistent
  /a/to-memory: ephemeral
  /a/typed: {lifetime: persistent, type: file}
  /a/tuned: {lifetime: persistent, mode: \"0750\", on-update: merge, options: [noexec]}
";

fn diff_is(format: &str, ending: &str) {
    let place = Place::new().with("old.yaml", OLD).with("new.yaml", NEW);
    place.compile("old.yaml", "1", "old");
    fs::remove_dir_all(place.directory.path().join("image/a")).unwrap();
    place.compile("new.yaml", "2", "new");
    let output = place.run(&["diff", "old", "new", "--format", format]);
    assert_eq!(output.status.code(), Some(1));
    snapshot::assert_is(String::from_utf8(output.stdout).unwrap(), &format!("tests/ui/difference.{ending}"));
}

fn diff_of_the_same() {
    let place = Place::new().with("old.yaml", OLD);
    place.compile("old.yaml", "1", "old");
    let text = place.stdout(&["diff", "old", "old"]);
    assert!(text.ends_with("nothing changes for state\n") && text.contains("the same image id"), "{text}");
}

fn diff_of_harmless_changes() {
    let place = Place::new().with("old.yaml", "version: 1\nstate: {/a: ephemeral}\n");
    let place = place.with("new.yaml", "version: 1\nstate: {/a: persistent, /b: persistent}\n");
    place.compile("old.yaml", "1", "old");
    place.compile("new.yaml", "2", "new");
    let text = place.stdout(&["diff", "old", "new"]);
    assert!(text.contains("turned persistent") && text.contains("  /b  new"), "{text}");
}
