//! What the kernel starts: `stated` and nothing else, or what is usual.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::means::{DATA, LIST, source_tree};
use crate::bench::contender::SCRIPT;
use crate::boot::disk::SYS_DATA;
use crate::boot::initramfs;
use crate::boot::kernel::Module;
use crate::boot::slot::Slot;
use crate::call;
use crate::failure::{OrFail as _, Outcome};
use crate::tool;

/// Which one it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// `stated`, as `/init`.
    Stated,
    /// busybox, and scripts.
    Busybox,
}

impl Kind {
    /// As a row of a table is headed.
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Stated => "`stated init`",
            Self::Busybox => "busybox and a script",
        }
    }
}

/// An initramfs, and how big it is, in bytes.
pub(super) struct Initramfs {
    kind: Kind,
    file: PathBuf,
    programs: u64,
    size: u64,
    compressed: u64,
}

impl Initramfs {
    pub(super) fn of_stated(program: &Path, modules: &[Module], directory: &Path) -> Outcome<Self> {
        let init = fs::read(program).or_fail(|| format!("read {}", program.display()))?;
        Self::write(Kind::Stated, &[("init", &init)], modules, directory)
    }

    /// What is usual does not check sys-data's file system, nor anything else.
    pub(super) fn of_busybox(modules: &[Module], directory: &Path) -> Outcome<Self> {
        let busybox = fs::read(tool::BUSYBOX.place()?).or_fail(|| "read busybox".to_owned())?;
        let init = init();
        let files =
            [("bin/busybox", busybox.as_slice()), ("init", init.as_bytes()), ("bind", SCRIPT.as_bytes())];
        Self::write(Kind::Busybox, &files, modules, directory)
    }

    fn write(kind: Kind, files: &[(&str, &[u8])], modules: &[Module], directory: &Path) -> Outcome<Self> {
        let file = directory.join(format!("{kind:?}.cpio").to_lowercase());
        let file = initramfs::write_all(files, modules, file)?;
        let compressed = call::expect(Command::new("gzip").args(["-9", "-n", "-c"]).arg(&file), &[])?;
        Ok(Self {
            kind,
            programs: files.iter().map(|(_, content)| content.len() as u64).sum(),
            size: fs::metadata(&file).or_fail(|| format!("look at {}", file.display()))?.len(),
            compressed: compressed.len() as u64,
            file,
        })
    }

    pub(super) fn kind(&self) -> Kind {
        self.kind
    }

    pub(super) fn file(&self) -> &Path {
        &self.file
    }

    /// The size of what is in it, but for modules.
    pub(super) fn programs(&self) -> u64 {
        self.programs
    }

    /// The size of all of it.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// The size of all of it as a boot loader would load it.
    pub(super) fn compressed(&self) -> u64 {
        self.compressed
    }
}

/// The script that busybox runs: it mounts what there is, binds what the image lists, and starts the image's init.
fn init() -> String {
    let (root, data, sources) = (Slot::A.label(), SYS_DATA, source_tree());
    format!(
        r#"#!/bin/busybox sh
/bin/busybox mkdir -p /proc /sys /dev /run /root
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mount -t tmpfs -o mode=0755,nosuid,nodev tmpfs /run
for module in /modules/*; do insmod "$module"; done
find_partition() {{
    while :; do
        device=$(grep -lx "PARTNAME=$1" /sys/class/block/*/uevent)
        [ -z "$device" ] || break
        sleep 0.1
    done
    device=${{device%/uevent}}
    device=/dev/${{device##*/}}
}}
find_partition {root}
mount -t squashfs -o ro "$device" /root
find_partition {data}
mkdir -p {DATA}
mount -t ext4 -o noatime "$device" {DATA}
sh /bind /root {sources} /root/{LIST}
for directory in proc sys dev run; do mount --move "/$directory" "/root/$directory"; done
exec switch_root /root /sbin/init
"#
    )
}
