//! Who builds: BitBake does not work for root.

use std::env;
use std::fs;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::call;
use crate::failure::{Failure, OrFail as _, Outcome};
use crate::task::Task;
use crate::terminal::Terminal;
use crate::tool;
use crate::workspace::Workspace;

/// The user and group that own nothing, as Debian numbers them.
pub(super) const NOBODY: u32 = 65534;

/// For programs of the build system that ask git about layers, which are somebody else's, and commit to copies of them.
const GIT: [(&str, &str); 7] = [
    ("GIT_CONFIG_COUNT", "1"),
    ("GIT_CONFIG_KEY_0", "safe.directory"),
    ("GIT_CONFIG_VALUE_0", "*"),
    ("GIT_AUTHOR_NAME", "builder"),
    ("GIT_AUTHOR_EMAIL", "builder@localhost"),
    ("GIT_COMMITTER_NAME", "builder"),
    ("GIT_COMMITTER_EMAIL", "builder@localhost"),
];

/// The locale that BitBake wants of the host, as `locale -a` calls it, and Debian's package that has it without asking which
/// to make.
const LOCALE: (&str, &str) = ("en_US.utf8", "locales-all");

/// Installs the locale if it is missing.
pub(super) fn ensure_locale(workspace: &Workspace, terminal: Terminal) -> Outcome {
    let (name, package) = LOCALE;
    let known = call::expect(Command::new("locale").arg("-a"), &[])?;
    if !String::from_utf8_lossy(&known).lines().any(|line| line == name) {
        tool::install(&[package.to_owned()], workspace, terminal)?;
    }
    Ok(())
}

/// A user without privileges, its home, and a Rust that it can read.
#[derive(Clone, Debug)]
pub(super) struct Builder {
    home: PathBuf,
    rust: PathBuf,
}

impl Builder {
    /// `home` is made, and becomes the builder's. The toolchain is copied: root's own is usually closed to others.
    pub(super) fn prepare(home: PathBuf, task: &mut Task<'_>, log: &Path) -> Outcome<Self> {
        fs::create_dir_all(&home).or_fail(|| format!("create {}", home.display()))?;
        give(&home)?;
        let rust = home.join("rust");
        let sysroot = sysroot()?;
        let key_file = rust.join("copied-from");
        let key = sysroot.display().to_string();
        if fs::read_to_string(&key_file).is_ok_and(|had| had == key) {
            return Ok(Self { home, rust });
        }
        fs::create_dir_all(&rust).or_fail(|| format!("create {}", rust.display()))?;
        for part in ["bin", "lib"] {
            task.run(
                Command::new("cp")
                    .args(["--archive", "--no-target-directory"])
                    .arg(sysroot.join(part))
                    .arg(rust.join(part)),
                log,
            )?;
        }
        fs::write(&key_file, key).or_fail(|| format!("write {}", key_file.display()))?;
        Ok(Self { home, rust })
    }

    /// The command, as one that runs as the builder, with nothing of this process's environment.
    pub(super) fn command(&self, wanted: &Command, programs: &[PathBuf]) -> Command {
        let mut command = Command::new("setpriv");
        command.arg(format!("--reuid={NOBODY}")).arg(format!("--regid={NOBODY}")).arg("--clear-groups");
        // Whatever becomes of this process, no build is left behind.
        command.args(["--pdeathsig", "TERM"]).arg(wanted.get_program()).args(wanted.get_args());
        let mut places = programs.to_vec();
        places.push(self.rust.join("bin"));
        places.extend(["/usr/sbin", "/usr/bin", "/sbin", "/bin"].map(PathBuf::from));
        let path = env::join_paths(places).unwrap_or_default();
        command.env_clear().env("PATH", path).env("HOME", &self.home).env("LANG", "en_US.UTF-8");
        command.envs(GIT);
        command
    }
}

/// Gives a file or a directory, not what is in it, to the builder.
pub(super) fn give(path: &Path) -> Outcome {
    chown(path, Some(NOBODY), Some(NOBODY)).or_fail(|| format!("give {} to the builder", path.display()))
}

/// Where the compiler that builds this project has its parts.
fn sysroot() -> Outcome<PathBuf> {
    let output =
        Command::new("rustc").args(["--print", "sysroot"]).output().or_fail(|| "run rustc".to_owned())?;
    let sysroot = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    if sysroot.is_empty() {
        return Err(Failure::new("rustc does not say where its parts are"));
    }
    Ok(PathBuf::from(sysroot))
}
