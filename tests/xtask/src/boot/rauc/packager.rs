//! RAUC on the build host, which makes bundles.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::boot::root_fs::RootFs;
use crate::certificate::Certificate;
use crate::debian_release::Release;
use crate::debian_tree::DebianTree;
use crate::failure::{OrFail as _, Outcome};
use crate::task::Task;
use crate::terminal::Terminal;
use crate::workspace::Workspace;

/// Where bundles say for whom they are: as the gateway's `system.conf` does.
const COMPATIBLE: &str = "example-gateway";

/// The same RAUC as in the images, unpacked and not installed.
#[derive(Debug)]
pub(super) struct Packager {
    tree: DebianTree,
    log: PathBuf,
}

impl Packager {
    pub(super) fn fetch(workspace: &Workspace, terminal: Terminal) -> Outcome<Self> {
        let tree = DebianTree::fetch("boot/packager", Release::Trixie, &["rauc"], workspace, terminal)?;
        Ok(Self { tree, log: workspace.scratch("log")?.join("rauc-bundle.txt") })
    }

    /// Makes the bundle `to` of an image and its control blob, signed by `signer`.
    pub(super) fn bundle(
        &self,
        image: &RootFs,
        signer: &Certificate,
        to: &Path,
        task: &mut Task<'_>,
    ) -> Outcome {
        let content = to.with_extension("content");
        let place = || format!("prepare {}", content.display());
        let _ = fs::remove_dir_all(&content);
        let _ = fs::remove_file(to);
        fs::create_dir_all(&content).or_fail(place)?;
        let manifest = format!(
            "[update]\ncompatible={COMPATIBLE}\nversion={}\n\n[bundle]\nformat=verity\n\n\
             [image.rootfs]\nfilename=rootfs.img\n",
            image.image_id()
        );
        fs::write(content.join("manifest.raucm"), manifest).or_fail(place)?;
        fs::hard_link(image.file(), content.join("rootfs.img")).or_fail(place)?;
        // Where the handler of the gateway looks for it.
        fs::copy(image.blob(), content.join("state.blob")).or_fail(place)?;
        let [loader, words @ ..] = self.tree.words("usr/bin/rauc");
        let mut rauc = Command::new(loader);
        rauc.args(words).arg("bundle");
        rauc.arg(format!("--cert={}", signer.public.display()));
        rauc.arg(format!("--key={}", signer.key.display()));
        // The image is packed already.
        rauc.arg("--mksquashfs-args=-noI -noD -noF -noX").arg(&content).arg(to);
        task.run(&mut rauc, &self.log)?;
        fs::remove_dir_all(&content).or_fail(|| format!("remove {}", content.display()))
    }
}
