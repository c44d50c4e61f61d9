//! `cargo xtask bench`: what things cost. One file for each subject, and those that they measure with.
//!
//! Only shown, never a reason to fail: time on a shared machine says too little for that.

mod booting;
mod container;
mod contender;
mod copying;
mod figures;
mod mount_unit;
mod mounting;
mod namespace;
mod statec;
mod tree;
mod update;
mod usage;
mod volume;
mod workload;
mod yamllint;

use std::fs;

use clap::ValueEnum;

use crate::bench::figures::Figures;
use crate::failure::{OrFail as _, Outcome};
use crate::terminal::Terminal;
use crate::workspace::Workspace;

/// What is measured, in the order of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Subject {
    /// The compiler on big images.
    Statec,
    /// Binding directories at boot.
    Mounting,
    /// The same by mount units, in a container.
    Container,
    /// The same in a whole boot.
    Booting,
    /// Taking a slot's state over.
    Copying,
}

impl Subject {
    /// Adds its tables.
    fn measure(self, workspace: &Workspace, terminal: Terminal, figures: &mut Figures) -> Outcome {
        let measure = match self {
            Self::Statec => statec::measure_all,
            Self::Mounting => mounting::measure_all,
            Self::Container => container::measure_all,
            Self::Booting => booting::measure_all,
            Self::Copying => copying::measure_all,
        };
        measure(workspace, terminal, figures)
    }

    /// As it is named on the command line and in the page.
    fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }

    /// Whether it takes longer when the machine is busy.
    fn minds_load(self) -> bool {
        self != Self::Booting
    }
}

/// How busy the machine may be before the figures are doubted: processes that want to run, on average.
const QUIET: f64 = 0.5;

/// Measures the subjects that are asked for, or all, and prints; writes the figures into the documentation where asked.
pub(crate) fn run(workspace: &Workspace, terminal: Terminal, asked: &[Subject], write: bool) -> Outcome {
    let page = workspace.root().join("docs/performance.md");
    let load = load()?;
    for &subject in Subject::value_variants() {
        if !asked.is_empty() && !asked.contains(&subject) {
            continue;
        }
        let mut figures = Figures::default();
        if load > QUIET && subject.minds_load() {
            // Part of the page, lest such figures be taken for better ones.
            figures.add(&format!(
                "**The machine was busy when this was measured** (load {load}): repeat it when it is quiet."
            ));
        }
        subject.measure(workspace, terminal, &mut figures)?;
        println!("\n{}", figures.as_str());
        if write {
            figures.write_into(&page, &subject.name())?;
            println!("Written into {}.", workspace.show(&page));
        }
    }
    Ok(())
}

/// How many processes wanted to run in the last minute, on average.
fn load() -> Outcome<f64> {
    let place = || "read /proc/loadavg".to_owned();
    let text = fs::read_to_string("/proc/loadavg").or_fail(place)?;
    text.split(' ').next().unwrap_or_default().parse().or_fail(place)
}
