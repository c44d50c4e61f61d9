//! `oe-selftest`: the layer's own tests of what its classes do and refuse, as OpenEmbedded runs them.

use std::fs;
use std::path::Path;

use super::build::{Build, TEST_DISTRO, make, masked};
use super::check_layer::tests_run;
use crate::failure::{Failure, OrFail as _, Outcome};
use crate::task::Task;
use crate::terminal::Terminal;

/// OpenEmbedded's layer for such tests has to be there; its recipes are for other tests.
const WITHOUT_OTHERS: &str = "BBMASK += \"/meta-selftest/\"";

pub(super) fn run(build: &Build, terminal: Terminal) -> Outcome {
    let mut task = Task::start(terminal, "run the self-test");
    let layers = [build.core(), build.of_oecore("meta-selftest"), build.layer(), build.test_layer()];
    let lines = format!("{}\n{WITHOUT_OTHERS}", masked(TEST_DISTRO));
    let directory = build.beside("selftest", &layers, lines)?;
    // Where it builds. What an earlier run that failed has left there would end this one.
    let builds = directory.directory().join("builds");
    if builds.exists() {
        fs::remove_dir_all(&builds).or_fail(|| format!("remove {}", builds.display()))?;
    }
    make(&builds)?;
    let arguments =
        ["--newbuilddir".as_ref(), builds.as_os_str(), "--run-tests".as_ref(), "sysota_state".as_ref()];
    let said = directory.program(&mut task, Path::new("oe-selftest"), &arguments)?;
    match said.lines().find_map(tests_run) {
        None | Some(0) => Err(Failure::with_output("oe-selftest has run no test", said)),
        Some(count) => {
            task.finish(&format!("oe-selftest passes, {count} tests"));
            Ok(())
        }
    }
}
