//! Debian's kernel, and its modules.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::call;
use crate::debian_release::Release;
use crate::debian_tree::DebianTree;
use crate::failure::{Failure, OrFail as _, Outcome};
use crate::terminal::Terminal;
use crate::workspace::Workspace;

/// The one for virtual machines, which has most of what those need built in.
const PACKAGE: &str = "linux-image-cloud-amd64";

/// A kernel with all of its modules, none of them loaded.
#[derive(Debug)]
pub(crate) struct Kernel {
    image: PathBuf,
    /// The files of the modules, by the modules' names.
    modules: BTreeMap<String, PathBuf>,
}

/// A module as the kernel takes it: not compressed.
#[derive(Debug)]
pub(crate) struct Module {
    pub(crate) name: String,
    pub(crate) content: Vec<u8>,
}

impl Kernel {
    pub(crate) fn fetch(workspace: &Workspace, terminal: Terminal) -> Outcome<Self> {
        let tree = DebianTree::fetch("boot/kernel", Release::Trixie, &[PACKAGE], workspace, terminal)?;
        let boot = tree.path("boot");
        let images = files_below(&boot, |name| name.starts_with("vmlinuz-"))?;
        let image = match images.as_slice() {
            [image] => image.clone(),
            _ => return Err(Failure::new(format!("{} does not have one kernel", boot.display()))),
        };
        let files = files_below(&tree.path("usr/lib/modules"), |name| name.contains(".ko"))?;
        let modules = files.into_iter().map(|file| (module_name(&file), file)).collect();
        Ok(Self { image, modules })
    }

    /// The file that a boot loader loads.
    pub(crate) fn image(&self) -> &Path {
        &self.image
    }

    /// The modules of these names and those that they need, in an order in which they can be loaded.
    pub(crate) fn modules(&self, names: &[&str]) -> Outcome<Vec<Module>> {
        let mut loaded = Vec::new();
        for name in names {
            self.add_module(name, &mut loaded)?;
        }
        Ok(loaded)
    }

    fn add_module(&self, name: &str, loaded: &mut Vec<Module>) -> Outcome {
        if loaded.iter().any(|module| module.name == name) {
            return Ok(());
        }
        let file = self.modules.get(name);
        let file = file.ok_or_else(|| Failure::new(format!("the kernel has no module `{name}`")))?;
        let content = decompress(file)?;
        for needed in needed_by(&content) {
            self.add_module(&needed, loaded)?;
        }
        loaded.push(Module { name: name.to_owned(), content });
        Ok(())
    }
}

/// The name that the kernel knows a module by, for which `-` and `_` are the same.
fn module_name(file: &Path) -> String {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    name.split('.').next().unwrap_or_default().replace('-', "_")
}

fn decompress(file: &Path) -> Outcome<Vec<u8>> {
    if file.extension().is_some_and(|extension| extension == "ko") {
        return fs::read(file).or_fail(|| format!("read {}", file.display()));
    }
    call::expect(Command::new("xz").args(["--decompress", "--stdout"]).arg(file), &[])
}

/// The modules that one says it needs, in its section of texts that each end with a NUL: `depends=a,b`.
fn needed_by(module: &[u8]) -> Vec<String> {
    let mut texts = module.split(|&byte| byte == 0);
    let names = texts.find_map(|text| text.strip_prefix(b"depends=")).unwrap_or_default();
    let names = String::from_utf8_lossy(names);
    names.split(',').filter(|name| !name.is_empty()).map(|name| name.replace('-', "_")).collect()
}

/// The files in the tree `top` whose names are `wanted`, sorted.
fn files_below(top: &Path, wanted: fn(&str) -> bool) -> Outcome<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut directories = vec![top.to_owned()];
    while let Some(directory) = directories.pop() {
        let place = || format!("list {}", directory.display());
        for entry in fs::read_dir(&directory).or_fail(place)? {
            let entry = entry.or_fail(place)?;
            if entry.file_type().or_fail(place)?.is_dir() {
                directories.push(entry.path());
            } else if wanted(&entry.file_name().to_string_lossy()) {
                files.push(entry.path());
            }
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_modules_by_their_names() {
        assert_eq!(module_name(Path::new("lib/net/virtio-net.ko.xz")), "virtio_net");
    }

    #[test]
    fn reads_what_a_module_needs() {
        assert_eq!(needed_by(b"\x7fELF\0\0license=GPL\0depends=a,b-c\0name=x\0"), ["a", "b_c"]);
        assert!(needed_by(b"\x7fELF\0depends=\0").is_empty());
    }
}
