//! What it costs to take a slot's state over: the first boot of an update, beside `cp`.
//!
//! Both copy the same tree on the same file system, of which nothing is in memory, and end when the copy is on the disk.

use super::figures::{Figures, Target};
use super::tree::{Sizes, Tree};
use super::update::{Programs, Update};
use super::usage::Series;
use super::volume::FileSystem;
use crate::failure::Outcome;
use crate::task::Task;
use crate::terminal::Terminal;
use crate::tool;
use crate::workspace::Workspace;

/// State as a device may have it. The promise is about this one.
const USUAL: Tree = Tree { files: 20_000, bytes: 1 << 30, sizes: Sizes::Mixed };

/// As many files with little in them, and with much.
const SMALL: Tree = Tree { files: 2_000, bytes: 2_000 << 12, sizes: Sizes::Equal };
const BIG: Tree = Tree { files: 2_000, bytes: 2_000 << 20, sizes: Sizes::Equal };

/// How often each copy is made.
const RUNS: usize = 9;

/// How often what shares content is: it takes a moment.
const RUNS_OF_SHARED: usize = 11;

/// Least speed of `stated`, as a multiple of that of `cp`. One of the design's promises.
const PROMISE: f64 = 0.9;

/// Most time for big files, as a multiple of that for small ones, where both are shared: none, but for chance.
const EQUAL: f64 = 1.1;

/// Measures both file systems.
pub(super) fn measure_all(workspace: &Workspace, terminal: Terminal, figures: &mut Figures) -> Outcome {
    tool::ensure(&[tool::MKFS_BTRFS, tool::MKFS_EXT4, tool::MOUNT], workspace, terminal)?;
    let mut task = Task::start(terminal, "build stated");
    let programs =
        Programs { statec: workspace.build_statec(&mut task)?, stated: workspace.build_system(&mut task)? };
    task.finish("as images carry it");
    let directory = workspace.scratch("bench")?;
    let log = workspace.scratch("log")?.join("bench-copies.txt");
    let mut targets = Vec::new();
    for file_system in [FileSystem::Ext4, FileSystem::Btrfs] {
        let mut task = Task::start(terminal, file_system.name());
        let device =
            Update::prepare(&directory.join("update"), file_system, USUAL, &programs, &mut task, &log)?;
        let (stated, cp) = Series::measure_both(RUNS, || device.boot(), || device.copy())?;
        task.finish("both copies, in turn");
        let title = format!("Taking over 1 GiB of state in 20,000 files, {}", file_system.name());
        figures.add_costs(&title, &[("`stated apply`, an update", &stated), ("`cp -a --reflink=auto`", &cp)]);
        targets.push(speed(file_system, &stated, &cp));
    }
    let mut task = Task::start(terminal, "btrfs, reflinks");
    let [small, big] = [("small", SMALL), ("big", BIG)].map(|(name, tree)| {
        Update::prepare(&directory.join(name), FileSystem::Btrfs, tree, &programs, &mut task, &log)
    });
    let (small, big) = (small?, big?);
    let (small, big) = Series::measure_both(RUNS_OF_SHARED, || small.boot(), || big.boot())?;
    task.finish("small files and big ones, in turn");
    let title = "Taking over 2,000 files by `stated apply`, btrfs, which shares their content";
    figures.add_costs(title, &[("of 4 KiB each", &small), ("of 1 MiB each", &big)]);
    targets.push(equality(&small, &big));
    figures.add_targets(&targets);
    Ok(())
}

fn speed(file_system: FileSystem, stated: &Series, cp: &Series) -> Target {
    let factor = cp.median().as_secs_f64() / stated.median().as_secs_f64();
    Target {
        what: format!(
            "{}: a copy is made at no less than {PROMISE} times the speed of `cp -a --reflink=auto`",
            file_system.name()
        ),
        measured: format!("{factor:.2}"),
        is_met: factor >= PROMISE,
    }
}

fn equality(small: &Series, big: &Series) -> Target {
    let factor = big.median().as_secs_f64() / small.median().as_secs_f64();
    Target {
        what: format!(
            "with reflinks, files of 1 MiB take no longer than files of 4 KiB: at most {EQUAL} times as long"
        ),
        measured: format!("{factor:.2}"),
        is_met: factor <= EQUAL,
    }
}
