//! `cargo xtask coverage`: which lines the tests run, and what each test came to, as forges read it.
//!
//! `docs/decisions/0005-coverage.md` tells why it is made of these parts.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use crate::failure::{Failure, OrFail as _, Outcome};
use crate::lines::{Lines, Share};
use crate::llvm::Llvm;
use crate::task::{Task, words};
use crate::terminal::Terminal;
use crate::test_log::{self, Suite};
use crate::workspace::{Workspace, require_root};
use crate::{cobertura, junit, summary, tool};

/// Whose lines are counted: the products, not their tests.
const PRODUCTS: [&str; 3] = ["applier/src", "compiler/src", "schema/src"];

/// Where everything is kept below the build directory.
const DIRECTORY: &str = "coverage";
const COBERTURA: &str = "cobertura.xml";
const JUNIT: &str = "junit.xml";
const SUMMARY: &str = "summary.md";

/// The same, as paths.
struct Places {
    /// Programs with counters, apart from the usual ones.
    build: PathBuf,
    /// What each process counted.
    raw: PathBuf,
    /// The sum of these.
    profile: PathBuf,
    cobertura: PathBuf,
    junit: PathBuf,
    summary: PathBuf,
}

/// Runs all tests with counters and writes both reports, also when tests fail.
pub(crate) fn run(workspace: &Workspace, terminal: Terminal) -> Outcome {
    require_root("coverage")?;
    tool::ensure(&tool::OF_TESTS, workspace, terminal)?;
    let llvm = Llvm::ensure(workspace, terminal)?;
    let places = Places::make(&workspace.target().join(DIRECTORY))?;

    let task = Task::start(terminal, "test with counters");
    let (suites, outcome) = test(workspace, &places, task)?;
    write_file(&places.junit, &junit::write(&suites))?;

    let mut task = Task::start(terminal, "add up");
    let lines = add_up(workspace, &llvm, &places, &suites, &mut task)?;
    write_file(&places.cobertura, &cobertura::write(&lines))?;
    task.finish("what all processes have counted");

    write_file(&places.summary, &summary::write(&suites, &lines))?;

    println!();
    for (name, files) in lines.crates() {
        show(name, Share::of_files(&files));
    }
    let total = lines.share();
    show("all", total);
    println!();
    for report in [&places.cobertura, &places.junit, &places.summary] {
        println!("  {}", workspace.show(report));
    }
    println!("\n{}", total_line(total));
    outcome
}

fn show(name: &str, share: Share) {
    println!("  {name:<12} {:>6} of {:>6} lines {:>6.1} %", share.covered, share.all, share.rate() * 100.0);
}

/// In the form that the expression in `.gitlab-ci.yml` finds.
fn total_line(total: Share) -> String {
    format!("Lines covered: {:.1}%", total.rate() * 100.0)
}

impl Places {
    fn make(directory: &Path) -> Outcome<Self> {
        let raw = directory.join("raw");
        let place = || format!("make {}", raw.display());
        match fs::remove_dir_all(&raw) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error).or_fail(place),
            _ => {}
        }
        fs::create_dir_all(&raw).or_fail(place)?;
        // Tests run programs as other users, too.
        fs::set_permissions(&raw, fs::Permissions::from_mode(0o1777)).or_fail(place)?;
        Ok(Self {
            build: directory.join("build"),
            raw,
            profile: directory.join("coverage.profdata"),
            cobertura: directory.join(COBERTURA),
            junit: directory.join(JUNIT),
            summary: directory.join(SUMMARY),
        })
    }
}

/// Runs the tests. Returns what they printed, understood, and whether all passed.
fn test(workspace: &Workspace, places: &Places, mut task: Task<'_>) -> Outcome<(Vec<Suite>, Outcome)> {
    let log = workspace.scratch("log")?.join("coverage.txt");
    let mut cargo = workspace.cargo();
    cargo.args(["test", "--workspace", "--no-fail-fast"]);
    cargo.env("CARGO_TARGET_DIR", &places.build);
    cargo.env("RUSTFLAGS", "--codegen=instrument-coverage");
    // Children are other processes, and other programs.
    cargo.env("LLVM_PROFILE_FILE", places.raw.join("%p-%m.profraw"));
    // Freestanding, stated has no place for a runtime that writes files: here the mount tests run its ordinary build,
    // which has all but the entry point in common. It never becomes another program, since it has all of it.
    cargo.args(["--", "--skip", "refused::state_without_the_program_of_the_image"]);
    // And its memory is also that of the counters.
    cargo.args(["--skip", "memory::does_not_grow_with_the_plan"]);
    cargo.env("CARGO_ALIAS_INITRD", "build --profile initrd --package stated");
    cargo.env("CARGO_ALIAS_SYSTEM", "build --profile system --package stated");
    cargo.env("CARGO_PROFILE_INITRD_LTO", "off").env("CARGO_PROFILE_INITRD_OPT_LEVEL", "0");
    cargo.env("CARGO_PROFILE_INITRD_PANIC", "unwind");
    // Nobody debugs these programs, and nothing is built twice.
    cargo.env("CARGO_PROFILE_DEV_DEBUG", "false").env("CARGO_PROFILE_TEST_DEBUG", "false");
    cargo.env("CARGO_INCREMENTAL", "0");
    let outcome = task.run(&mut cargo, &log);
    let output = fs::read_to_string(&log).or_fail(|| format!("read {}", log.display()))?;
    let suites = test_log::parse(&output);
    let passed: usize = suites.iter().map(Suite::passed).sum();
    let failed: usize = suites.iter().map(Suite::failed).sum();
    if passed + failed == 0 {
        outcome?;
        return Err(Failure::with_output("no test was run", output));
    }
    if outcome.is_ok() {
        task.finish(&format!("{passed} tests passed"));
        return Ok((suites, Ok(())));
    }
    drop(task);
    let outcome = Err(Failure::new(format!("{failed} tests failed: see {}", workspace.show(&log))));
    Ok((suites, outcome))
}

fn add_up(
    workspace: &Workspace,
    llvm: &Llvm,
    places: &Places,
    suites: &[Suite],
    task: &mut Task<'_>,
) -> Outcome<Lines> {
    let mut merge = llvm.profdata();
    merge.args(["merge", "--sparse", "--failure-mode=all", "--output"]).arg(&places.profile).arg(&places.raw);
    task.run(&mut merge, &workspace.scratch("log")?.join("profdata.txt"))?;
    // Hundreds of megabytes, which nobody reads again.
    fs::remove_dir_all(&places.raw).or_fail(|| format!("remove {}", places.raw.display()))?;

    let mut export = llvm.cov();
    export.args(["export", "--format=lcov", "--instr-profile"]).arg(&places.profile);
    let products =
        ["debug/statec", "initrd/stated", "system/stated"].map(|program| places.build.join(program));
    let tests = suites.iter().filter_map(|suite| Some(workspace.root().join(suite.program.as_ref()?)));
    for program in products.into_iter().chain(tests) {
        export.arg("--object").arg(program);
    }
    export.arg("--sources").args(PRODUCTS.map(|directory| workspace.root().join(directory)));
    let output = export.stdin(Stdio::null()).output().or_fail(|| "run llvm-cov".to_owned())?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(Failure::with_output(format!("`{}` failed: {}", words(&export), output.status), said));
    }
    let text = String::from_utf8(output.stdout).or_fail(|| "read what llvm-cov printed".to_owned())?;
    let lines = Lines::parse_lcov(&text, workspace.root());
    if lines.files.is_empty() {
        return Err(Failure::new("llvm-cov knows no line of the products"));
    }
    Ok(lines)
}

fn write_file(path: &Path, text: &str) -> Outcome {
    fs::write(path, text).or_fail(|| format!("write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `tests/ui/integration.rs` holds the pipelines against the same words.
    #[test]
    fn reports_are_where_pipelines_look_for_them() {
        let places = [COBERTURA, JUNIT, SUMMARY].map(|name| format!("target/{DIRECTORY}/{name}"));
        assert_eq!(
            places,
            ["target/coverage/cobertura.xml", "target/coverage/junit.xml", "target/coverage/summary.md"]
        );
        assert_eq!(total_line(Share { covered: 955, all: 1000 }), "Lines covered: 95.5%");
    }
}
