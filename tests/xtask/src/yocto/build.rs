//! A build directory for BitBake, with a copy of the project that a test may change.

use std::env;
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
const MASK: &str = "/meta/recipes-(?!core/(base-files|initrdscripts|images|packagegroups)/|kernel/linux/linux-dummy) \
    nativesdk-packagegroup";

/// A build directory.
#[derive(Debug)]
pub(super) struct Build {
    directory: PathBuf,
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
        let conf = directory.join("conf");
        fs::create_dir_all(&conf).or_fail(|| format!("create {}", conf.display()))?;
        give(&directory)?;
        let build = Self { directory, sources, logs, builder, bitbake, oecore, series };
        build.copy_sources(workspace, &mut task)?;
        build.provide_crates(workspace, &mut task)?;
        write(&conf.join("bblayers.conf"), &build.layers())?;
        task.finish("sources, crates and a Rust that others may read");
        Ok(build)
    }

    /// The release of OpenEmbedded-Core.
    pub(super) fn series(&self) -> &str {
        &self.series
    }

    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    /// The policy of the test images.
    pub(super) fn policy(&self) -> PathBuf {
        self.sources.join("tests/yocto/meta-sysota-test/recipes-test/images/files/policy.yaml")
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
        self.configure("", true)?;
        let log = self.log("bitbake");
        let result = task.run(self.command().args(targets), &log);
        let text = fs::read_to_string(&log).or_fail(|| format!("read {}", log.display()))?;
        if result.is_ok() {
            return Ok(text);
        }
        // Before the first error, it says what succeeded.
        let errors = text.find("ERROR: ").and_then(|start| text.get(start..)).unwrap_or(&text);
        Err(Failure::with_output(format!("BitBake failed; all that it says is in {}", log.display()), errors))
    }

    /// Builds with a line more in the configuration, which has to fail. Returns what BitBake says.
    pub(super) fn bitbake_fails(&self, task: &mut Task<'_>, line: &str, targets: &[&str]) -> Outcome<String> {
        self.configure(line, true)?;
        let log = self.log("bitbake-fails");
        if task.run(self.command().args(targets), &log).is_ok() {
            return Err(Failure::new(format!("{} was built with `{line}`", targets.join(" "))));
        }
        fs::read_to_string(&log).or_fail(|| format!("read {}", log.display()))
    }

    /// Reads all recipes there are. Returns how BitBake sums it up.
    pub(super) fn parse_all(&self, task: &mut Task<'_>) -> Outcome<String> {
        self.configure("", false)?;
        let log = self.log("parse");
        task.run(self.command().arg("--parse-only"), &log)?;
        let text = fs::read_to_string(&log).or_fail(|| format!("read {}", log.display()))?;
        // It warns of a configuration of cargo above the build directory: the project's own, which has aliases only.
        let is_ours =
            |line: &&str| line.contains("WARNING: ") && !line.contains("Cargo config file(s) found at");
        if let Some(warning) = text.lines().find(is_ours) {
            return Err(Failure::new(format!("BitBake warns: {warning}")));
        }
        let summary = text.lines().find(|line| line.starts_with("Parsing of "));
        summary
            .map(str::to_owned)
            .ok_or_else(|| Failure::with_output("BitBake does not say what it read", text))
    }

    /// Changes a file of the project's copy, in which `before` has to occur once.
    pub(super) fn replace(&self, file: &str, before: &str, after: &str) -> Outcome {
        let path = self.sources.join(file);
        let text = fs::read_to_string(&path).or_fail(|| format!("read {}", path.display()))?;
        if text.matches(before).count() != 1 {
            return Err(Failure::new(format!("{file} does not have `{before}` once")));
        }
        fs::write(&path, text.replace(before, after)).or_fail(|| format!("write {}", path.display()))
    }

    fn command(&self) -> Command {
        let programs = [self.oecore.join("scripts"), self.bitbake.join("bin")];
        let mut command = self.builder.command(Path::new("bitbake"), &programs);
        command.current_dir(&self.directory).env("BBPATH", &self.directory).env("BUILDDIR", &self.directory);
        command
    }

    fn configure(&self, line: &str, masked: bool) -> Outcome {
        let mask = if masked { format!("BBMASK = \"{MASK}\"\n") } else { String::new() };
        let downloads = self.downloads();
        let text = format!(
            "CONF_VERSION = \"2\"\nDISTRO = \"sysota-test\"\nMACHINE = \"{MACHINE}\"\nDL_DIR = \"{}\"\n{mask}{line}\n",
            downloads.display()
        );
        write(&self.directory.join("conf/local.conf"), &text)
    }

    fn layers(&self) -> String {
        let layers = [
            self.oecore.join("meta"),
            self.sources.join("meta-sysota"),
            self.sources.join("tests/yocto/meta-sysota-test"),
        ];
        let layers = layers.map(|layer| layer.display().to_string()).join(" ");
        format!("LCONF_VERSION = \"7\"\nBBPATH = \"${{TOPDIR}}\"\nBBFILES = \"\"\nBBLAYERS = \"{layers}\"\n")
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
        fs::create_dir_all(&downloads).or_fail(|| format!("create {}", downloads.display()))?;
        give(&downloads)?;
        let mut copy = Command::new("find");
        copy.arg(&cache).args(["-name", "*.crate", "-exec", "cp", "--update", "--target-directory"]);
        task.run(copy.arg(&downloads).args(["{}", "+"]), &self.log("crates"))
    }

    fn downloads(&self) -> PathBuf {
        self.directory.with_file_name("downloads")
    }
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
