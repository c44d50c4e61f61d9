//! An initramfs of busybox that calls the layer's module, as BitBake would make it of OE-Core's initramfs-framework.

use std::fs;
use std::path::{Path, PathBuf};

use crate::boot::initramfs;
use crate::boot::kernel::Kernel;
use crate::failure::{OrFail as _, Outcome};
use crate::tool;
use crate::workspace::Workspace;

/// What stands for the framework, whose files are not ours.
const INIT: &str = "tests/boot/framework/init";

/// The module, as it is in the layer.
const MODULE: &str = "meta-sysota/recipes-sysota/initramfs-module-sysota/files/sysota";

/// What busybox has in OE-Core, and has not in Debian.
const MOUNTPOINT: &str = "tests/yocto/meta-sysota-test/recipes-shims/busybox/files/mountpoint";

/// What the recipe writes in place of these words of it: the fields of a file system table, in their order.
const WORDS: [&str; 4] = ["@DEVICE@", "@MOUNT_POINT@", "@FSTYPE@", "@OPTIONS@"];

/// What the kernel does not have built in.
const MODULES: [&str; 2] = ["squashfs", "overlay"];

/// For files and logs.
pub(super) const NAME: &str = "framework";

/// Makes it, for an image whose sys-data is where `fstab` says.
pub(super) fn make(stated: &Path, fstab: &str, kernel: &Kernel, workspace: &Workspace) -> Outcome<PathBuf> {
    let read = |file: &Path| fs::read(file).or_fail(|| format!("read {}", file.display()));
    let read_text = |path: &str| {
        let file = workspace.root().join(path);
        fs::read_to_string(&file).or_fail(|| format!("read {}", file.display()))
    };
    let mut module = read_text(MODULE)?;
    for (word, field) in WORDS.into_iter().zip(fstab.split_whitespace()) {
        // What begins with `x-` speaks to others than `mount`.
        let values: Vec<_> = field.split(',').filter(|value| !value.starts_with("x-")).collect();
        module = module.replace(word, &values.join(","));
    }
    let files = [
        ("init", read_text(INIT)?.into_bytes()),
        ("init.d/95-sysota", module.into_bytes()),
        ("bin/busybox", read(&tool::BUSYBOX.place()?)?),
        ("bin/mountpoint", read_text(MOUNTPOINT)?.into_bytes()),
        ("bin/stated", read(stated)?),
    ];
    let files = files.each_ref().map(|(path, content)| (*path, content.as_slice()));
    let to = workspace.scratch("boot/hosts")?.join(NAME).with_extension("cpio");
    initramfs::write_all(&files, &kernel.modules(&MODULES)?, to)
}
