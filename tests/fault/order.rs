//! That what a boot renames to its place is on the disk by then.
//!
//! A kill, as in the matrix, leaves what was written in the kernel's hands; a power cut does not. Whether a file system
//! then has the new name without the content is up to it, so that no number of trials would prove anything. What is
//! proven is the order of calls: between the last change of what is renamed and the rename, there is a sync of it.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use state_tests::tracer::{Action, Call, Watch, trace};
use syscalls::Sysno;

use crate::device::Device;
use crate::scenario::Scenario;
use crate::tree::{LOG, Tree};

/// How a change gets to the disk, besides by a sync of the whole file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    /// By a sync of the file.
    File,
    /// By a sync of the directory: a name, and what cannot be opened to sync it.
    Directory,
}

/// What a run has changed on sys-data that is not on the disk yet.
struct Order {
    /// sys-data's file system.
    device: u64,
    /// Where unfinished work lies. What is renamed to there is not published.
    work: PathBuf,
    unsynced: BTreeMap<PathBuf, By>,
    /// Renames that published something.
    renames: Vec<PathBuf>,
    broken: Vec<String>,
    /// The rename that is being made: from where to where.
    rename: Option<(PathBuf, PathBuf)>,
    /// What the call that is being made changes.
    change: Option<(PathBuf, By)>,
}

impl Order {
    /// The path of an opened file on sys-data.
    fn on_device(&self, call: &Call, index: usize) -> Option<PathBuf> {
        call.file(index).filter(|(_, device)| *device == self.device).map(|(path, _)| path)
    }

    /// The path of a name in an opened directory on sys-data; the directory itself for an empty name.
    fn named(&self, call: &Call, index: usize) -> Option<PathBuf> {
        let directory = self.on_device(call, index)?;
        let name = call.text(index + 1);
        Some(if name.is_empty() { directory } else { directory.join(name) })
    }

    fn changed(&self, call: &Call) -> Option<(PathBuf, By)> {
        const O_CREAT: u64 = 0o100;
        let by_file = |path| Some((path, By::File));
        let by_directory = |path| Some((path, By::Directory));
        match call.number() {
            Sysno::write
            | Sysno::pwrite64
            | Sysno::fchmod
            | Sysno::fsetxattr
            | Sysno::ftruncate
            | Sysno::fallocate => self.on_device(call, 0).and_then(by_file),
            Sysno::copy_file_range => self.on_device(call, 2).and_then(by_file),
            Sysno::ioctl => self.on_device(call, 0).and_then(by_file),
            // A file's own times, or those of a name.
            Sysno::utimensat if call.argument(1) == 0 => self.on_device(call, 0).and_then(by_file),
            Sysno::fchownat | Sysno::utimensat | Sysno::mkdirat | Sysno::mknodat => {
                self.named(call, 0).and_then(by_directory)
            }
            // The flags are the first thing in the structure.
            Sysno::openat2 if call.word(2) & O_CREAT != 0 => self.named(call, 0).and_then(by_directory),
            Sysno::symlinkat => self.named(call, 1).and_then(by_directory),
            Sysno::linkat => self.named(call, 2).and_then(by_directory),
            _ => None,
        }
    }
}

impl Watch for Order {
    fn enter(&mut self, call: &Call) -> Action {
        self.change = self.changed(call);
        self.rename = match call.number() {
            Sysno::renameat2 | Sysno::renameat => self.named(call, 0).zip(self.named(call, 2)),
            _ => None,
        };
        if let Some((from, to)) = &self.rename
            && !to.starts_with(&self.work)
        {
            if let Some((path, by)) = self.unsynced.iter().find(|(path, _)| path.starts_with(from)) {
                let what = format!(
                    "{} becomes {} before {} is synced ({by:?})",
                    from.display(),
                    to.display(),
                    path.display()
                );
                self.broken.push(what);
            }
            self.renames.push(to.clone());
        }
        Action::Pass
    }

    fn leave(&mut self, call: &Call) {
        if call.has_failed() {
            return;
        }
        if let Some((path, by)) = self.change.take() {
            // A file that is written to has to be synced itself, whatever was done to its name before.
            let known = self.unsynced.entry(path).or_insert(by);
            if by == By::File {
                *known = by;
            }
        }
        if let (Sysno::fsync | Sysno::fdatasync, Some(path)) = (call.number(), self.on_device(call, 0)) {
            self.unsynced.retain(|other, by| {
                *other != path && !(*by == By::Directory && other.parent() == Some(&path))
            });
        }
        if call.number() == Sysno::syncfs && self.on_device(call, 0).is_some() {
            self.unsynced.clear();
        }
    }
}

/// Runs the boot of a scenario, and checks the order of its calls.
pub(crate) fn check(scenario: &Scenario) {
    let mut device = Device::new(scenario.on_sys_data_failure);
    (scenario.prepare)(&mut device);
    device.scene.command_line(&format!("quiet sysota.slot={}", scenario.slot));
    let data = device.scene.data("");
    let before = Tree::of(&data);
    let mut order = Order {
        device: fs::metadata(&data).expect("stat").dev(),
        work: data.join("tmp"),
        unsynced: BTreeMap::new(),
        renames: Vec::new(),
        broken: Vec::new(),
        rename: None,
        change: None,
    };
    let ended = trace(&mut device.scene.command(), &mut order);
    let applied = device.scene.applied(ended.status.expect("an exit status"), ended.stderr).expect(0);
    assert!(order.broken.is_empty(), "{}", order.broken.join("\n"));
    // If the record of a boot like the one before is lost, nothing is.
    let is_logged = !order.unsynced.contains_key(&data.join(LOG));
    assert!(is_logged || applied.report["event"] == "same", "the record is not on the disk");
    // Otherwise nothing was looked at. The log is written in its place.
    let [before, after] = [before, Tree::of(&data)].map(|mut tree| {
        tree.0.remove(Path::new(LOG));
        tree
    });
    assert_eq!(order.renames.is_empty(), after == before, "{:?}", order.renames);
}
