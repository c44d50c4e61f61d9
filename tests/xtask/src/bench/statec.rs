//! What `statec` costs on images that are big on purpose, beside what yamllint costs for the same files.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::figures::{Figures, Target, mebibytes, show};
use super::usage::{Series, Usage};
use super::workload::{Scale, Spread, Workload};
use super::yamllint;
use crate::failure::{OrFail as _, Outcome};
use crate::task::Task;
use crate::terminal::Terminal;
use crate::workspace::Workspace;

/// The image that targets are about.
const USUAL: Scale = Scale { fragments: 1_000, spread: Spread::Usual };

/// The same, with nothing in it that `statec` need not look at.
const DECLARED: Scale = Scale { fragments: 1_000, spread: Spread::Declared };

/// Ten times as many entries.
const TENFOLD: Scale = Scale { fragments: 10_000, spread: Spread::Usual };

/// How often what takes a moment is measured.
const RUNS: usize = 9;

/// How often yamllint is: it takes its time, which varies less.
const RUNS_OF_YAMLLINT: usize = 3;

/// Most time over that of reading the files.
const TIME_TARGET: Duration = Duration::from_millis(150);

/// Most memory over the size of the files.
const MEMORY_TARGET: u64 = 64 << 20;

/// What was measured on one image.
struct Measured {
    reading: Series,
    walking: Series,
    lint: Series,
    lint_image: Series,
    compile: Series,
    yamllint: Option<Series>,
    blob: u64,
}

/// The programs that are measured.
struct Programs {
    statec: PathBuf,
    yamllint: PathBuf,
}

/// Measures all three images.
pub(super) fn measure_all(workspace: &Workspace, terminal: Terminal, figures: &mut Figures) -> Outcome {
    let yamllint = yamllint::ensure(workspace, terminal)?;
    let mut task = Task::start(terminal, "build statec");
    let log = workspace.scratch("log")?.join("build-release.txt");
    task.run(workspace.cargo().args(["build", "--release", "--package", "statec"]), &log)?;
    task.finish("with its release profile");
    let programs = Programs { statec: workspace.target().join("release/statec"), yamllint };

    let usual = measure(USUAL, RUNS_OF_YAMLLINT, &programs, workspace, terminal)?;
    let declared = measure(DECLARED, 0, &programs, workspace, terminal)?;
    let tenfold = measure(TENFOLD, 0, &programs, workspace, terminal)?;
    for (measured, scale) in [(&usual, USUAL), (&declared, DECLARED), (&tenfold, TENFOLD)] {
        measured.add_to(figures, scale);
    }
    figures.add_targets(&targets(&usual, &declared, &tenfold));
    figures.add(&format!("The blob of {} entries has {} bytes.", USUAL.entries(), usual.blob));
    Ok(())
}

fn measure(
    scale: Scale,
    runs_of_yamllint: usize,
    programs: &Programs,
    workspace: &Workspace,
    terminal: Terminal,
) -> Outcome<Measured> {
    let description = scale.describe();
    let task = Task::start(terminal, "make an image");
    let workload = Workload::generate(&workspace.scratch("bench")?.join("image"), scale)?;
    // Else its hundreds of megabytes are written to disk while others are measured.
    nix::unistd::sync();
    task.finish(&description);

    let task = Task::start(terminal, "measure");
    let log = workspace.scratch("log")?.join("bench.txt");
    let (fragments, root, blob) = (workload.fragments(), workload.root(), workload.blob());
    let reading = Series::measure(RUNS, || Usage::of_reading(|| read_files(&fragments), &fragments))?;
    let walking = Series::measure(RUNS, || Usage::of_reading(|| walk(&root).map(|_| 0), &root))?;
    let statec = |words: &[&str], root: Option<&Path>| {
        let mut command = Command::new(&programs.statec);
        command.args(words).arg(&fragments);
        if let Some(root) = root {
            command.arg("--rootfs").arg(root);
        }
        command
    };
    let lint = Series::measure(RUNS, || Usage::of(&mut statec(&["lint", "--deny-warnings"], None), &log))?;
    let lint_image =
        Series::measure(RUNS, || Usage::of(&mut statec(&["lint", "--deny-warnings"], Some(&root)), &log))?;
    let compile = Series::measure(RUNS, || {
        let mut command = statec(&["compile", "--image-id", "bench-1"], Some(&root));
        Usage::of(command.arg("--output").arg(&blob), &log)
    })?;
    // `relaxed`, so that it finds nothing and prints nothing.
    let yamllint = || {
        let mut command = Command::new(&programs.yamllint);
        Usage::of(command.args(["--strict", "-d", "relaxed"]).arg(&fragments), &log)
    };
    let yamllint = (runs_of_yamllint > 0).then(|| Series::measure(runs_of_yamllint, yamllint)).transpose()?;
    let blob = fs::metadata(&blob).or_fail(|| format!("look at {}", blob.display()))?.len();
    task.finish(&format!("lint {}, compile {}", show(lint.best()), show(compile.best())));
    Ok(Measured { reading, walking, lint, lint_image, compile, yamllint, blob })
}

impl Measured {
    fn add_to(&self, figures: &mut Figures, scale: Scale) {
        let mut rows = vec![
            ("reading the fragments", &self.reading),
            ("`lstat` of every file of the root", &self.walking),
            ("`statec lint`", &self.lint),
            ("`statec lint --rootfs`", &self.lint_image),
            ("`statec compile --rootfs`", &self.compile),
        ];
        rows.extend(self.yamllint.as_ref().map(|yamllint| ("`yamllint`", yamllint)));
        figures.add_costs(&scale.describe(), &rows);
    }

    /// What is measured of `statec`, with the names of the commands.
    fn commands(&self) -> [(&'static str, &Series); 3] {
        [("lint", &self.lint), ("lint --rootfs", &self.lint_image), ("compile", &self.compile)]
    }
}

fn targets(usual: &Measured, declared: &Measured, tenfold: &Measured) -> Vec<Target> {
    let mut targets = Vec::new();
    if let Some(yamllint) = &usual.yamllint {
        for (name, series) in usual.commands() {
            let factor = yamllint.median().as_secs_f64() / series.median().as_secs_f64();
            targets.push(Target {
                what: format!("`{name}` takes less time than yamllint"),
                measured: format!("1/{factor:.0}"),
                is_met: factor > 1.0,
            });
        }
    }
    for (image, measured) in [("", usual), (", every file in a declared directory", declared)] {
        for (name, series) in measured.commands() {
            let time = series.median().saturating_sub(measured.reading.median());
            targets.push(Target {
                what: format!("`{name}`{image}: less than {} over reading the fragments", show(TIME_TARGET)),
                measured: show(time),
                is_met: time < TIME_TARGET,
            });
            if name != "lint" {
                let time = time.saturating_sub(measured.walking.median());
                targets.push(Target {
                    what: format!(
                        "`{name}`{image}: less than {} over that and `lstat` of the root",
                        show(TIME_TARGET)
                    ),
                    measured: show(time),
                    is_met: time < TIME_TARGET,
                });
            }
            let memory = series.memory().saturating_sub(measured.reading.memory());
            targets.push(Target {
                what: format!("`{name}`{image}: less than {} over their size", mebibytes(MEMORY_TARGET)),
                measured: mebibytes(memory),
                is_met: memory < MEMORY_TARGET,
            });
        }
    }
    for ((name, one), (_, ten)) in usual.commands().into_iter().zip(tenfold.commands()) {
        let factor = ten.cpu().as_secs_f64() / one.cpu().as_secs_f64();
        targets.push(Target {
            what: format!("`{name}`: ten times the entries cost at most 12 times the CPU time"),
            measured: format!("{factor:.1}"),
            is_met: factor <= 12.0,
        });
    }
    targets
}

/// Reads every file of a directory. Returns how many bytes they have.
fn read_files(directory: &Path) -> io::Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(directory)? {
        bytes += u64::try_from(fs::read(entry?.path())?.len()).unwrap_or(u64::MAX);
    }
    Ok(bytes)
}

/// Looks at everything in a tree. Returns how many directory entries there are.
fn walk(directory: &Path) -> io::Result<u64> {
    let mut count = 0;
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        count += 1;
        if entry.metadata()?.is_dir() {
            count += walk(&entry.path())?;
        }
    }
    Ok(count)
}
