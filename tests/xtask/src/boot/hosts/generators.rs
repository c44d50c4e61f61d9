//! A Debian that has all generators of an initramfs, and what `applier/initramfs` has for them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::host::Host;
use crate::debian_release::Release;
use crate::debian_tree::DebianTree;
use crate::failure::{Failure, OrFail as _, Outcome};
use crate::task::Task;
use crate::terminal::Terminal;
use crate::workspace::Workspace;

/// What is to be there: a kernel, the generators, and what they take the programs of an initramfs from. dracut's other
/// package, of its own name, cannot be installed beside initramfs-tools; it only has it called when a kernel is installed.
const PACKAGES: [&str; 8] = [
    "busybox",
    "dracut-core",
    "e2fsprogs",
    "initramfs-tools",
    "linux-image-cloud-amd64",
    "systemd-sysv",
    "udev",
    "zstd",
];

/// Where files of `applier/initramfs` go, as `docs/integration.md` tells whoever builds an image.
const FILES: [(&str, &str); 7] = [
    ("systemd/sysota-state.service", "usr/lib/systemd/system/sysota-state.service"),
    ("dracut/50-sysota.conf", "usr/lib/dracut/dracut.conf.d/50-sysota.conf"),
    ("dracut/90sysota/module-setup.sh", "usr/lib/dracut/modules.d/90sysota/module-setup.sh"),
    ("dracut/90sysota/wait.sh", "usr/lib/dracut/modules.d/90sysota/wait.sh"),
    ("dracut/90sysota/apply.sh", "usr/lib/dracut/modules.d/90sysota/apply.sh"),
    ("initramfs-tools/hooks/sysota", "usr/share/initramfs-tools/hooks/sysota"),
    ("initramfs-tools/scripts/local-bottom/sysota", "usr/share/initramfs-tools/scripts/local-bottom/sysota"),
];

/// What makes the machine restart where the host is systemd alone.
const RESTARTS: (&str, &str) = (
    "systemd/sysota-state.service.d/reboot.conf",
    "usr/lib/systemd/system/sysota-state.service.d/reboot.conf",
);

/// Where the generators take the program and the line of fstab from.
const STATED: &str = "usr/lib/sysota/stated-initramfs";
const FSTAB: &str = "usr/lib/sysota/sys-data.fstab";

/// The root that has the generators.
#[derive(Debug)]
pub(super) struct Generators {
    tree: DebianTree,
    kernel: PathBuf,
    version: String,
}

impl Generators {
    pub(super) fn fetch(workspace: &Workspace, terminal: Terminal) -> Outcome<Self> {
        let tree = DebianTree::install("boot/generators", Release::Trixie, &PACKAGES, workspace, terminal)?;
        let modules = tree.path("usr/lib/modules");
        let place = || format!("list {}", modules.display());
        let mut versions = Vec::new();
        for entry in fs::read_dir(&modules).or_fail(place)? {
            versions.push(entry.or_fail(place)?.file_name().to_string_lossy().into_owned());
        }
        let [version] = versions.as_slice() else {
            return Err(Failure::new(format!("{} does not have one kernel's modules", modules.display())));
        };
        Ok(Self { kernel: tree.path(&format!("boot/vmlinuz-{version}")), version: version.clone(), tree })
    }

    pub(super) fn kernel(&self) -> &Path {
        &self.kernel
    }

    /// Installs what an image has for `host`: our files, the program, and where its sys-data is.
    pub(super) fn install(&self, host: Host, stated: &Path, fstab: &str, workspace: &Workspace) -> Outcome {
        let ours = workspace.root().join("applier/initramfs");
        for (from, to) in FILES {
            self.copy(&ours.join(from), to)?;
        }
        self.copy(stated, STATED)?;
        let file = self.tree.path(FSTAB);
        fs::write(&file, fstab).or_fail(|| format!("write {}", file.display()))?;
        let (from, to) = RESTARTS;
        if host == Host::Systemd {
            return self.copy(&ours.join(from), to);
        }
        let file = self.tree.path(to);
        if file.exists() {
            fs::remove_file(&file).or_fail(|| format!("remove {}", file.display()))?;
        }
        Ok(())
    }

    /// Has the generator make an initramfs.
    pub(super) fn make(&self, host: Host, workspace: &Workspace, task: &mut Task<'_>) -> Outcome<PathBuf> {
        let file = format!("boot/{}.img", host.name());
        // They want /proc, which goes with the namespace.
        let mut command = Command::new("unshare");
        command.args(["--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]);
        command.arg("--root").arg(self.tree.path(""));
        command.args(host.command(&self.version, &format!("/{file}")));
        command.env("PATH", "/usr/sbin:/usr/bin").env_remove("TMPDIR");
        let log = workspace.scratch("log")?.join(format!("hosts-{}.txt", host.name()));
        task.run(&mut command, &log)?;
        Ok(self.tree.path(&file))
    }

    fn copy(&self, from: &Path, to: &str) -> Outcome {
        let to = self.tree.path(to);
        let place = || format!("copy {} to {}", from.display(), to.display());
        fs::create_dir_all(to.parent().unwrap_or(&to)).or_fail(place)?;
        fs::copy(from, &to).map(|_| ()).or_fail(place)
    }
}
