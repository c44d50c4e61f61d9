//! What is said where no rule is broken and yet something is wrong.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::process::Command;

use state_tests::program::{statec, workspace};
use tempfile::TempDir;

use crate::Case;

pub(crate) const CASES: &[Case] = &[
    ("command_line::all_findings_come_in_one_run", all_findings_come_in_one_run),
    ("command_line::nothing_to_read_is_said", nothing_to_read_is_said),
    ("command_line::a_broken_file_is_not_found_incomplete", a_broken_file_is_not_found_incomplete),
    ("command_line::no_text_of_a_file_reaches_the_terminal_raw", no_text_of_a_file_reaches_the_terminal_raw),
    ("command_line::a_damaged_blob_is_refused_with_its_place", a_damaged_blob_is_refused_with_its_place),
    ("command_line::a_symlink_to_itself_is_found", a_symlink_to_itself_is_found),
    ("command_line::columns_are_characters_in_every_format", columns_are_characters_in_every_format),
    ("command_line::what_has_no_end_is_not_read_to_it", what_has_no_end_is_not_read_to_it),
    (
        "command_line::what_is_advised_for_replaced_files_is_clean",
        what_is_advised_for_replaced_files_is_clean,
    ),
    ("command_line::blob_and_data_partition_stay_visible", blob_and_data_partition_stay_visible),
    ("command_line::limits_hold", limits_hold),
    ("command_line::too_many_files_are_refused", too_many_files_are_refused),
    ("command_line::text_files_of_all_systems_are_read", text_files_of_all_systems_are_read),
    ("command_line::what_yaml_1_2_forbids_is_said", what_yaml_1_2_forbids_is_said),
];

fn lint(directory: &TempDir, arguments: &[&str]) -> (i32, String, String) {
    let output = Command::new(statec()).arg("lint").args(arguments).current_dir(directory).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn all_findings_come_in_one_run() {
    let directory = TempDir::new().unwrap();
    fs::write(
        directory.path().join("b.yaml"),
        "version: 1\nstate: {/a: persistant, b: ephemeral, /run/c: ephemeral}\n",
    )
    .unwrap();
    fs::write(directory.path().join("a.yaml"), "version: 3\nstate: {/d: {mode: 0700}}\n").unwrap();
    let (status, text, _) = lint(&directory, &["."]);
    assert_eq!(status, 1);
    let codes: Vec<&str> =
        text.lines().filter_map(|line| line.strip_prefix("error[")?.strip_suffix(']')).collect();
    let by_file_and_place =
        ["bad-version", "missing-key", "invalid-mode", "unknown-value", "invalid-path", "forbidden-place"];
    assert_eq!(codes, by_file_and_place, "{text}");
    assert!(text.ends_with("6 errors in 2 files\n"), "{text}");
}

fn nothing_to_read_is_said() {
    let directory = TempDir::new().unwrap();
    let (status, _, text) = lint(&directory, &["absent.yaml"]);
    assert_eq!(
        (status, text.as_str()),
        (2, "statec: cannot read absent.yaml: No such file or directory (os error 2)\n")
    );
    let (status, _, text) = lint(&directory, &["."]);
    assert_eq!((status, text.as_str()), (2, "statec: no fragment (*.yaml) in .\n"));
    fs::write(directory.path().join(std::ffi::OsStr::from_bytes(b"\xff.yaml")), "").unwrap();
    let (status, _, text) = lint(&directory, &["."]);
    assert_eq!((status, text.contains("is not UTF-8")), (2, true), "{text}");
}

fn a_broken_file_is_not_found_incomplete() {
    let directory = TempDir::new().unwrap();
    fs::write(directory.path().join("a.yaml"), "version: 1\nstate:\n  /a:\n    mode: \"0700\n").unwrap();
    let (_, text, _) = lint(&directory, &["a.yaml"]);
    assert!(text.contains("yaml-syntax") && text.ends_with("1 error in 1 file\n"), "{text}");
}

fn no_text_of_a_file_reaches_the_terminal_raw() {
    let directory = TempDir::new().unwrap();
    let text = "version: 1\nstate:\n  /a: \"\\e[31m\\x07\"\n  /b: \u{202e}x\n  /c: {\"\\e]0;title\\a\": 1}\n";
    fs::write(directory.path().join("escapes.yaml"), text).unwrap();
    fs::write(directory.path().join("raw.yaml"), "version: 1\n# \u{1b}[31m\nstate: {}\n").unwrap();
    let text = "version: 1\nstate: {/a: {lifetime: no such\rvalue}}\n";
    fs::write(directory.path().join("returns.yaml"), text).unwrap();
    let (status, text, _) = lint(&directory, &["."]);
    assert_eq!(status, 1);
    assert!(text.chars().all(|c| c == '\n' || (!c.is_control() && c != '\u{202e}')), "{text:?}");
    assert!(text.contains("\\u{1b}[31m"), "{text}");
}

fn a_damaged_blob_is_refused_with_its_place() {
    let directory = TempDir::new().unwrap();
    let blob = directory.path().join("state.blob");
    let inspect = || {
        let output =
            Command::new(statec()).args(["inspect", "state.blob"]).current_dir(&directory).output().unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    fs::write(&blob, "version: 1\n").unwrap();
    assert_eq!(inspect(), (2, "statec: state.blob: this is no control blob (at byte 0)\n".to_owned()));
    fs::write(&blob, b"\x93SYSOTA\n\x01").unwrap();
    assert_eq!(inspect(), (2, "statec: state.blob: the blob is truncated (at byte 9)\n".to_owned()));
}

fn a_symlink_to_itself_is_found() {
    let directory = TempDir::new().unwrap();
    for to in ["/etc/x", "/etc/x/y"] {
        let text = format!(
            "version: 1\nstate:\n  /etc: persistent\n  /etc/x: {{lifetime: persistent, how: symlink, to: {to}}}\n"
        );
        fs::write(directory.path().join("a.yaml"), text).unwrap();
        let (status, text, _) = lint(&directory, &["."]);
        assert!(status == 1 && text.contains("error[symlink-target]"), "{text}");
        assert!(
            text.contains("the symlink leads to itself") && text.ends_with("1 error in 1 file\n"),
            "{text}"
        );
    }
}

fn columns_are_characters_in_every_format() {
    let directory = TempDir::new().unwrap();
    // Seven characters of two or three bytes stand before the place.
    let text = "\u{feff}version: 1\nstate: {/grün: {reason: öäß→→, lifetime: persistant}}\n";
    let column = text.lines().last().unwrap().split("persistant").next().unwrap().chars().count() + 1;
    fs::write(directory.path().join("a.yaml"), text).unwrap();
    let (_, human, _) = lint(&directory, &["a.yaml"]);
    assert!(human.contains(&format!("[a.yaml:2:{column}]")), "{human}");
    let (_, json, _) = lint(&directory, &["a.yaml", "--format", "json"]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["findings"][0]["span"]["start"]["column"], column);
    let (_, sarif, _) = lint(&directory, &["a.yaml", "--format", "sarif"]);
    let sarif: serde_json::Value = serde_json::from_str(&sarif).unwrap();
    let place = &sarif["runs"][0]["results"][0]["locations"][0]["physicalLocation"];
    assert_eq!(place["region"]["startColumn"], column);
    let (_, github, _) = lint(&directory, &["a.yaml", "--format", "github"]);
    assert!(github.contains(&format!("line=2,endLine=2,col={column},")), "{github}");

    fs::write(directory.path().join("a.yaml"), "\u{feff}vers: 1\nstate: {}\n").unwrap();
    let (_, human, _) = lint(&directory, &["a.yaml"]);
    assert!(human.contains("[a.yaml:1:1]"), "no editor counts a byte order mark: {human}");
}

fn what_has_no_end_is_not_read_to_it() {
    let directory = TempDir::new().unwrap();
    let (status, text, _) = lint(&directory, &["/dev/zero"]);
    assert_eq!(status, 1);
    assert!(text.contains("yaml-limit"), "{text}");
    symlink("/dev/zero", directory.path().join("zero.yaml")).unwrap();
    assert_eq!(lint(&directory, &["."]).2, "statec: ./zero.yaml is not a regular file\n");
    fs::remove_file(directory.path().join("zero.yaml")).unwrap();
    // Nobody ever writes into it: to open it would be to wait.
    nix::unistd::mkfifo(&directory.path().join("fifo.yaml"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    assert_eq!(lint(&directory, &["."]).2, "statec: ./fifo.yaml is not a regular file\n");
    // A shell's `<(…)` is one too, and is asked for by its name.
    let statec_path = statec();
    let mut bash = Command::new("bash");
    bash.args(["-c", "\"$0\" lint <(echo 'version: 1'; echo 'state: {}')"]).arg(statec_path);
    assert!(bash.status().unwrap().success());
}

/// For each file of the rule `replaced-by-rename`, the declaration that its help gives is one to paste.
fn what_is_advised_for_replaced_files_is_clean() {
    let directory = TempDir::new().unwrap();
    let rule = fs::read_to_string(workspace().join("compiler/src/check/replaced_by_rename.rs")).unwrap();
    let files: Vec<&str> = rule
        .lines()
        .filter_map(|line| line.trim().strip_prefix("(\"")?.split_once('"'))
        .map(|(file, _)| file)
        .collect();
    assert!(files.len() > 10, "{files:?}");
    for (file, lifetime) in files.iter().flat_map(|&file| [(file, "persistent"), (file, "ephemeral")]) {
        let text = format!("version: 1\nstate:\n  {file}: {{lifetime: {lifetime}, type: file}}\n");
        fs::write(directory.path().join("a.yaml"), text).unwrap();
        let (_, json, _) = lint(&directory, &["a.yaml", "--format", "json"]);
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(json["findings"][0]["code"], "replaced-by-rename", "{file}");
        let help = json["findings"][0]["help"].as_str().unwrap();
        let declarations = help
            .split('`')
            .skip(1)
            .step_by(2)
            .filter(|quoted| quoted.starts_with('/') && quoted.contains(": "));
        let state: Vec<String> = declarations.map(|declaration| format!("  {declaration}\n")).collect();
        let state = if state.is_empty() { "  {}\n".to_owned() } else { state.concat() };
        fs::write(directory.path().join("a.yaml"), format!("version: 1\nstate:\n{state}")).unwrap();
        assert_eq!(
            lint(&directory, &["--deny-warnings", "a.yaml"]),
            (0, String::new(), String::new()),
            "{help}"
        );
    }
}

fn blob_and_data_partition_stay_visible() {
    let directory = TempDir::new().unwrap();
    let policy = "version: 1\nimage: {sys-data: {device: PARTLABEL=x, mount-point: /mnt/data}}\n";
    fs::write(directory.path().join("policy.yaml"), policy).unwrap();
    for (path, is_forbidden) in [
        ("/mnt", true),
        ("/mnt/data", true),
        ("/mnt/data/x", true),
        ("/mnt/other", false),
        ("/usr", true),
        ("/usr/lib", true),
        ("/usr/lib/sysota/x", true),
        ("/usr/lib/x", false),
        ("/run/mount/sysdata", true),
    ] {
        let text = format!("version: 1\nstate: {{{path}: persistent}}\n");
        fs::write(directory.path().join("a.yaml"), text).unwrap();
        let (status, text, _) = lint(&directory, &["a.yaml", "--image", "policy.yaml"]);
        assert_eq!(status, i32::from(is_forbidden), "{path}: {text}");
        assert!(
            !is_forbidden || text.contains("forbidden-place") && text.contains("1 error in"),
            "{path}: {text}"
        );
    }
}

fn limits_hold() {
    let directory = TempDir::new().unwrap();
    let nodes = format!("version: 1\nstate: [{}]\n", "a,".repeat(60_000));
    let brackets = "[".repeat(1 << 19);
    let long = "#".repeat((1 << 20) + 1);
    let text = format!(
        "version: 1\nstate: {{/a: {{lifetime: persistent, reason: \"{}\"}}}}\n",
        "x".repeat((1 << 15) + 1)
    );
    for (text, said) in [
        (nodes.as_str(), "more than 50000 nodes"),
        (brackets.as_str(), "more than 32 levels"),
        (long.as_str(), "at most 1048576 are read"),
        (text.as_str(), "at most 32768 are read"),
    ] {
        fs::write(directory.path().join("a.yaml"), text).unwrap();
        let (status, text, _) = lint(&directory, &["a.yaml"]);
        assert_eq!(status, 1);
        assert!(
            text.contains(said) && text.contains("yaml-limit") && text.ends_with("1 error in 1 file\n"),
            "{text}"
        );
    }
    let wrong = format!(
        "version: 1\nstate:\n{}",
        (0..500).map(|n| format!("  p{n}: x")).collect::<Vec<_>>().join("\n")
    );
    fs::write(directory.path().join("a.yaml"), wrong).unwrap();
    let (_, text, _) = lint(&directory, &["a.yaml"]);
    assert!(text.ends_with("100 errors in 1 file\n"));
}

fn too_many_files_are_refused() {
    let directory = TempDir::new_in("/dev/shm").unwrap();
    for n in 0..=20_000 {
        fs::write(directory.path().join(format!("{n}.yaml")), "").unwrap();
    }
    let (status, _, text) = lint(&directory, &["."]);
    assert_eq!(status, 2);
    assert_eq!(text, "statec: more than 20000 fragment files: is . the right directory?\n");
}

fn text_files_of_all_systems_are_read() {
    let directory = TempDir::new().unwrap();
    for text in [
        "version: 1\r\nstate:\r\n  /a: persistent\r\n",
        "\u{feff}version: 1\nstate:\n  /a: persistent\n",
        "--- # a comment\nversion: 1\nstate:\n  /a: persistent\n...\n",
        "{\"version\": 1, \"state\": {\"/a\": \"persistent\"}}",
    ] {
        fs::write(directory.path().join("a.yaml"), text).unwrap();
        assert_eq!(lint(&directory, &["a.yaml"]), (0, String::new(), String::new()), "{text:?}");
    }
}

fn what_yaml_1_2_forbids_is_said() {
    let directory = TempDir::new().unwrap();
    for (text, code) in [
        ("version: 1\nstate:\n\t/a: persistent\n", "yaml-syntax"),
        ("version: 1\nstate: {}\n---\nversion: 1\nstate: {}\n", "yaml-feature"),
        ("%YAML 1.1\n---\nversion: 1\nstate: {}\n", "yaml-syntax"),
        ("version: 1\nstate: !map {}\n", "yaml-feature"),
        ("version: 1\nstate: ~\n", "wrong-type"),
        ("version: 1\nstate:\n  /a: {lifetime: persistent, mode: 0755}\n", "invalid-mode"),
        ("version: 1\nstate:\n  /a: {lifetime: persistent, reason: no}\n", "yaml-1-1"),
    ] {
        fs::write(directory.path().join("a.yaml"), text).unwrap();
        let (_, said, _) = lint(&directory, &["a.yaml"]);
        assert!(said.contains(&format!("[{code}]")) && said.ends_with(" in 1 file\n"), "{text:?}: {said}");
        assert_eq!(
            said.lines().filter(|line| line.ends_with(']') && !line.starts_with(' ')).count(),
            1,
            "{said}"
        );
    }
}
