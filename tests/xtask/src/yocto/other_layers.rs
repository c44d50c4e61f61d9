//! What the layer has for other layers, built with these.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use super::build::Build;
use super::builder::give;
use crate::call;
use crate::certificate::Certificate;
use crate::failure::{Failure, OrFail as _, Outcome};
use crate::task::Task;
use crate::terminal::Terminal;

/// The layer that RAUC is in.
const RAUC: &str = "meta-rauc";

/// The layers with fragments for their packages, by what their directories' names end in, and the recipe of these.
const FRAGMENTS: [(&str, &str); 6] = [
    ("meta-oe", "sysota-fragments-openembedded"),
    ("meta-networking", "sysota-fragments-networking"),
    ("meta-virtualization", "sysota-fragments-virtualization"),
    (RAUC, "sysota-fragments-rauc"),
    ("meta-swupdate", "sysota-fragments-swupdate"),
    ("meta-mender-core", "sysota-fragments-mender"),
];

/// Packages all fragments, and with RAUC its configuration and a bundle.
pub(super) fn build(all: &Build, layers: &[PathBuf], terminal: Terminal) -> Outcome {
    let mut task = Task::start(terminal, "build for other layers");
    let is_there = |name: &str| layers.iter().any(|layer| layer.ends_with(name));
    let recipes = FRAGMENTS.iter().filter(|(layer, _)| is_there(layer)).map(|(_, recipe)| *recipe);
    let mut targets: Vec<&str> = recipes.collect();
    let count = targets.len();
    if !is_there(RAUC) {
        all.bitbake(&mut task, &targets)?;
        task.finish(&format!("fragments for {count} layers"));
        return Ok(());
    }
    targets.extend(["rauc-conf", "sysota-bundle"]);
    let keys = all.directory().join("keys");
    fs::create_dir_all(&keys).or_fail(|| format!("create {}", keys.display()))?;
    let certificate = Certificate::make(&keys, "bundle")?;
    give(&certificate.key)?;
    let lines = format!(
        "RAUC_KEY_FILE = \"{}\"\nRAUC_CERT_FILE = \"{}\"",
        certificate.key.display(),
        certificate.public.display()
    );
    all.bitbake_with(&mut task, &lines, &targets)?;
    let bundle = all.deployed("sysota-bundle").file("raucb")?;
    let mut rauc = Command::new("rauc");
    rauc.arg(format!("--keyring={}", certificate.public.display())).arg("info");
    call::expect(rauc.arg(&bundle), &[])?;
    let listing = call::expect(Command::new("unsquashfs").arg("-l").arg(&bundle), &[])?;
    if !String::from_utf8_lossy(&listing).lines().any(|line| line.ends_with("/state.blob")) {
        return Err(Failure::new(format!("{} has no state.blob", bundle.display())));
    }
    task.finish(&format!("fragments for {count} layers, and a bundle that RAUC verifies"));
    Ok(())
}
