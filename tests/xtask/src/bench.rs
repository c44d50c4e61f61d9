//! `cargo xtask bench`: what things cost. One file for each subject, and those that they measure with.
//!
//! Only shown, never a reason to fail: time on a shared machine says too little for that.

mod container;
mod contender;
mod figures;
mod mounting;
mod statec;
mod usage;
mod workload;
mod yamllint;

use std::fs;

use crate::bench::figures::Figures;
use crate::failure::{OrFail as _, Outcome};
use crate::terminal::Terminal;
use crate::workspace::Workspace;

/// Adds the tables of one subject.
type Subject = fn(&Workspace, Terminal, &mut Figures) -> Outcome;

/// In the order of the page.
const SUBJECTS: &[Subject] = &[statec::measure_all, mounting::measure_all, container::measure_all];

/// How busy the machine may be before the figures are doubted: processes that want to run, on average.
const QUIET: f64 = 0.5;

/// Measures and prints; writes the figures into the documentation where asked.
pub(crate) fn run(workspace: &Workspace, terminal: Terminal, write: bool) -> Outcome {
    let load = load()?;
    let mut figures = Figures::default();
    if load > QUIET {
        // Part of the page, lest such figures be taken for better ones.
        figures.add(&format!(
            "**The machine was busy when this was measured** (load {load}): repeat it when it is quiet."
        ));
    }
    for measure in SUBJECTS {
        measure(workspace, terminal, &mut figures)?;
    }
    println!("\n{}", figures.as_str());
    if write {
        let page = workspace.root().join("docs/performance.md");
        figures.write_into(&page)?;
        println!("Written into {}.", workspace.show(&page));
    }
    Ok(())
}

/// How many processes wanted to run in the last minute, on average.
fn load() -> Outcome<f64> {
    let place = || "read /proc/loadavg".to_owned();
    let text = fs::read_to_string("/proc/loadavg").or_fail(place)?;
    text.split(' ').next().unwrap_or_default().parse().or_fail(place)
}
