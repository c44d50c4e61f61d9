//! What it costs to make paths writable at boot: `stated`, the bare system calls, and what people use today.
//!
//! Every contender binds the same directories of one data directory onto the same root, each time in a mount namespace of
//! its own. All state is there already, as on every boot but the first.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::mount::{MsFlags, mount};
use state_schema::PROGRAM_PATH;

use super::contender::Contender;
use super::figures::{Figures, Target, show_precisely};
use super::namespace::in_namespace;
use super::usage::{Series, Usage};
use crate::failure::{Failure, OrFail as _, Outcome};
use crate::mounts;
use crate::task::Task;
use crate::terminal::Terminal;
use crate::workspace::Workspace;

/// How many entries are compared.
const COUNTS: [usize; 3] = [10, 100, 1000];

/// How often what takes a moment is measured.
const RUNS: usize = 21;

/// How often what takes long is.
const RUNS_OF_SLOW: usize = 5;

/// Most that `stated` may cost, as a multiple of the bare system calls. One of the design's promises.
const PROMISE: f64 = 1.25;

/// Counts that the promise is about.
const PROMISED: [usize; 2] = [100, 1000];

/// A device with directories to bind, none of which is bound yet.
#[derive(Debug)]
pub(crate) struct Scene {
    directory: PathBuf,
    paths: Vec<String>,
}

/// What all contenders took for one number of entries.
#[derive(Debug)]
struct Round {
    count: usize,
    costs: Vec<(Contender, Series)>,
}

/// What all contenders took.
#[derive(Debug)]
struct Mounting {
    rounds: Vec<Round>,
}

/// Measures everybody.
pub(super) fn measure_all(workspace: &Workspace, terminal: Terminal, figures: &mut Figures) -> Outcome {
    let mut task = Task::start(terminal, "build stated");
    let compiler = workspace.build_statec(&mut task)?;
    let applier = workspace.build_stated(&mut task)?;
    let system = workspace.build_system(&mut task)?;
    task.finish("as for an initramfs, and as images carry it");
    let contenders = Contender::prepare_all(workspace, terminal, &applier)?;
    let directory = workspace.scratch("bench")?.join("device");
    let log = workspace.scratch("log")?.join("bench-mounts.txt");
    let mut rounds = Vec::new();
    for count in COUNTS {
        let name = format!("bind {count} directories");
        let task = Task::start(terminal, &name);
        let scene = Scene::make(&directory, count, &compiler, &system)?;
        let mut costs = Vec::new();
        for contender in &contenders {
            // Once before, so that state and caches are as on any later boot.
            let run = || in_namespace(|| scene.run(contender, &log));
            run()?;
            let runs = if contender.is_slow() { RUNS_OF_SLOW } else { RUNS };
            costs.push((contender.clone(), Series::measure(runs, run)?));
        }
        task.finish("each contender in namespaces of its own");
        rounds.push(Round { count, costs });
    }
    mounts::require_none_below(&directory)?;
    fs::remove_dir_all(&directory).or_fail(|| format!("remove {}", directory.display()))?;
    let mounting = Mounting { rounds };
    mounting.add_to(figures);
    figures.add_targets(&mounting.targets());
    Ok(())
}

impl Round {
    fn of(&self, wanted: fn(&Contender) -> bool) -> Option<&Series> {
        self.costs.iter().find_map(|(contender, series)| wanted(contender).then_some(series))
    }

    /// How many times as long it took as the bare system calls, both at their best.
    fn factor_of(&self, series: &Series) -> Option<f64> {
        let bare = self.of(|contender| matches!(contender, Contender::Bare { .. }))?;
        Some(series.best().as_secs_f64() / bare.best().as_secs_f64())
    }
}

impl Mounting {
    /// A table with a row for each contender.
    fn add_to(&self, figures: &mut Figures) {
        let head = std::iter::once("by".to_owned())
            .chain(self.rounds.iter().map(|round| format!("{} entries", round.count)))
            .collect::<Vec<_>>();
        let contenders = self.rounds.first().map(|round| round.costs.as_slice()).unwrap_or_default();
        let row = |(index, (contender, _)): (usize, &(Contender, Series))| {
            let cells = self.rounds.iter().filter_map(|round| {
                let (_, time) = round.costs.get(index)?;
                let (best, median) = (show_precisely(time.best()), show_precisely(time.median()));
                Some(format!("{best}, {median}, {:.2}", round.factor_of(time)?))
            });
            std::iter::once(contender.describe().to_owned()).chain(cells).collect()
        };
        let rows: Vec<Vec<String>> = contenders.iter().enumerate().map(row).collect();
        let title = "Binding directories at boot: best and median of all runs, and the best as a multiple of the bare calls'";
        figures.add_table(title, &head, &rows);
    }

    fn targets(&self) -> Vec<Target> {
        let promised = self.rounds.iter().filter(|round| PROMISED.contains(&round.count));
        promised
            .filter_map(|round| {
                let factor = round.factor_of(round.of(|of| matches!(of, Contender::Stated { .. }))?)?;
                Some(Target {
                    what: format!(
                        "{} entries: `stated` takes at most {PROMISE} times as long as the bare calls, both at their best",
                        round.count
                    ),
                    measured: format!("{factor:.2}"),
                    is_met: factor <= PROMISE,
                })
            })
            .collect()
    }
}

impl Scene {
    /// Makes root, fragment, blob and lists below `directory`; what was there before is gone.
    fn make(directory: &Path, count: usize, statec: &Path, system: &Path) -> Outcome<Self> {
        mounts::require_none_below(directory)?;
        let place = || format!("make a device in {}", directory.display());
        if directory.exists() {
            fs::remove_dir_all(directory).or_fail(place)?;
        }
        let paths: Vec<_> = (0..count).map(|number| format!("var/lib/package-{number:04}/state")).collect();
        let scene = Self { directory: directory.to_owned(), paths };
        for path in &scene.paths {
            fs::create_dir_all(scene.root().join(path)).or_fail(place)?;
        }
        for made in [scene.root().join("etc"), scene.data(), scene.run_dir(), scene.fragments()] {
            fs::create_dir_all(made).or_fail(place)?;
        }
        fs::write(scene.root().join("etc/passwd"), "root:x:0:0:root:/root:/bin/sh\n").or_fail(place)?;
        fs::write(scene.root().join("etc/group"), "root:x:0:\n").or_fail(place)?;
        // The first boot is this one's.
        let program = scene.root().join(PROGRAM_PATH.trim_start_matches('/'));
        fs::create_dir_all(program.parent().unwrap_or(&scene.root())).or_fail(place)?;
        fs::copy(system, program).or_fail(place)?;
        let lines =
            |line: &dyn Fn(&str) -> String| scene.paths.iter().map(|path| line(path)).collect::<String>();
        let fragment = format!("version: 1\nstate:\n{}", lines(&|path| format!("  /{path}: persistent\n")));
        fs::write(scene.fragments().join("bench.yaml"), fragment).or_fail(place)?;
        fs::write(scene.list(), lines(&|path| format!("{path}\n"))).or_fail(place)?;
        let fstab = lines(&|path| {
            let (from, onto) = (scene.tree().join(path), scene.root().join(path));
            format!("{} {} none bind,nosuid,nodev 0 0\n", from.display(), onto.display())
        });
        fs::write(scene.fstab(), fstab).or_fail(place)?;
        let mut compile = Command::new(statec);
        compile.arg("compile").arg(scene.fragments()).arg("--rootfs").arg(scene.root());
        compile.args(["--image-id", "bench-1", "--output"]).arg(scene.blob());
        let output = compile.output().or_fail(place)?;
        if !output.status.success() {
            return Err(Failure::with_output(place(), String::from_utf8_lossy(&output.stderr)));
        }
        Ok(scene)
    }

    fn run(&self, contender: &Contender, log: &Path) -> Outcome<Usage> {
        // In memory, as /run is at every boot: else writing the report would wait for what the disk has to do for others.
        let (run, none) = (self.run_dir(), None::<&str>);
        mount(none, &run, Some("tmpfs"), MsFlags::empty(), none)
            .or_fail(|| format!("mount a tmpfs on {}", run.display()))?;
        let usage = Usage::of(&mut contender.command(self), log)?;
        let table = fs::read_to_string("/proc/thread-self/mountinfo")
            .or_fail(|| "read /proc/thread-self/mountinfo".to_owned())?;
        let root = self.root();
        let points = table.lines().filter_map(|line| line.split(' ').nth(4));
        let bound = points.filter(|point| Path::new(point).starts_with(&root)).count();
        if bound == self.paths.len() {
            return Ok(usage);
        }
        let (all, by) = (self.paths.len(), contender.describe());
        Err(Failure::new(format!("{bound} of {all} directories were bound by {by}")))
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.directory.join("root")
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.directory.join("data")
    }

    /// Where `stated` keeps slot A's directories, which the others then bind as well.
    pub(crate) fn tree(&self) -> PathBuf {
        self.data().join("slots/A/tree")
    }

    pub(crate) fn blob(&self) -> PathBuf {
        self.directory.join("state.blob")
    }

    pub(crate) fn list(&self) -> PathBuf {
        self.directory.join("list")
    }

    pub(crate) fn fstab(&self) -> PathBuf {
        self.directory.join("fstab")
    }

    pub(crate) fn run_dir(&self) -> PathBuf {
        self.directory.join("run")
    }

    fn fragments(&self) -> PathBuf {
        self.directory.join("state.d")
    }
}
