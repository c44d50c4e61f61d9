//! The step `layer` of the tests: what can be said about `meta-sysota` without BitBake.
//!
//! `cargo xtask yocto` builds with it.

mod crates;
mod oelint;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::debian_root::DebianRoot;
use crate::example::Example;
use crate::failure::{Failure, OrFail as _, Outcome};
use crate::task::Task;
use crate::terminal::Terminal;
use crate::tool;
use crate::workspace::Workspace;

/// The layer, and the one that tests it.
const LAYER: &str = "meta-sysota";
const TEST_LAYER: &str = "tests/yocto";

/// The root that the classes' functions are run on.
const EXAMPLE: &str = "debian-server";

/// Runs all checks.
pub(crate) fn check(workspace: &Workspace, terminal: Terminal) -> Outcome {
    tool::ensure(&tool::OF_LAYER, workspace, terminal)?;
    let oelint = oelint::ensure(workspace, terminal)?;
    let files = Files::find(workspace)?;

    let mut task = Task::start(terminal, "layer: recipes");
    crates::check(workspace)?;
    let count = oelint::check(&oelint, &files, workspace, &mut task)?;
    task.finish(&format!(
        "oelint-adv has nothing to say about {count} recipes; the crates are those of Cargo.lock"
    ));

    let mut task = Task::start(terminal, "layer: fragments");
    let statec = workspace.build_statec(&mut task)?;
    let fragments = files.named(|name| name.ends_with(".state.yaml"));
    // Those of the test layer contradict each other.
    let of_layer: Vec<_> = fragments.into_iter().filter(|file| file.starts_with(LAYER)).collect();
    let mut lint = Command::new(&statec);
    lint.args(["lint", "--deny-warnings"]).args(&of_layer).current_dir(workspace.root());
    task.run(&mut lint, &workspace.scratch("log")?.join("layer-fragments.txt"))?;
    task.finish(&format!("no finding in {}", of_layer.len()));

    run_classes(&statec, workspace, terminal)
}

/// Runs the classes' functions on a real root.
fn run_classes(statec: &Path, workspace: &Workspace, terminal: Terminal) -> Outcome {
    let debian = DebianRoot::fetch(&Example::open(workspace, EXAMPLE)?, workspace, terminal)?;
    let mut task = Task::start(terminal, "layer: classes");
    let root = workspace.scratch("layer")?.join("root");
    debian.unpack(&root, workspace, &mut task)?;
    let log = workspace.scratch("log")?.join("layer-classes.txt");
    let mut test = Command::new("fakeroot");
    test.arg("python3").arg(workspace.root().join(TEST_LAYER).join("test_classes.py"));
    let mut path = statec.parent().map(Path::as_os_str).unwrap_or_default().to_owned();
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap_or_default());
    test.env("PATH", path).env("ROOTFS", &root).env("PYTHONDONTWRITEBYTECODE", "1");
    task.run(&mut test, &log)?;
    let output = fs::read_to_string(&log).or_fail(|| format!("read {}", log.display()))?;
    let ran = output.lines().find_map(|line| line.strip_prefix("Ran ")?.split(' ').next());
    match ran {
        None | Some("0") => Err(Failure::with_output("no test of the classes was run", output)),
        Some(count) => {
            task.finish(&format!("{count} tests, under fakeroot, on a Debian"));
            Ok(())
        }
    }
}

/// The files of both layers, relative to the project.
struct Files {
    root: PathBuf,
    paths: Vec<PathBuf>,
}

impl Files {
    fn find(workspace: &Workspace) -> Outcome<Self> {
        let root = workspace.root().to_owned();
        let mut paths = Vec::new();
        for top in [LAYER, TEST_LAYER] {
            walk(&root, Path::new(top), &mut paths).or_fail(|| format!("list {top}"))?;
        }
        paths.sort();
        Ok(Self { root, paths })
    }

    /// Those whose names are wanted.
    fn named(&self, is_wanted: impl Fn(&str) -> bool) -> Vec<&PathBuf> {
        let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        self.paths.iter().filter(|path| is_wanted(&name(path))).collect()
    }
}

/// Adds the files below a directory of the project.
fn walk(root: &Path, directory: &Path, paths: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in fs::read_dir(root.join(directory))? {
        let entry = entry?;
        let path = directory.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            walk(root, &path, paths)?;
        } else {
            paths.push(path);
        }
    }
    Ok(())
}
