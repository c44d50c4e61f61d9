//! What somebody plugs into the machine: a disk with bundles, and with a server that offers them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::call;
use crate::certificate::Certificate;
use crate::debian_release::Release;
use crate::debian_tree::DebianTree;
use crate::failure::{OrFail as _, Outcome};
use crate::terminal::Terminal;
use crate::workspace::Workspace;

/// The server's settings, which name the files that it finds beside them.
const SETTINGS: &str = "tests/boot/rauc/nginx.conf";

/// A disk that is not made yet.
#[derive(Debug)]
pub(super) struct Stick {
    content: PathBuf,
}

impl Stick {
    /// An empty one, whose content is collected in the directory `content`.
    pub(super) fn new(content: PathBuf) -> Outcome<Self> {
        let _ = fs::remove_dir_all(&content);
        fs::create_dir_all(&content).or_fail(|| format!("create {}", content.display()))?;
        Ok(Self { content })
    }

    /// Where a file has to be put to be on the disk.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.content.join(name)
    }

    /// Adds a web server, which knows itself by the certificate `own` and, on another port, by `other`. The image has all
    /// libraries that it takes.
    pub(super) fn add_server(
        &self,
        own: &Certificate,
        other: &Certificate,
        workspace: &Workspace,
        terminal: Terminal,
    ) -> Outcome {
        let tree = DebianTree::fetch("boot/server", Release::Trixie, &["nginx"], workspace, terminal)?;
        let files = [
            (tree.path("usr/sbin/nginx"), "nginx"),
            (workspace.root().join(SETTINGS), "nginx.conf"),
            (own.public.clone(), "own.pem"),
            (own.key.clone(), "own.key"),
            (other.public.clone(), "other.pem"),
            (other.key.clone(), "other.key"),
        ];
        let directory = self.path("server");
        fs::create_dir(&directory).or_fail(|| format!("create {}", directory.display()))?;
        for (file, name) in files {
            fs::copy(&file, directory.join(name)).or_fail(|| format!("copy {}", file.display()))?;
        }
        Ok(())
    }

    /// Makes the disk, a file.
    pub(super) fn finish(self, to: &Path) -> Outcome {
        let _ = fs::remove_file(to);
        let mut mkfs = Command::new("mkfs.ext4");
        mkfs.args(["-q", "-m", "0", "-O", "^has_journal", "-d"]).arg(&self.content).arg(to);
        call::expect(mkfs.arg("400M"), &[])?;
        fs::remove_dir_all(&self.content).or_fail(|| format!("remove {}", self.content.display()))
    }
}
