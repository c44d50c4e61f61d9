//! LLVM's tools that read what programs with counters have counted.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::failure::{Failure, OrFail as _, Outcome};
use crate::terminal::Terminal;
use crate::tool;
use crate::workspace::Workspace;

/// The oldest major version that was seen to read what rustc 1.95 with LLVM 22 writes.
const OLDEST: &str = "19";

/// `llvm-profdata` and `llvm-cov`, best of the major version that rustc has: formats change now and then.
#[derive(Debug)]
pub(crate) struct Llvm {
    programs: PathBuf,
}

impl Llvm {
    /// Takes those of rustup's component `llvm-tools` where it is installed, else Debian's, which are installed if missing.
    pub(crate) fn ensure(workspace: &Workspace, terminal: Terminal) -> Outcome<Self> {
        let version = rustc(&["--version", "--verbose"])?;
        let field = |name: &str| version.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
        let unknown = || Failure::with_output("rustc does not say its host and LLVM", version.as_str());
        let host = field("host:").ok_or_else(unknown)?;
        let major =
            field("LLVM version:").and_then(|version| version.split('.').next()).ok_or_else(unknown)?;

        let sysroot = rustc(&["--print=sysroot"])?;
        let component = Path::new(sysroot.trim()).join("lib/rustlib").join(host).join("bin");
        let debian = [major, OLDEST].map(Debian::of);
        let installed = std::iter::once(component).chain(debian.iter().map(|debian| debian.programs.clone()));
        if let Some(programs) = installed.into_iter().find(|place| is_complete(place)) {
            return Ok(Self { programs });
        }
        for Debian { package, programs } in debian {
            let result = tool::install(&[package], workspace, terminal);
            if is_complete(&programs) {
                return result.map(|_| Self { programs });
            }
        }
        Err(Failure::new("no package of this Debian has llvm-cov; try: rustup component add llvm-tools"))
    }

    /// Adds up profiles.
    pub(crate) fn profdata(&self) -> Command {
        Command::new(self.programs.join("llvm-profdata"))
    }

    /// Brings them back to the lines of the sources.
    pub(crate) fn cov(&self) -> Command {
        Command::new(self.programs.join("llvm-cov"))
    }
}

/// One of Debian's versions.
struct Debian {
    package: String,
    programs: PathBuf,
}

impl Debian {
    fn of(major: &str) -> Self {
        Self {
            package: format!("llvm-{major}"),
            programs: PathBuf::from(format!("/usr/lib/llvm-{major}/bin")),
        }
    }
}

fn is_complete(place: &Path) -> bool {
    ["llvm-profdata", "llvm-cov"].iter().all(|program| place.join(program).exists())
}

fn rustc(arguments: &[&str]) -> Outcome<String> {
    let output = Command::new("rustc").args(arguments).output().or_fail(|| "run rustc".to_owned())?;
    String::from_utf8(output.stdout).or_fail(|| "read what rustc printed".to_owned())
}
