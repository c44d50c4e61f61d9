//! A directory below `examples/`: the fragments of an image, and how to make that image.

use std::fs;
use std::path::{Path, PathBuf};

use crate::debian_release::Release;
use crate::failure::{Failure, OrFail as _, Outcome};
use crate::workspace::Workspace;

/// A complete image's worth of fragments.
///
/// - `fragments/`: one file per package;
/// - `image/packages.txt`: the Debian packages, one a line;
/// - `image/policy.yaml`: what the image decides over its packages, if it does;
/// - `image/files/`: files that are laid over these, as the image's own packages would;
/// - `image/remove.txt`: files that the packages' scripts made and no image may ship, one a line;
/// - `expected-plan.txt`, `expected-plan.json`: what `statec inspect` prints;
/// - `update/`, where there is one: how the next image differs. `packages.txt` says which packages it has more (`+NAME`)
///   or less (`-NAME`), `remove.txt` which files it has not any more; `fragments/` and `files/` come on top;
/// - `sid/`, where there is one: in the same way, how the image differs when it is made of that release of Debian.
#[derive(Debug)]
pub(crate) struct Example {
    name: String,
    /// Images of one name count from 1.
    number: u32,
    release: Release,
    directory: PathBuf,
    packages: Vec<String>,
    removals: Vec<String>,
    /// Directories of fragments, later ones on top.
    fragments: Vec<PathBuf>,
    /// Trees of files, later ones on top.
    files: Vec<PathBuf>,
}

impl Example {
    pub(crate) fn open(workspace: &Workspace, name: &str) -> Outcome<Self> {
        let directory = workspace.root().join("examples").join(name);
        Ok(Self {
            name: name.to_owned(),
            number: 1,
            release: Release::Trixie,
            packages: read_list(&directory.join("image/packages.txt"))?,
            removals: read_list(&directory.join("image/remove.txt"))?,
            fragments: vec![directory.join("fragments")],
            files: vec![directory.join("image/files")],
            directory,
        })
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

    /// The same image, made of another release.
    pub(crate) fn made_of(self, release: Release) -> Outcome<Self> {
        if release == self.release {
            return Ok(self);
        }
        let name = format!("{}-{}", self.name, release.name());
        Ok(Self { name, release, ..self.with(&self.directory.join(release.name()))? })
    }

    /// The image that comes after this one.
    pub(crate) fn updated(&self) -> Outcome<Self> {
        self.changed(&self.directory.join("update"))
    }

    /// The image that comes after this one if what is in `update` changes.
    pub(crate) fn changed(&self, update: &Path) -> Outcome<Self> {
        Ok(Self { number: self.number + 1, ..self.with(update)? })
    }

    /// This image, but for what the directory `changes` says.
    fn with(&self, changes: &Path) -> Outcome<Self> {
        let mut packages = self.packages.clone();
        for change in read_list(&changes.join("packages.txt"))? {
            match change.split_at_checked(1) {
                Some(("+", package)) => packages.push(package.to_owned()),
                Some(("-", package)) if packages.iter().any(|had| had == package) => {
                    packages.retain(|had| had != package);
                }
                _ => {
                    return Err(Failure::new(format!("{}: cannot change `{change}`", changes.display())));
                }
            }
        }
        packages.sort();
        let also = |old: &[PathBuf], new: &str| {
            let new = Some(changes.join(new)).filter(|directory| directory.is_dir());
            old.iter().cloned().chain(new).collect()
        };
        Ok(Self {
            name: self.name.clone(),
            number: self.number,
            release: self.release,
            directory: self.directory.clone(),
            packages,
            removals: [self.removals.clone(), read_list(&changes.join("remove.txt"))?].concat(),
            fragments: also(&self.fragments, "fragments"),
            files: also(&self.files, "files"),
        })
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The name of this one image, which no other has.
    pub(crate) fn image_id(&self) -> String {
        format!("{}-{}", self.name, self.number)
    }

    /// The release of Debian that the image is made of.
    pub(crate) fn release(&self) -> Release {
        self.release
    }

    /// The Debian packages of the image, besides those that every Debian has.
    pub(crate) fn packages(&self) -> &[String] {
        &self.packages
    }

    /// The directories that fragments come from, later ones on top.
    pub(crate) fn fragments(&self) -> &[PathBuf] {
        &self.fragments
    }

    /// The image's policy, where the example has one.
    pub(crate) fn policy(&self) -> Option<PathBuf> {
        Some(self.directory.join("image/policy.yaml")).filter(|policy| policy.exists())
    }

    /// The trees that are laid over the packages, later ones on top.
    pub(crate) fn files(&self) -> &[PathBuf] {
        &self.files
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
pub(crate) fn names_in(directory: &Path) -> Outcome<Vec<String>> {
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
