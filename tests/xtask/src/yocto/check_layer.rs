//! `yocto-check-layer`: what OpenEmbedded asks of each layer. It adds the layer to a build directory without it, and compares the
//! hashes of all tasks.

use std::path::Path;

use super::build::{Build, TEST_DISTRO, masked};
use crate::failure::{Failure, Outcome};
use crate::task::Task;
use crate::terminal::Terminal;

/// OpenEmbedded-Core as it is, with all of its recipes.
const NO_DISTRO: &str = "DISTRO = \"nodistro\"\nMACHINE = \"qemux86-64\"\nBB_NO_NETWORK = \"1\"\n\
    CONNECTIVITY_CHECK_URIS = \"\"\nBB_SIGNATURE_HANDLER = \"OEBasicHash\"\nBB_HASHSERVE = \"\"";

/// Checks with the recipes that the builds need, or with all that there are.
pub(super) fn check(build: &Build, terminal: Terminal, all_recipes: bool) -> Outcome {
    let mut task = Task::start(terminal, "check the layer");
    let directory = if all_recipes {
        build.beside("check-all", &[build.core()], NO_DISTRO.to_owned())?
    } else {
        build.beside("check", &[build.core(), build.test_layer()], masked(TEST_DISTRO))?
    };
    let (layer, core) = (build.layer(), build.core());
    let arguments = [
        "--no-auto".as_ref(),
        "--no-auto-dependency".as_ref(),
        layer.as_os_str(),
        "--dependency".as_ref(),
        core.as_os_str(),
    ];
    let said = directory.program(&mut task, Path::new("yocto-check-layer"), &arguments)?;
    match said.lines().find_map(tests_run) {
        None | Some(0) => Err(Failure::with_output("yocto-check-layer has run no test", said)),
        Some(count) => {
            let of = if all_recipes { "all recipes" } else { "the recipes that are built" };
            task.finish(&format!("yocto-check-layer passes, {count} tests with {of}"));
            Ok(())
        }
    }
}

/// How many tests were run, as OpenEmbedded's programs for tests say it: "INFO: Ran 9 tests in 26.384s". Their prefix differs.
pub(super) fn tests_run(line: &str) -> Option<u32> {
    let (_, rest) = line.split_once("Ran ")?;
    rest.split_once(" test")?.0.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::tests_run;

    #[test]
    fn counts_the_tests() {
        assert_eq!(tests_run("INFO: Ran 9 tests in 26.384s"), Some(9));
        assert_eq!(tests_run("2026-11-27 - oe-selftest - INFO - Ran 1 test in 1.000s"), Some(1));
        assert_eq!(tests_run("INFO: test_parse (common.CommonCheckLayer.test_parse)"), None);
    }
}
