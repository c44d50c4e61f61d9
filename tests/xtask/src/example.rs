//! A directory below `examples/`: the fragments of an image, and how to make that image.

use std::fs;
use std::path::{Path, PathBuf};

use crate::failure::{Failure, OrFail as _, Outcome};
use crate::workspace::Workspace;

/// A complete image's worth of fragments.
///
/// - `fragments/`: one file per package;
/// - `image/packages.txt`: the Debian packages, one a line;
/// - `image/policy.yaml`: what the image decides over its packages, if it does;
/// - `image/files/`: files that are laid over these, as the image's own packages would;
/// - `image/remove.txt`: files that the packages' scripts made and no image may ship, one a line;
/// - `expected-plan.txt`, `expected-plan.json`: what `statec inspect` prints.
#[derive(Debug)]
pub(crate) struct Example {
    name: String,
    directory: PathBuf,
    packages: Vec<String>,
    removals: Vec<String>,
}

impl Example {
    pub(crate) fn open(workspace: &Workspace, name: &str) -> Outcome<Self> {
        let directory = workspace.root().join("examples").join(name);
        let packages = read_list(&directory.join("image/packages.txt"))?;
        let removals = read_list(&directory.join("image/remove.txt"))?;
        Ok(Self { name: name.to_owned(), directory, packages, removals })
    }

    /// All examples, by name.
    pub(crate) fn all(workspace: &Workspace) -> Outcome<Vec<Self>> {
        let directory = workspace.root().join("examples");
        let names = names_in(&directory)?;
        let examples = names.iter().filter(|name| directory.join(name).is_dir());
        let examples: Vec<_> = examples.map(|name| Self::open(workspace, name)).collect::<Outcome<_>>()?;
        if examples.is_empty() {
            return Err(Failure::new(format!("{} holds no example", directory.display())));
        }
        Ok(examples)
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The Debian packages of the image, besides those that every Debian has.
    pub(crate) fn packages(&self) -> &[String] {
        &self.packages
    }

    pub(crate) fn fragments_directory(&self) -> PathBuf {
        self.directory.join("fragments")
    }

    /// The fragments' file names.
    pub(crate) fn fragments(&self) -> Outcome<Vec<String>> {
        names_in(&self.fragments_directory())
    }

    /// The image's policy, where the example has one.
    pub(crate) fn policy(&self) -> Option<PathBuf> {
        Some(self.directory.join("image/policy.yaml")).filter(|policy| policy.exists())
    }

    pub(crate) fn files(&self) -> PathBuf {
        self.directory.join("image/files")
    }

    /// Paths relative to the root.
    pub(crate) fn removals(&self) -> &[String] {
        &self.removals
    }

    /// What `statec inspect --format` is to print, by the file's extension.
    pub(crate) fn expected_plan(&self, extension: &str) -> PathBuf {
        self.directory.join("expected-plan").with_extension(extension)
    }
}

/// The lines of a file that are neither empty nor comments.
fn read_list(path: &Path) -> Outcome<Vec<String>> {
    let text = fs::read_to_string(path).or_fail(|| format!("read {}", path.display()))?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    Ok(lines.map(str::to_owned).collect())
}

/// The names in a directory, sorted.
fn names_in(directory: &Path) -> Outcome<Vec<String>> {
    let read = || -> std::io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(directory)? {
            names.push(entry?.file_name().to_string_lossy().into_owned());
        }
        names.sort();
        Ok(names)
    };
    read().or_fail(|| format!("list {}", directory.display()))
}
