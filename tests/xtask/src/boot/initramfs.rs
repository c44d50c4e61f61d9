//! What the kernel starts: programs, and the kernel's modules that are loaded first.

use std::fs;
use std::path::{Path, PathBuf};

use super::cpio::Archive;
use super::kernel::Module;
use crate::failure::{OrFail as _, Outcome};

/// Where modules are found, to be loaded in the order of their names.
const MODULES: &str = "modules";

/// Writes an initramfs to the file `to`: `program` as `/init`, and `modules` in the order in which they are loaded.
pub(super) fn write(program: &Path, modules: &[Module], to: PathBuf) -> Outcome<PathBuf> {
    let init = fs::read(program).or_fail(|| format!("read {}", program.display()))?;
    write_all(&[("init", &init)], modules, to)
}

/// The same for any files, each with its path and its content, and all of them programs.
pub(crate) fn write_all(files: &[(&str, &[u8])], modules: &[Module], to: PathBuf) -> Outcome<PathBuf> {
    let mut archive = Archive::default();
    for (path, content) in files {
        for (end, _) in path.match_indices('/') {
            archive.add_directory(&path[..end]);
        }
        archive.add_program(path, content);
    }
    archive.add_directory(MODULES);
    for (number, module) in modules.iter().enumerate() {
        archive.add_program(&format!("{MODULES}/{number:02}-{}.ko", module.name), &module.content);
    }
    fs::write(&to, archive.finish()).or_fail(|| format!("write {}", to.display()))?;
    Ok(to)
}
