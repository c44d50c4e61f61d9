//! An image that is big on purpose: packages with fragments, and a root that holds their files.
//!
//! The same bytes on every machine: everything follows from a file's number.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::failure::{OrFail as _, Outcome};

/// Entries of every fragment.
pub(crate) const ENTRIES_PER_FRAGMENT: usize = 10;

/// Files of every image, as in a Debian server.
const FILES: usize = 50_000;

/// Where an image's files lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spread {
    /// One file of ten in a declared directory, the others below /usr.
    Usual,
    /// Every file in a declared directory.
    Declared,
}

/// How big an image is to be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scale {
    pub(crate) fragments: usize,
    pub(crate) spread: Spread,
}

impl Scale {
    pub(crate) fn entries(self) -> usize {
        self.fragments * ENTRIES_PER_FRAGMENT
    }

    /// In words, for a table.
    pub(crate) fn describe(self) -> String {
        let place = match self.spread {
            Spread::Usual => "most files below /usr",
            Spread::Declared => "every file in a declared directory",
        };
        format!("{} fragments, {} entries, {FILES} files, {place}", self.fragments, self.entries())
    }
}

/// Fragments and a root on disk, which are removed in the end.
#[derive(Debug)]
pub(crate) struct Workload {
    directory: PathBuf,
}

impl Drop for Workload {
    fn drop(&mut self) {
        // Made anew by the next run in any case.
        let _ = fs::remove_dir_all(&self.directory);
    }
}

impl Workload {
    /// Makes the image below `directory`; what was there before is gone.
    pub(crate) fn generate(directory: &Path, scale: Scale) -> Outcome<Self> {
        let place = || format!("make an image in {}", directory.display());
        match fs::remove_dir_all(directory) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error).or_fail(place),
            _ => {}
        }
        let workload = Self { directory: directory.to_owned() };
        write_fragments(&workload.fragments(), scale.fragments).or_fail(place)?;
        write_root(&workload.root(), scale).or_fail(place)?;
        Ok(workload)
    }

    pub(crate) fn fragments(&self) -> PathBuf {
        self.directory.join("state.d")
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.directory.join("root")
    }

    pub(crate) fn blob(&self) -> PathBuf {
        self.directory.join("state.blob")
    }
}

fn write_fragments(directory: &Path, count: usize) -> io::Result<()> {
    fs::create_dir_all(directory)?;
    for number in 0..count {
        fs::write(directory.join(format!("{}.yaml", package(number))), fragment(number))?;
    }
    Ok(())
}

fn write_root(root: &Path, scale: Scale) -> io::Result<()> {
    for number in 0..scale.fragments {
        for path in declared(number) {
            fs::create_dir_all(root.join(&path[1..]))?;
        }
    }
    fs::write(root.join("etc/passwd"), "root:x:0:0:root:/root:/bin/sh\n")?;
    fs::write(root.join("etc/group"), "root:x:0:\n")?;
    for number in 0..FILES {
        // As many as a package has.
        let owner = number / (FILES / 1000);
        let directory = if scale.spread == Spread::Declared || number % 10 == 0 {
            // Not in the last, which starts empty: the image would hold what nobody sees.
            let places = &declared(owner % scale.fragments)[..ENTRIES_PER_FRAGMENT - 1];
            places[number / 10 % places.len()][1..].to_owned()
        } else {
            let place = ["usr/lib", "usr/share/doc", "usr/share/locale/de", "usr/libexec"][number % 4];
            format!("{place}/{}", package(owner))
        };
        let directory = root.join(directory);
        fs::create_dir_all(&directory)?;
        fs::write(directory.join(format!("file-{number}")), content(number))?;
    }
    Ok(())
}

fn package(number: usize) -> String {
    format!("package-{number:05}")
}

/// The paths that a fragment declares. All but the last may hold files.
fn declared(number: usize) -> [String; ENTRIES_PER_FRAGMENT] {
    let name = package(number);
    [
        format!("/var/lib/{name}"),
        format!("/var/cache/{name}"),
        format!("/var/log/{name}"),
        format!("/var/spool/{name}"),
        format!("/srv/{name}"),
        format!("/etc/{name}/settings"),
        format!("/etc/{name}/local"),
        format!("/var/opt/{name}"),
        format!("/opt/{name}/plugins"),
        format!("/etc/{name}/keys"),
    ]
}

/// Half of the entries in the short form.
fn fragment(number: usize) -> String {
    let [lib, cache, log, spool, srv, settings, local, common, plugins, keys] = declared(number);
    let name = package(number);
    format!(
        "\
# State of {name}.
version: 1
state:
  {lib}: persistent
  {cache}: ephemeral
  {log}: persistent
  {spool}: ephemeral
  {srv}: persistent
  {settings}:
    lifetime: persistent
    owner: root
    group: root
    mode: \"0750\"
    options: [noexec, nosymfollow]
    reason: the web interface of {name} writes its settings
  {keys}:
    lifetime: persistent
    seed: empty
    mode: \"0700\"
    on-failure: fail
    reason: keys are made on first boot
  {local}:
    lifetime: persistent
    on-update: merge
  {common}:
    lifetime: persistent
    scope: common
    on-failure: skip
  {plugins}:
    lifetime: persistent
    how: overlay
    on-update: reset
    options: [exec]
"
    )
}

/// Up to four kilobytes, two on average.
fn content(number: usize) -> String {
    let line = format!("line of file {number}\n");
    line.repeat(1 + number * 37 % 190)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fragment_declares_its_paths() {
        let text = fragment(7);
        for path in declared(7) {
            assert_eq!(text.matches(&format!("\n  {path}:")).count(), 1, "{path}");
        }
        assert_eq!(text.matches("\n  /").count(), ENTRIES_PER_FRAGMENT);
    }

    #[test]
    fn every_package_has_paths_of_its_own() {
        let mut paths: Vec<_> = (0..100).flat_map(declared).collect();
        paths.sort();
        paths.dedup();
        assert_eq!(paths.len(), 100 * ENTRIES_PER_FRAGMENT);
    }
}
