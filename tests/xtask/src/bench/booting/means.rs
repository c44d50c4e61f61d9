//! Ways to bind directories while a system boots.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::Path;

use super::initramfs::Kind;
use crate::bench::mount_unit;

/// Where sys-data is mounted, which is where the image's policy says by default.
pub(super) const DATA: &str = "/run/mount/sysdata";

/// The directory of sys-data that others than `stated` bind from.
const SOURCES: &str = "others";

/// What each initramfs that is not ours finds in the image: the paths that it is to bind.
pub(super) const LIST: &str = "etc/binds";

/// One of the ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Means {
    /// Entries of a control blob.
    Stated,
    /// Lines of the file system table.
    Fstab,
    /// systemd's units.
    Units,
    /// A shell script in an initramfs.
    Script,
}

impl Means {
    pub(super) const ALL: [Self; 4] = [Self::Stated, Self::Fstab, Self::Units, Self::Script];

    /// For files and lines of progress.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Stated => "entries",
            Self::Fstab => "fstab lines",
            Self::Units => "mount units",
            Self::Script => "in a script",
        }
    }

    /// As a row of a table is headed.
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Stated => "`stated init`, entries of the blob",
            Self::Fstab => "systemd, lines of `/etc/fstab`",
            Self::Units => "systemd, mount units",
            Self::Script => "shell script in a busybox initramfs",
        }
    }

    /// What mounts the root, and sys-data.
    pub(super) fn initramfs(self) -> Kind {
        match self {
            Self::Stated | Self::Fstab | Self::Units => Kind::Stated,
            Self::Script => Kind::Busybox,
        }
    }

    /// How many entries the blob has where `count` paths are bound.
    pub(super) fn entries(self, count: usize) -> usize {
        if self == Self::Stated { count } else { 0 }
    }

    /// Puts what says so into the image at `root`. What another one has put there is gone.
    pub(super) fn equip(self, root: &Path, count: usize) -> io::Result<()> {
        let table = if self == Self::Fstab { fstab(count) } else { String::new() };
        fs::write(root.join("etc/fstab"), table)?;
        write_units(&root.join("usr/lib/systemd/system"), if self == Self::Units { count } else { 0 })?;
        let listed = if self == Self::Script { count } else { 0 };
        fs::write(root.join(LIST), (0..listed).map(|number| target(number) + "\n").collect::<String>())
    }
}

/// The path number `number` that is bound, relative to the root.
pub(super) fn target(number: usize) -> String {
    format!("srv/{}", name(number))
}

/// What others than `stated` bind, which are to be there: relative to sys-data, parents first.
pub(super) fn sources(count: usize) -> Vec<String> {
    let tops = [SOURCES.to_owned(), format!("{SOURCES}/srv")];
    tops.into_iter().chain((0..count).map(|number| format!("{SOURCES}/{}", target(number)))).collect()
}

/// The directory that has such sources.
pub(super) fn source_tree() -> String {
    format!("{DATA}/{SOURCES}")
}

fn name(number: usize) -> String {
    format!("package{number:04}")
}

fn fstab(count: usize) -> String {
    let mut table = String::new();
    for target in (0..count).map(target) {
        let _ = writeln!(table, "{}/{target} /{target} none bind,nosuid,nodev 0 0", source_tree());
    }
    table
}

/// Writes `count` units, and has the system want them.
fn write_units(units: &Path, count: usize) -> io::Result<()> {
    let wants = units.join("local-fs.target.wants");
    for directory in [units, &wants] {
        for entry in fs::read_dir(directory)? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with("srv-") {
                fs::remove_file(entry.path())?;
            }
        }
    }
    for number in 0..count {
        let (unit, target) = (format!("srv-{}.mount", name(number)), target(number));
        let source = format!("{}/{target}", source_tree());
        mount_unit::write(units, &unit, &source, &format!("/{target}"))?;
    }
    Ok(())
}
