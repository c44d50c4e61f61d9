//! What it costs to make paths writable in the boot of a Debian: by `stated`, and by what people use today.
//!
//! The same [`Debian`] is booted with each of the [`Means`] and with more and more paths, from the kernel's first program
//! to systemd's `local-fs.target`, in an emulator whose clock shows how much its processor has done.

mod debian;
mod initramfs;
mod means;
mod stopwatch;

use super::figures::{Figures, show};
use crate::boot::bare::BarePc;
use crate::boot::disk::Disk;
use crate::boot::emulator::Emulator;
use crate::boot::kernel::Kernel;
use crate::boot::machine::PARTITIONS;
use crate::boot::slot::Slot;
use crate::failure::Outcome;
use crate::task::Task;
use crate::terminal::Terminal;
use crate::tool;
use crate::workspace::Workspace;
use debian::Debian;
use initramfs::{Initramfs, Kind};
use means::Means;
use stopwatch::Times;

/// How many paths are compared with none.
const COUNTS: [usize; 3] = [10, 100, 500];

/// How often each is booted. The first of these boots makes the state, and is not the best.
const RUNS: usize = 3;

/// The kernel and systemd say nothing on the console: a serial line is slow, and some would have much to say.
const PARAMETERS: &str = "quiet rootfstype=squashfs systemd.show_status=no systemd.unit=measure.service";

/// What the kernel does not have built in of what such an image needs.
const MODULES: [&str; 2] = ["squashfs", "autofs4"];

/// A PC, what it may start with, and what it boots.
struct Bench {
    emulator: Emulator,
    kernel: Kernel,
    disk: Disk,
    of_stated: Initramfs,
    of_busybox: Initramfs,
    debian: Debian,
}

/// The best boot of several that are the same.
struct Boot {
    means: Means,
    count: usize,
    times: Times,
}

/// Measures everybody.
pub(super) fn measure_all(workspace: &Workspace, terminal: Terminal, figures: &mut Figures) -> Outcome {
    let bench = Bench::prepare(workspace, terminal)?;
    let mut boots = Vec::new();
    for means in Means::ALL {
        for count in [0].into_iter().chain(COUNTS) {
            let title = format!("boot: {count} {}", means.name());
            let mut task = Task::start(terminal, &title);
            let boot = bench.measure(means, count, workspace, &mut task)?;
            let Times { initramfs, all, work } = boot.times;
            let [initramfs, all, work] = [initramfs, all, work].map(show);
            task.finish(&format!("{initramfs} in the initramfs, {all} in all; the processor worked {work}"));
            boots.push(boot);
        }
    }
    add_costs(figures, &boots);
    add_initramfs(figures, &boots, &[&bench.of_stated, &bench.of_busybox]);
    Ok(())
}

impl Bench {
    fn prepare(workspace: &Workspace, terminal: Terminal) -> Outcome<Self> {
        tool::ensure(&tool::OF_BOOTS, workspace, terminal)?;
        let emulator = Emulator::fetch(workspace, terminal)?;
        let kernel = Kernel::fetch(workspace, terminal)?;
        let most = COUNTS.into_iter().max().unwrap_or_default();
        let debian = Debian::prepare(most, workspace, terminal)?;
        let mut task = Task::start(terminal, "assemble a machine");
        let directory = workspace.scratch("bench/booting")?;
        let stated = workspace.build_system(&mut task)?;
        let modules = kernel.modules(&MODULES)?;
        let of_stated = Initramfs::of_stated(&stated, &modules, &directory)?;
        let of_busybox = Initramfs::of_busybox(&modules, &directory)?;
        let disk = Disk::create(directory.join("disk.img"), &PARTITIONS)?;
        disk.make_directories(&means::sources(most))?;
        task.finish("whose clock goes by what its processor does");
        Ok(Self { emulator, kernel, disk, of_stated, of_busybox, debian })
    }

    /// Boots the Debian with `count` paths that are bound by `means`.
    fn measure(
        &self,
        means: Means,
        count: usize,
        workspace: &Workspace,
        task: &mut Task<'_>,
    ) -> Outcome<Boot> {
        self.disk.install(Slot::A, &self.debian.pack(means, count, workspace, task)?)?;
        let initramfs = match means.initramfs() {
            Kind::Stated => &self.of_stated,
            Kind::Busybox => &self.of_busybox,
        };
        let pc = BarePc {
            emulator: &self.emulator,
            kernel: self.kernel.image(),
            initramfs: initramfs.file(),
            console: &workspace.scratch("log")?.join(format!("booting-{}-{count}.txt", means.name())),
        };
        let command_line = format!("{PARAMETERS} root=PARTLABEL={}", Slot::A.label());
        let mut boot = || stopwatch::read(&pc.boot_counted(self.disk.file(), &command_line, task)?, count);
        let mut times = boot()?;
        for _ in 1..RUNS {
            times = times.best(boot()?);
        }
        Ok(Boot { means, count, times })
    }
}

/// The boot with nothing to bind that one is compared with.
fn base_of<'a>(boot: &Boot, boots: &'a [Boot]) -> Option<&'a Boot> {
    boots.iter().find(|other| other.count == 0 && other.means == boot.means)
}

/// A table with a row for each of the means.
fn add_costs(figures: &mut Figures, boots: &[Boot]) {
    let head = std::iter::once("by".to_owned()).chain(COUNTS.map(|count| format!("{count} directories")));
    let row = |means: Means| {
        let cells = boots.iter().filter(|boot| boot.means == means && boot.count > 0).filter_map(|boot| {
            let times = boot.times.beyond(base_of(boot, boots)?.times);
            Some(format!("{}, {}, {}", show(times.initramfs), show(times.all), show(times.work)))
        });
        std::iter::once(means.title().to_owned()).chain(cells).collect()
    };
    let rows: Vec<Vec<String>> = Means::ALL.into_iter().map(row).collect();
    let title = format!(
        "Binding directories in the boot of a Debian, best of {RUNS}: what it adds to the time in the initramfs, to all the time \
         from its start to `local-fs.target`, and to the processor's work"
    );
    figures.add_table(&title, &head.collect::<Vec<_>>(), &rows);
}

/// A table with a row for each initramfs.
fn add_initramfs(figures: &mut Figures, boots: &[Boot], all: &[&Initramfs]) {
    let head = ["initramfs", "programs", "with modules", "by `gzip -9`", "from its start to systemd's"];
    let row = |initramfs: &&Initramfs| {
        let base = boots.iter().find(|boot| boot.count == 0 && boot.means.initramfs() == initramfs.kind());
        let size = |bytes: u64| format!("{} KiB", bytes.div_ceil(1024));
        vec![
            initramfs.kind().title().to_owned(),
            size(initramfs.programs()),
            size(initramfs.size()),
            size(initramfs.compressed()),
            base.map(|boot| show(boot.times.initramfs)).unwrap_or_default(),
        ]
    };
    let rows: Vec<_> = all.iter().map(row).collect();
    figures.add_table("The initramfs of these boots, with nothing to bind", &head.map(str::to_owned), &rows);
}
