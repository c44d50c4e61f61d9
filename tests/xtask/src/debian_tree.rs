//! Debian packages unpacked into a directory, for programs that cannot be installed beside the machine's own.

use std::fs;
use std::path::PathBuf;

use crate::debian_release::Release;
use crate::failure::{OrFail as _, Outcome};
use crate::task::Task;
use crate::terminal::Terminal;
use crate::tool;
use crate::workspace::Workspace;

/// A directory that holds packages and what they depend on.
#[derive(Debug)]
pub(crate) struct DebianTree {
    root: PathBuf,
}

impl DebianTree {
    /// Takes the tree of an earlier run if it is of the same release and packages, else fetches it. `name` is that of its
    /// directory, below the one for this crate's own.
    pub(crate) fn fetch(
        name: &str,
        release: Release,
        packages: &[&str],
        workspace: &Workspace,
        terminal: Terminal,
    ) -> Outcome<Self> {
        Self::fetch_as("extract", name, release, packages, workspace, terminal)
    }

    /// The same, with the packages configured: their programs can be run with the tree as their root.
    pub(crate) fn install(
        name: &str,
        release: Release,
        packages: &[&str],
        workspace: &Workspace,
        terminal: Terminal,
    ) -> Outcome<Self> {
        Self::fetch_as("minbase", name, release, packages, workspace, terminal)
    }

    fn fetch_as(
        variant: &str,
        name: &str,
        release: Release,
        packages: &[&str],
        workspace: &Workspace,
        terminal: Terminal,
    ) -> Outcome<Self> {
        let root = workspace.scratch(name)?;
        let key = format!("{} {}\n", release.name(), packages.join(" "));
        let key_file = root.with_extension("key");
        let short = root.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let title = format!("fetch {short}");
        let mut task = Task::start(terminal, &title);
        if fs::read_to_string(&key_file).is_ok_and(|had| had == key) {
            task.finish("have it already");
            return Ok(Self { root });
        }
        tool::ensure(&[tool::MMDEBSTRAP], workspace, terminal)?;
        if root.exists() {
            fs::remove_dir_all(&root).or_fail(|| format!("remove {}", root.display()))?;
        }
        let mut mmdebstrap = release.mmdebstrap(variant, "directory", packages, &root);
        task.run(&mut mmdebstrap, &workspace.scratch("log")?.join(short).with_extension("txt"))?;
        // Last, so that an interrupted run leaves nothing that looks complete.
        fs::write(&key_file, key).or_fail(|| format!("write {}", key_file.display()))?;
        task.finish(&format!("{} of {}, by mmdebstrap", packages.join(" and "), release.name()));
        Ok(Self { root })
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    /// The libraries of Debian's 64-bit PC, whose programs these are.
    pub(crate) fn libraries(&self) -> PathBuf {
        self.path("usr/lib/x86_64-linux-gnu")
    }

    /// The words that run one of its programs: by its own loader and libraries, since those of the machine may be older.
    pub(crate) fn words(&self, program: &str) -> [PathBuf; 4] {
        let loader = self.path("usr/lib64/ld-linux-x86-64.so.2");
        [loader, "--library-path".into(), self.libraries(), self.path(program)]
    }
}
