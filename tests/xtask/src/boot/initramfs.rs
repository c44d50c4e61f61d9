//! What the kernel starts: one program, and the kernel's modules that it loads.

use std::fs;
use std::path::{Path, PathBuf};

use super::cpio::Archive;
use super::kernel::Module;
use crate::failure::{OrFail as _, Outcome};

/// Where the program finds modules, to be loaded in the order of their names.
const MODULES: &str = "modules";

/// Writes an initramfs to the file `to`: `program` as `/init`, and `modules` in the order in which they are loaded.
pub(super) fn write(program: &Path, modules: &[Module], to: PathBuf) -> Outcome<PathBuf> {
    let mut archive = Archive::default();
    let init = fs::read(program).or_fail(|| format!("read {}", program.display()))?;
    archive.add_program("init", &init);
    archive.add_directory(MODULES);
    for (number, module) in modules.iter().enumerate() {
        archive.add_program(&format!("{MODULES}/{number:02}-{}.ko", module.name), &module.content);
    }
    fs::write(&to, archive.finish()).or_fail(|| format!("write {}", to.display()))?;
    Ok(to)
}
