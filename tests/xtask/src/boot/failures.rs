//! What can be wrong with a device, and what `stated init` says and does then.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fs::{self, File};
use std::os::unix::fs::{FileExt as _, PermissionsExt as _};
use std::path::Path;
use std::process::Command;

use state_schema::BLOB_PATH;

use super::Share;
use super::disk::{Disk, Partition, SYS_DATA};
use super::power::command_line;
use super::slot::Slot;
use super::tiny::{ROOT_SIZE, Seen, Tiny, TinyPc};
use crate::failure::{Failure, OrFail as _, Outcome};
use crate::image::relative;
use crate::task::Task;
use crate::terminal::Terminal;
use crate::workspace::Workspace;

/// Size of sys-data, in MiB.
const SYS_DATA_SIZE: u64 = 16;

/// The usual image.
const USUAL: Tiny = Tiny::of(1);

/// One device, and what is to be seen of it.
struct Case {
    name: &'static str,
    image: Tiny,
    /// Spoils the disk, once it is complete.
    spoil: fn(&Disk, &mut Spoiler<'_, '_>) -> Outcome,
    command_line: &'static str,
    /// Event and exit status of a boot that comes to the image's init; a system that cannot be started has none.
    comes_to: Option<(&'static str, &'static str)>,
    /// What is on the console then, besides.
    says: &'static [&'static str],
    /// Whether it stays as it is then, for somebody to look at.
    stays: bool,
    /// Whether it is tried before every merge.
    is_brief: bool,
}

/// What it takes to spoil a device.
struct Spoiler<'s, 't> {
    workspace: &'s Workspace,
    pc: &'s TinyPc,
    image: Tiny,
    task: &'s mut Task<'t>,
}

const NEVER: Option<(&str, &str)> = None;
const AS_USUAL: Option<(&str, &str)> = Some(("first-boot", "0"));
const DEGRADED: Option<(&str, &str)> = Some(("degraded", "3"));

/// The one that the others differ from.
const SOUND: Case = Case {
    name: "root by label",
    image: USUAL,
    spoil: |_, _| Ok(()),
    command_line: "root=PARTLABEL=x-sys-a sysota.slot=A",
    comes_to: AS_USUAL,
    says: &[],
    stays: false,
    is_brief: false,
};

const CASES: &[Case] = &[
    SOUND,
    Case {
        name: "root by unique id",
        command_line: "root=PARTUUID=5359534F-5441-4449-534B-000000000001 sysota.slot=A",
        is_brief: true,
        ..SOUND
    },
    Case { name: "root by path", command_line: "root=/dev/nvme0n1p1 sysota.slot=A", ..SOUND },
    Case {
        name: "root not said",
        command_line: "sysota.slot=A",
        comes_to: NEVER,
        says: &[
            "the kernel command line does not say where the image is",
            "  nvme0n1p3  16384 KiB  PARTLABEL=x-sys-data  PARTUUID=5359534f-5441-4449-534b-000000000003",
            "The machine restarts in 10 seconds",
            "reboot: Restarting system",
        ],
        ..SOUND
    },
    Case {
        name: "root missing",
        command_line: "root=PARTLABEL=x-sys-c sysota.slot=A sysota.wait=1",
        comes_to: NEVER,
        says: &[
            "cannot mount the root PARTLABEL=x-sys-c: there is no such device",
            "  root      PARTLABEL=x-sys-c",
        ],
        is_brief: true,
        ..SOUND
    },
    Case {
        name: "root by an unknown name",
        command_line: "root=UUID=0b1c sysota.slot=A",
        comes_to: NEVER,
        says: &[
            "cannot mount the root UUID=0b1c: a device is named by PARTLABEL=, PARTUUID= or its path below /dev",
        ],
        ..SOUND
    },
    Case {
        name: "root by an ambiguous name",
        command_line: "root=PARTLABEL=x-twin sysota.slot=A",
        comes_to: NEVER,
        says: &["cannot mount the root PARTLABEL=x-twin: there is more than one device of this name"],
        ..SOUND
    },
    Case {
        name: "root no file system",
        command_line: "root=PARTLABEL=x-sys-b sysota.slot=A",
        comes_to: NEVER,
        says: &["cannot mount the root /dev/nvme0n1p2: it holds none of the file systems that were tried"],
        ..SOUND
    },
    Case {
        name: "slot unknown",
        command_line: "root=PARTLABEL=x-sys-a sysota.slot=C",
        comes_to: NEVER,
        says: &["the kernel command line says `sysota.slot=C`, but the image's slots are A, B"],
        ..SOUND
    },
    Case {
        name: "blob damaged",
        spoil: damage_blob,
        comes_to: NEVER,
        says: &["cannot use the blob /usr/lib/sysota/state.blob: "],
        ..SOUND
    },
    Case {
        name: "init missing",
        command_line: "root=PARTLABEL=x-sys-a sysota.slot=A init=/sbin/nothing",
        comes_to: NEVER,
        says: &["cannot go on with /sbin/nothing: execve: ENOENT"],
        ..SOUND
    },
    Case {
        name: "halt on failure",
        command_line: "root=PARTLABEL=x-sys-a sysota.slot=C sysota.on-failure=halt",
        comes_to: NEVER,
        says: &["The machine waits for somebody to turn it off."],
        stays: true,
        ..SOUND
    },
    Case {
        name: "shell on failure",
        spoil: make_shell_talk,
        command_line: "root=PARTLABEL=x-sys-a sysota.slot=C sysota.on-failure=shell",
        comes_to: NEVER,
        says: &["A shell follows.", "SHELL sees nvme0n1p1 and mount sysota", "reboot: Restarting system"],
        ..SOUND
    },
    Case {
        name: "parameter unknown",
        command_line: "root=PARTLABEL=x-sys-a sysota.slot=A sysota.wait=soon",
        says: &["the kernel command line says sysota.wait=soon, which is not a number of seconds"],
        ..SOUND
    },
    Case {
        name: "sys-data no file system",
        spoil: zero_superblock,
        comes_to: DEGRADED,
        says: &[
            "TINY reason cannot mount sys-data: fsconfig: EINVAL (22)",
            "TINY says slot A, image tiny-1: degraded",
        ],
        is_brief: true,
        ..SOUND
    },
    Case {
        name: "sys-data needed",
        image: Tiny { needs_sys_data: true, ..USUAL },
        spoil: zero_superblock,
        comes_to: NEVER,
        says: &["the image does not run without sys-data", "  sys-data  PARTLABEL=x-sys-data"],
        ..SOUND
    },
    Case {
        name: "sys-data full",
        spoil: fill_up,
        comes_to: DEGRADED,
        says: &["ENOSPC", "TINY says slot A, image tiny-1: degraded"],
        ..SOUND
    },
    Case {
        name: "sys-data read-only",
        spoil: make_read_only,
        comes_to: DEGRADED,
        says: &["EROFS", "TINY says slot A, image tiny-1: degraded"],
        ..SOUND
    },
    Case {
        name: "sys-data repaired",
        image: Tiny { has_fsck: true, ..USUAL },
        spoil: |disk, spoiler| spoil_state(disk, spoiler, "sif /slots/A/tree/etc/host.conf blocks 999"),
        comes_to: Some(("same", "0")),
        says: &["i_blocks is 999, should be"],
        is_brief: true,
        ..SOUND
    },
    Case {
        name: "sys-data beyond repair",
        image: Tiny { has_fsck: true, ..USUAL },
        spoil: |disk, spoiler| spoil_state(disk, spoiler, "clri /slots/A/tree/etc"),
        comes_to: DEGRADED,
        says: &["the check of its file system found damage that it could not repair"],
        ..SOUND
    },
];

/// Boots all of these devices.
pub(super) fn run(pc: &TinyPc, workspace: &Workspace, share: Share, terminal: Terminal) -> Outcome {
    // Each kind of image once.
    let mut built = BTreeMap::new();
    for case in CASES.iter().filter(|case| share == Share::All || case.is_brief) {
        let mut task = Task::start(terminal, case.name);
        let image = match built.entry(case.image.name()) {
            Entry::Occupied(image) => image.into_mut(),
            Entry::Vacant(place) => place.insert(case.image.build(workspace, &mut task)?),
        };
        let mut spoiler = Spoiler { workspace, pc, image: case.image, task: &mut task };
        let disk = spoiler.make_disk(case, image)?;
        let command_line = format!("quiet {}", case.command_line);
        let said = if case.stays {
            pc.bare().boot_and_leave(disk.file(), &command_line, &mut task)?
        } else {
            pc.bare().boot(disk.file(), None, &command_line, &mut task)?
        };
        check(case, &said).map_err(|failure| failure.and(format!(" ({})", case.name)))?;
        task.finish(case.comes_to.map_or("is not started, and says why", |(event, _)| event));
    }
    Ok(())
}

fn check(case: &Case, said: &str) -> Outcome {
    match case.comes_to {
        Some((event, status)) => Seen::read(said)?.expect(event, status)?,
        None if said.contains("TINY") || !said.contains("*** This system cannot be started ***") => {
            return Err(Failure::with_output("the system should not have been started", said));
        }
        None => {}
    }
    match case.says.iter().find(|words| !said.contains(*words)) {
        Some(words) => Err(Failure::with_output(format!("nothing says {words:?}"), said)),
        None => Ok(()),
    }
}

impl Spoiler<'_, '_> {
    fn make_disk(&mut self, case: &Case, image: &Path) -> Outcome<Disk> {
        let partition = |label, size| Partition { label, size };
        let partitions = [
            partition(Slot::A.label(), ROOT_SIZE),
            partition(Slot::B.label(), 1),
            partition(SYS_DATA, SYS_DATA_SIZE),
            partition("x-twin", 1),
            partition("x-twin", 1),
        ];
        let disk = Disk::create(self.pc.directory.join("failures.img"), &partitions)?;
        disk.install(Slot::A, image)?;
        (case.spoil)(&disk, self)?;
        Ok(disk)
    }

    /// Has debugfs change a file system on the disk.
    fn debug(&mut self, disk: &Disk, label: &str, request: &str) -> Outcome {
        let log = self.workspace.scratch("log")?.join("debugfs.txt");
        let mut debugfs = Command::new("debugfs");
        self.task.run(debugfs.args(["-w", "-R", request]).arg(disk.file_system(label)?), &log)
    }
}

/// Puts files on sys-data until there is no room.
fn fill_up(disk: &Disk, spoiler: &mut Spoiler<'_, '_>) -> Outcome {
    let filler = spoiler.pc.directory.join("filler");
    let mut len = SYS_DATA_SIZE << 20;
    while len >= 1024 {
        let content = vec![b'x'; usize::try_from(len).unwrap_or_default()];
        fs::write(&filler, content).or_fail(|| format!("write {}", filler.display()))?;
        // As much as goes in: debugfs writes what it can, and says that it is not all.
        spoiler.debug(disk, SYS_DATA, &format!("write {} filler-{len}", filler.display()))?;
        len /= 4;
    }
    Ok(())
}

/// As its own file system says.
fn make_read_only(disk: &Disk, spoiler: &mut Spoiler<'_, '_>) -> Outcome {
    spoiler.debug(disk, SYS_DATA, "feature read-only")
}

fn zero_superblock(disk: &Disk, _: &mut Spoiler<'_, '_>) -> Outcome {
    let place = || format!("write to {}", disk.file().display());
    let file = File::options().write(true).open(disk.file()).or_fail(place)?;
    file.write_all_at(&[0; 4096], disk.place_of(SYS_DATA)?.0).or_fail(place)
}

/// Has the image's shell say what it sees, since nobody types anything.
fn make_shell_talk(disk: &Disk, spoiler: &mut Spoiler<'_, '_>) -> Outcome {
    let script = spoiler.pc.directory.join("shell");
    let text = "#!/bin/busybox sh\necho SHELL sees $(cd /dev && ls nvme0n1p1) and $(ls /run)\n";
    fs::write(&script, text).or_fail(|| format!("write {}", script.display()))?;
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755))
        .or_fail(|| format!("make {} a program", script.display()))?;
    spoiler.debug(disk, Slot::A.label(), "rm /bin/sh")?;
    spoiler.debug(disk, Slot::A.label(), &format!("write {} /bin/sh", script.display()))
}

/// Changes one bit in the middle of it.
fn damage_blob(disk: &Disk, spoiler: &mut Spoiler<'_, '_>) -> Outcome {
    let path = spoiler.image.root(spoiler.workspace)?.join(relative(BLOB_PATH));
    let blob = fs::read(&path).or_fail(|| format!("read {}", path.display()))?;
    let place = || format!("damage the blob in {}", disk.file().display());
    let bytes = fs::read(disk.file()).or_fail(place)?;
    let head = blob.get(..64).ok_or("it is too short").or_fail(place)?;
    let at = bytes.windows(64).position(|window| window == head).ok_or("it is not there").or_fail(place)?;
    let at = at + blob.len() / 2;
    let byte = bytes.get(at).copied().unwrap_or_default() ^ 1;
    let file = File::options().write(true).open(disk.file()).or_fail(place)?;
    file.write_all_at(&[byte], at as u64).or_fail(place)
}

/// Boots once, so that there is state, and damages it by a request to debugfs.
fn spoil_state(disk: &Disk, spoiler: &mut Spoiler<'_, '_>, request: &str) -> Outcome {
    let said = spoiler.pc.bare().boot(disk.file(), None, &command_line("A", ""), spoiler.task)?;
    Seen::read(&said)?.expect("first-boot", "0")?;
    // First what is in the journal is put in its place, or it would undo the damage. Last, as a kernel leaves it that has seen an
    // error, so that the check looks at all of it.
    for request in ["jr", request, "ssv state 2"] {
        spoiler.debug(disk, SYS_DATA, request)?;
    }
    Ok(())
}
