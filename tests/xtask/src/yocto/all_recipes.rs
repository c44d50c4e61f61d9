//! All recipes there are: that the layer can be read beside them, and that they have the packages that its fragments speak of.

use std::env;
use std::path::{Path, PathBuf};

use super::build::{Build, TEST_DISTRO};
use crate::failure::{Failure, Outcome};
use crate::task::Task;
use crate::terminal::Terminal;

/// The environment variable that says where other layers are.
const LAYERS_DIR: &str = "LAYERS_DIR";

/// Those for whose packages there are fragments, and what they need, as their repositories are called.
const OTHERS: [&str; 8] = [
    "meta-openembedded/meta-oe",
    "meta-openembedded/meta-python",
    "meta-openembedded/meta-networking",
    "meta-openembedded/meta-filesystems",
    "meta-virtualization",
    "meta-rauc",
    "meta-swupdate",
    "meta-mender/meta-mender-core",
];

/// Without these, recipes are left out that fragments speak of.
const FEATURES: &str = "DISTRO_FEATURES:append = \" bluetooth ipv6 nfs pam rauc seccomp systemd usrmerge virtualization wifi zeroconf\"";

/// The other layers that are on this machine, if the environment says where.
pub(super) fn other_layers() -> Outcome<Vec<PathBuf>> {
    let Some(directory) = env::var_os(LAYERS_DIR).map(PathBuf::from) else { return Ok(Vec::new()) };
    let places = OTHERS.iter().map(|name| directory.join(name));
    let layers: Vec<_> = places.filter(|place| place.join("conf/layer.conf").exists()).collect();
    if layers.is_empty() {
        let names = OTHERS.join(", ");
        return Err(Failure::new(format!("{LAYERS_DIR} names a directory that has none of {names}")));
    }
    Ok(layers)
}

/// A build directory with all recipes of OpenEmbedded-Core and of `others`.
pub(super) fn directory(build: &Build, others: &[PathBuf]) -> Outcome<Build> {
    let mut layers = vec![build.core()];
    layers.extend_from_slice(others);
    layers.extend([build.layer(), build.test_layer()]);
    build.beside("all", &layers, format!("{TEST_DISTRO}\n{FEATURES}"))
}

/// Has BitBake read them all, without a warning.
pub(super) fn read(all: &Build, terminal: Terminal) -> Outcome {
    let mut task = Task::start(terminal, "read all recipes");
    let said = all.program(&mut task, Path::new("bitbake"), &["--parse-only".as_ref()])?;
    all.program(&mut task, Path::new("bitbake"), &["--environment".as_ref()])?;
    // It warns of a configuration of cargo above the build directory: the project's own, which has aliases only.
    let is_ours = |line: &&str| line.contains("WARNING: ") && !line.contains("Cargo config file(s) found at");
    if let Some(warning) = said.lines().find(is_ours) {
        return Err(Failure::new(format!("BitBake warns: {warning}")));
    }
    let read = said.lines().find_map(|line| line.strip_prefix("Parsing of ")?.split_once(" .bb files"));
    let (count, _) = read.ok_or_else(|| Failure::with_output("BitBake does not say what it read", &said))?;
    task.finish(&format!("{count} recipes, without a warning"));

    let mut task = Task::start(terminal, "look for packages");
    let said = all.program(&mut task, &all.source("tests/yocto/spoken_of.py"), &[])?;
    let recipes = said.lines().filter(|line| line.starts_with("sysota-fragments")).count();
    task.finish(&format!("all that the fragments of {recipes} recipes speak of are there"));
    Ok(())
}
