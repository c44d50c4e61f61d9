//! A build directory for BitBake, with a copy of the project that a test may change.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::builder::{Builder, give};
use super::deployed::Deployed;
use crate::failure::{Failure, OrFail as _, Outcome};
use crate::task::Task;
use crate::terminal::Terminal;
use crate::workspace::Workspace;

/// The environment variables that say where the build system is.
const BITBAKE_DIR: &str = "BITBAKE_DIR";
const OECORE_DIR: &str = "OECORE_DIR";

const MACHINE: &str = "sysota-test";

/// Recipes of OpenEmbedded-Core that no build here needs, since reading them takes longer than the builds.
const MASK: &str = "/meta/recipes-(?!core/(base-files/|initrdscripts/initramfs-framework_|packagegroups/packagegroup-core-boot)\
    |kernel/linux/linux-dummy)";

/// The distribution of the test layer.
pub(super) const TEST_DISTRO: &str = "DISTRO = \"sysota-test\"\nMACHINE = \"sysota-test\"";

/// A build directory.
#[derive(Clone, Debug)]
pub(super) struct Build {
    directory: PathBuf,
    /// Lines of `local.conf` that are this directory's own.
    lines: String,
    /// The project's files, without their history.
    sources: PathBuf,
    logs: PathBuf,
    builder: Builder,
    bitbake: PathBuf,
    oecore: PathBuf,
    series: String,
}

impl Build {
    /// Makes the directory; what an earlier run has built is used again.
    pub(super) fn prepare(workspace: &Workspace, terminal: Terminal) -> Outcome<Self> {
        let [bitbake, oecore] = [BITBAKE_DIR, OECORE_DIR].map(place);
        let (bitbake, oecore) = (bitbake?, oecore?);
        let series = series(&oecore)?;
        let mut task = Task::start(terminal, "prepare");
        let top = workspace.scratch("yocto")?;
        let directory = top.join(&series);
        let sources = directory.join("sources");
        let logs = workspace.scratch("log")?;
        let builder = Builder::prepare(top.join("builder"), &mut task, &logs.join("yocto-toolchain.txt"))?;
        let lines = masked(TEST_DISTRO);
        let build = Self { directory, lines, sources, logs, builder, bitbake, oecore, series };
        make(&build.downloads())?;
        make(&build.state_cache())?;
        build.lay_out(&[build.core(), build.layer(), build.test_layer()])?;
        build.copy_sources(workspace, &mut task)?;
        build.provide_crates(workspace, &mut task)?;
        task.finish("sources, crates and a Rust that others may read");
        Ok(build)
    }

    /// A directory beside this one, with other layers and lines of `local.conf`. What the one has built serves the other.
    pub(super) fn beside(&self, name: &str, layers: &[PathBuf], lines: String) -> Outcome<Self> {
        let directory = self.directory.with_file_name(format!("{}-{name}", self.series));
        let build = Self { directory, lines, ..self.clone() };
        build.lay_out(layers)?;
        Ok(build)
    }

    fn lay_out(&self, layers: &[PathBuf]) -> Outcome {
        let conf = self.directory.join("conf");
        make(&self.directory)?;
        make(&conf)?;
        let layers: Vec<_> = layers.iter().map(|layer| layer.display().to_string()).collect();
        let text = format!(
            "LCONF_VERSION = \"7\"\nBBPATH = \"${{TOPDIR}}\"\nBBFILES = \"\"\nBBLAYERS = \"{}\"\n",
            layers.join(" ")
        );
        write(&conf.join("bblayers.conf"), &text)?;
        self.configure("")
    }

    /// The release of OpenEmbedded-Core.
    pub(super) fn series(&self) -> &str {
        &self.series
    }

    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    /// A file or directory of OpenEmbedded-Core.
    pub(super) fn of_oecore(&self, path: &str) -> PathBuf {
        self.oecore.join(path)
    }

    /// The layer of OpenEmbedded-Core.
    pub(super) fn core(&self) -> PathBuf {
        self.of_oecore("meta")
    }

    /// The project's layer.
    pub(super) fn layer(&self) -> PathBuf {
        self.source("meta-sysota")
    }

    /// The one that makes it possible to build with nothing but the host.
    pub(super) fn test_layer(&self) -> PathBuf {
        self.source("tests/yocto/meta-sysota-test")
    }

    /// Where the project's copy has a file.
    pub(super) fn source(&self, file: &str) -> PathBuf {
        self.sources.join(file)
    }

    /// The policy of the test images.
    pub(super) fn policy(&self) -> PathBuf {
        self.test_layer().join("recipes-test/images/files/policy.yaml")
    }

    pub(super) fn log(&self, name: &str) -> PathBuf {
        self.logs.join(format!("yocto-{name}.txt"))
    }

    /// What an image recipe has deployed.
    pub(super) fn deployed(&self, image: &str) -> Deployed {
        let directory = self.directory.join("tmp/deploy/images").join(MACHINE);
        Deployed::new(directory, image, MACHINE)
    }

    /// Builds `targets`. Returns what BitBake says.
    pub(super) fn bitbake(&self, task: &mut Task<'_>, targets: &[&str]) -> Outcome<String> {
        self.bitbake_with(task, "", targets)
    }

    /// The same, with lines more in the configuration.
    pub(super) fn bitbake_with(&self, task: &mut Task<'_>, lines: &str, targets: &[&str]) -> Outcome<String> {
        self.configure(lines)?;
        let log = self.log("bitbake");
        let result = self.run(task, Command::new("bitbake").args(targets), &log);
        let text = read(&log)?;
        if result.is_ok() {
            return Ok(text);
        }
        // Before the first error, it says what succeeded.
        let errors = text.find("ERROR: ").and_then(|start| text.get(start..)).unwrap_or(&text);
        Err(Failure::with_output(format!("BitBake failed; all that it says is in {}", log.display()), errors))
    }

    /// Builds with lines more in the configuration, which has to fail. Returns what BitBake says.
    pub(super) fn bitbake_fails(
        &self,
        task: &mut Task<'_>,
        lines: &str,
        targets: &[&str],
    ) -> Outcome<String> {
        self.configure(lines)?;
        let log = self.log("bitbake-fails");
        if self.run(task, Command::new("bitbake").args(targets), &log).is_ok() {
            return Err(Failure::new(format!("{} was built with `{lines}`", targets.join(" "))));
        }
        read(&log)
    }

    /// Runs a program in the directory as the builder. Returns what it says.
    pub(super) fn program(
        &self,
        task: &mut Task<'_>,
        program: &Path,
        arguments: &[&OsStr],
    ) -> Outcome<String> {
        self.configure("")?;
        let log = self.log(&program.file_stem().unwrap_or_default().to_string_lossy());
        self.run(task, Command::new(program).args(arguments), &log)?;
        read(&log)
    }

    /// Changes a file of the project's copy, in which `before` has to occur once.
    pub(super) fn replace(&self, file: &str, before: &str, after: &str) -> Outcome {
        let path = self.source(file);
        let text = read(&path)?;
        if text.matches(before).count() != 1 {
            return Err(Failure::new(format!("{file} does not have `{before}` once")));
        }
        fs::write(&path, text.replace(before, after)).or_fail(|| format!("write {}", path.display()))
    }

    fn run(&self, task: &mut Task<'_>, command: &Command, log: &Path) -> Outcome {
        let programs = [self.oecore.join("scripts"), self.bitbake.join("bin")];
        let mut as_builder = self.builder.command(command, &programs);
        as_builder.current_dir(&self.directory);
        as_builder.env("BBPATH", &self.directory).env("BUILDDIR", &self.directory);
        task.run(&mut as_builder, log)
    }

    fn configure(&self, lines: &str) -> Outcome {
        let text = format!(
            "CONF_VERSION = \"2\"\n{}\nDL_DIR = \"{}\"\nSSTATE_DIR = \"{}\"\n{lines}\n",
            self.lines,
            self.downloads().display(),
            self.state_cache().display(),
        );
        write(&self.directory.join("conf/local.conf"), &text)
    }

    /// The files that git knows or would add, as they are.
    fn copy_sources(&self, workspace: &Workspace, task: &mut Task<'_>) -> Outcome {
        if self.sources.exists() {
            fs::remove_dir_all(&self.sources).or_fail(|| format!("remove {}", self.sources.display()))?;
        }
        fs::create_dir_all(&self.sources).or_fail(|| format!("create {}", self.sources.display()))?;
        let script = "git ls-files -z --cached --others --exclude-standard | xargs --null cp --archive --parents --target-directory \"$0\"";
        let mut copy = Command::new("bash");
        copy.args(["-o", "pipefail", "-c", script]).arg(&self.sources).current_dir(workspace.root());
        task.run(&mut copy, &self.log("sources"))
    }

    /// Puts the crates of the lock file where BitBake looks for what it would download.
    fn provide_crates(&self, workspace: &Workspace, task: &mut Task<'_>) -> Outcome {
        task.run(workspace.cargo().args(["fetch", "--locked"]), &self.log("crates"))?;
        let home = env::var_os("CARGO_HOME").map(PathBuf::from);
        let home = home.or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".cargo")));
        let cache = home.unwrap_or_default().join("registry/cache");
        let downloads = self.downloads();
        let mut copy = Command::new("find");
        copy.arg(&cache).args(["-name", "*.crate", "-exec", "cp", "--update", "--target-directory"]);
        task.run(copy.arg(&downloads).args(["{}", "+"]), &self.log("crates"))
    }

    /// What is downloaded, or would be.
    fn downloads(&self) -> PathBuf {
        self.directory.with_file_name("downloads")
    }

    /// What the directories have built of one release.
    fn state_cache(&self) -> PathBuf {
        self.directory.with_file_name(format!("{}-sstate", self.series))
    }
}

/// Lines with which only recipes are read that the builds need.
pub(super) fn masked(lines: &str) -> String {
    format!("{lines}\nBBMASK = \"{MASK}\"")
}

/// Makes a directory of the builder's.
pub(super) fn make(directory: &Path) -> Outcome {
    fs::create_dir_all(directory).or_fail(|| format!("create {}", directory.display()))?;
    give(directory)
}

fn read(path: &Path) -> Outcome<String> {
    fs::read_to_string(path).or_fail(|| format!("read {}", path.display()))
}

/// Writes a file of the configuration. Only what has changed is written: BitBake reads all recipes again after each change.
fn write(path: &Path, text: &str) -> Outcome {
    if fs::read_to_string(path).is_ok_and(|had| had == text) {
        return Ok(());
    }
    fs::write(path, text).or_fail(|| format!("write {}", path.display()))?;
    give(path)
}

/// A directory that the environment names.
fn place(variable: &str) -> Outcome<PathBuf> {
    let value =
        env::var_os(variable).map(PathBuf::from).filter(|place| place.is_absolute() && place.is_dir());
    value.ok_or_else(|| {
        Failure::new(format!(
            "{variable} names no directory. `cargo xtask yocto` builds with BitBake and OpenEmbedded-Core, which must be on \
             this machine and readable for all users: {BITBAKE_DIR} is the one that has bin/bitbake, {OECORE_DIR} the one that \
             has meta/conf, both as absolute paths and of releases that belong together"
        ))
    })
}

/// The name of the release, which a layer says it is compatible with: `LAYERSERIES_COMPAT_core = "wrynose"`.
fn series(oecore: &Path) -> Outcome<String> {
    let path = oecore.join("meta/conf/layer.conf");
    let text = fs::read_to_string(&path).or_fail(|| format!("read {}", path.display()))?;
    let mut names =
        text.lines().filter_map(|line| line.strip_prefix("LAYERSERIES_COMPAT_core = \"")?.strip_suffix('"'));
    let name = names.next().and_then(|names| names.split(' ').next()).map(str::to_owned);
    name.ok_or_else(|| Failure::new(format!("{} does not name its release", path.display())))
}
