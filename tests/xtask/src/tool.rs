//! Programs of the host, and the Debian packages they come in.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::unistd::geteuid;

use crate::failure::{Failure, Outcome};
use crate::task::Task;
use crate::terminal::Terminal;
use crate::workspace::Workspace;

/// A program that is run, and the package that has it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tool {
    program: &'static str,
    package: &'static str,
}

impl Tool {
    /// Where the program is.
    pub(crate) fn place(self) -> Outcome<PathBuf> {
        find(self.program).ok_or_else(|| Failure::new(format!("{} is missing", self.program)))
    }
}

/// Makes Debian roots.
pub(crate) const MMDEBSTRAP: Tool = Tool { program: "mmdebstrap", package: "mmdebstrap" };

/// Links.
pub(crate) const CC: Tool = Tool { program: "cc", package: "gcc" };

/// Compiles libFuzzer.
pub(crate) const CXX: Tool = Tool { program: "c++", package: "g++" };

/// Shows how two texts differ.
const DIFF: Tool = Tool { program: "diff", package: "diffutils" };

/// Shows programs another time.
const FAKETIME: Tool = Tool { program: "faketime", package: "faketime" };

/// Shows programs other owners, and devices that are none.
const FAKEROOT: Tool = Tool { program: "fakeroot", package: "fakeroot" };

/// Runs the language server that editors use for YAML.
const NODE: Tool = Tool { program: "node", package: "nodejs" };

/// Installs it.
const NPM: Tool = Tool { program: "npm", package: "npm" };

/// All programs of a small root file system in one.
pub(crate) const BUSYBOX: Tool = Tool { program: "busybox", package: "busybox-static" };

/// Declares the users of a namespace.
const NEWUIDMAP: Tool = Tool { program: "newuidmap", package: "uidmap" };

/// Make the file systems that copies are made on.
pub(crate) const MKFS_BTRFS: Tool = Tool { program: "mkfs.btrfs", package: "btrfs-progs" };
pub(crate) const MKFS_EXT4: Tool = Tool { program: "mkfs.ext4", package: "e2fsprogs" };
const DEBUGFS: Tool = Tool { program: "debugfs", package: "e2fsprogs" };
const MKFS_XFS: Tool = Tool { program: "mkfs.xfs", package: "xfsprogs" };

/// Repairs a file system, and needs no library.
pub(crate) const E2FSCK: Tool = Tool { program: "e2fsck.static", package: "e2fsck-static" };

/// Packs a root file system.
const MKSQUASHFS: Tool = Tool { program: "mksquashfs", package: "squashfs-tools" };

/// Divides a disk into partitions.
const SFDISK: Tool = Tool { program: "sfdisk", package: "fdisk" };

/// Makes certificates.
pub(crate) const OPENSSL: Tool = Tool { program: "openssl", package: "openssl" };

/// Speaks with a system that was booted.
const SSH: Tool = Tool { program: "ssh", package: "openssh-client" };

/// Unpacks the kernel's modules.
const XZ: Tool = Tool { program: "xz", package: "xz-utils" };

/// Mounts what a table says.
pub(crate) const MOUNT: Tool = Tool { program: "mount", package: "mount" };

/// Boots a root in a container.
pub(crate) const NSPAWN: Tool = Tool { program: "systemd-nspawn", package: "systemd-container" };

/// Runs yamllint. Debian has the module that makes environments in a package of its own.
pub(crate) const PYTHON: Tool = Tool { program: "python3", package: "python3-venv" };

/// Finds faults in shell scripts.
const SHELLCHECK: Tool = Tool { program: "shellcheck", package: "shellcheck" };

/// Makes system calls fail as on older kernels.
pub(crate) const STRACE: Tool = Tool { program: "strace", package: "strace" };

/// What the tests run.
pub(crate) const OF_TESTS: [Tool; 15] = [
    CC, CXX, DIFF, MMDEBSTRAP, FAKETIME, FAKEROOT, NODE, NPM, BUSYBOX, NEWUIDMAP, MKFS_BTRFS, MKFS_EXT4,
    MKFS_XFS, SHELLCHECK, STRACE,
];

/// What booting in an emulator takes; the emulator itself is not installed.
pub(crate) const OF_BOOTS: [Tool; 9] =
    [MMDEBSTRAP, BUSYBOX, MKFS_EXT4, DEBUGFS, E2FSCK, MKSQUASHFS, SFDISK, SSH, XZ];

/// What the checks of the layer run.
pub(crate) const OF_LAYER: [Tool; 3] = [FAKEROOT, BUSYBOX, SFDISK];

/// What BitBake wants of a host, and the shims of its test layer.
pub(crate) const OF_YOCTO: [Tool; 24] = [
    MMDEBSTRAP,
    BUSYBOX,
    MKFS_EXT4,
    OPENSSL,
    Tool { program: "chrpath", package: "chrpath" },
    Tool { program: "cpio", package: "cpio" },
    Tool { program: "diffstat", package: "diffstat" },
    Tool { program: "file", package: "file" },
    Tool { program: "gawk", package: "gawk" },
    Tool { program: "lz4", package: "lz4" },
    MKSQUASHFS,
    Tool { program: "apt-ftparchive", package: "apt-utils" },
    Tool { program: "pseudo", package: "pseudo" },
    SFDISK,
    Tool { program: "zstd", package: "zstd" },
    // What testimage wants to be there.
    Tool { program: "ip", package: "iproute2" },
    Tool { program: "ping", package: "iputils-ping" },
    Tool { program: "ps", package: "procps" },
    SSH,
    // What wic calls, and the bundle recipe.
    Tool { program: "mcopy", package: "mtools" },
    Tool { program: "mkdosfs", package: "dosfstools" },
    Tool { program: "parted", package: "parted" },
    Tool { program: "rauc", package: "rauc" },
    Tool { program: "sgdisk", package: "gdisk" },
];

/// Installs those of `tools` that are missing.
pub(crate) fn ensure(tools: &[Tool], workspace: &Workspace, terminal: Terminal) -> Outcome {
    let missing: Vec<Tool> = tools.iter().copied().filter(|tool| find(tool.program).is_none()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let packages: Vec<String> = missing.iter().map(|tool| tool.package.to_owned()).collect();
    let by_hand = install(&packages, workspace, terminal)?;
    if let Some(tool) = missing.iter().find(|tool| find(tool.program).is_none()) {
        return Err(Failure::new(format!("{} is still missing after: {by_hand}", tool.program)));
    }
    Ok(())
}

/// Installs Debian packages. Returns how a person would.
pub(crate) fn install(packages: &[String], workspace: &Workspace, terminal: Terminal) -> Outcome<String> {
    let by_hand = format!("apt-get update && apt-get install {}", packages.join(" "));
    if !geteuid().is_root() || find("apt-get").is_none() {
        return Err(Failure::new(format!(
            "missing on this machine: {}. Install it: {by_hand}",
            packages.join(", ")
        )));
    }
    let name = format!("install {}", packages.join(", "));
    let mut task = Task::start(terminal, &name);
    let log = workspace.scratch("log")?.join("apt.txt");
    task.run(apt_get().arg("update"), &log)?;
    task.run(apt_get().args(["install", "--yes"]).args(packages), &log)?;
    task.finish("with apt-get: it was missing on this machine");
    Ok(by_hand)
}

/// Where `program` is, if it can be run by its name.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|directory| directory.join(program)).find(|place| is_executable(place))
}

fn is_executable(place: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    place.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

fn apt_get() -> Command {
    let mut command = Command::new("apt-get");
    // Another apt may be at work: wait for it rather than fail.
    command.env("DEBIAN_FRONTEND", "noninteractive").args(["--quiet", "--option=DPkg::Lock::Timeout=300"]);
    command
}
