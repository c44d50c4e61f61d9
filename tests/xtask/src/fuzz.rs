//! `cargo xtask fuzz`: libFuzzer looks for input that breaks a promise.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::ValueEnum;

use crate::example::Example;
use crate::failure::{Failure, OrFail as _, Outcome};
use crate::task::Task;
use crate::terminal::Terminal;
use crate::tool;
use crate::workspace::{Workspace, require_root};

/// How many seconds each target is tried: with two at once, four targets take two minutes.
pub(crate) const SECONDS: u32 = 60;

/// How many targets run at once, on a processor each.
const AT_ONCE: usize = 2;

/// Seconds that one input may take. The longest takes about one on a machine that does much else.
const TIME_LIMIT: u32 = 60;

/// What is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Target {
    /// The decoder of the control blob.
    Decode,
    /// What is compiled, and applied in a namespace to a hostile sys-data.
    Apply,
    /// The splitting of the kernel command line, and the choice of the slot.
    Parameters,
    /// The compiler's front end, from bytes to all that is said about them.
    Lint,
}

impl Target {
    fn name(self) -> &'static str {
        match self {
            Self::Decode => "decode",
            Self::Apply => "apply",
            Self::Parameters => "parameters",
            Self::Lint => "lint",
        }
    }

    /// Where input to begin with is. The rules' examples come to it, which the program of this target knows.
    fn seeds(self, workspace: &Workspace) -> Outcome<Vec<PathBuf>> {
        let mut seeds = vec![workspace.root().join("tests/fuzz/seeds").join(self.name())];
        if self == Self::Lint {
            seeds.extend(Example::all(workspace)?.iter().flat_map(Example::fragments).cloned());
        }
        Ok(seeds)
    }

    /// Longest input that is tried, in bytes: room for all that there is, and no more, since short ones are quicker.
    fn max_len(self) -> u32 {
        match self {
            Self::Apply => 128,
            Self::Parameters => 512,
            Self::Decode | Self::Lint => 4096,
        }
    }
}

/// Tries the targets that are asked for, or all; or one input.
pub(crate) fn run(
    workspace: &Workspace,
    terminal: Terminal,
    asked: Option<Target>,
    seconds: u32,
    input: Option<&Path>,
) -> Outcome {
    require_root("fuzz")?;
    tool::ensure(&[tool::CC, tool::CXX], workspace, terminal)?;
    let targets = asked.map_or(Target::value_variants().to_vec(), |target| vec![target]);
    let mut task = Task::start(terminal, "fuzz");
    let result = match (input, &targets[..]) {
        (Some(input), &[target]) => try_input(target, input, workspace, &mut task)?,
        _ => try_all(&targets, seconds, workspace, &mut task)?,
    };
    task.finish(&result);
    Ok(())
}

/// Lets libFuzzer try input for so many seconds for each target. Returns how many inputs that were.
pub(crate) fn try_all(
    targets: &[Target],
    seconds: u32,
    workspace: &Workspace,
    task: &mut Task<'_>,
) -> Outcome<String> {
    let programs = Programs::build(workspace, task)?;
    let mut counts = Vec::new();
    for pair in targets.chunks(AT_ONCE) {
        let mut runs = Vec::new();
        for &target in pair {
            let mut command = programs.command(target, workspace)?;
            command.arg(format!("-max_total_time={seconds}"));
            command.arg(format!("-max_len={}", target.max_len()));
            command.arg(new_inputs(target, workspace)?);
            command.args(target.seeds(workspace)?);
            runs.push((command, log(target, workspace)?));
        }
        task.run_together(&mut runs)?;
        for (target, (_, log)) in pair.iter().zip(&runs) {
            let output = fs::read(log).or_fail(|| format!("read {}", log.display()))?;
            let output = String::from_utf8_lossy(&output);
            let count = count_of(&output).filter(|count| *count > 0);
            let count = count.ok_or_else(|| Failure::with_output("nothing was tried", output))?;
            counts.push(format!("{}: {count}", target.name()));
        }
    }
    Ok(format!("inputs: {}", counts.join(", ")))
}

/// Tries one input, as one that was found.
fn try_input(target: Target, input: &Path, workspace: &Workspace, task: &mut Task<'_>) -> Outcome<String> {
    let input = input.canonicalize().or_fail(|| format!("find {}", input.display()))?;
    let programs = Programs::build(workspace, task)?;
    let mut command = programs.command(target, workspace)?;
    task.run(command.arg(&input), &log(target, workspace)?)?;
    Ok(format!("{}: this input breaks no promise", target.name()))
}

/// What inputs are tried with.
struct Programs {
    /// Where those of the targets are.
    directory: PathBuf,
    /// What is started by one of them.
    stated: PathBuf,
}

impl Programs {
    /// Builds them, little optimised: a minute of building more would not be earned back in two of trying.
    fn build(workspace: &Workspace, task: &mut Task<'_>) -> Outcome<Self> {
        let stated = workspace.build_stated(task)?;
        let cargo_fuzz = ensure_cargo_fuzz(workspace, task)?;
        let host = host()?;
        let target = workspace.scratch("fuzz")?;
        let mut build = Command::new(cargo_fuzz);
        build
            .current_dir(workspace.root())
            .args(["fuzz", "build", "--fuzz-dir=tests/fuzz", "--features=libfuzzer"])
            // No sanitizer, which would take a nightly compiler: what is tried has no unsafe code, and the program is a
            // process of its own. Debug assertions and checks of overflow are on.
            .args(["--sanitizer=none", "--codegen-units=16", "--target", &host, "--target-dir"])
            .arg(&target)
            .env("CARGO_PROFILE_RELEASE_LTO", "off")
            .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1")
            // With names, for the stack of what is found.
            .env("CARGO_PROFILE_RELEASE_STRIP", "none");
        task.run(&mut build, &workspace.scratch("log")?.join("build-fuzz.txt"))?;
        Ok(Self { directory: target.join(host).join("release"), stated })
    }

    /// Starts a target. What it finds is kept beside the logs.
    fn command(&self, target: Target, workspace: &Workspace) -> Outcome<Command> {
        let mut command = Command::new(self.directory.join(target.name()));
        let found = workspace.scratch("log")?.join(format!("fuzz-{}-", target.name()));
        command
            .arg(format!("-artifact_prefix={}", found.display()))
            .arg(format!("-timeout={TIME_LIMIT}"))
            .args(["-print_final_stats=1", "-verbosity=0"])
            .env("STATED", &self.stated)
            .env("STATE_FUZZ_EXAMPLES", new_inputs(target, workspace)?);
        Ok(command)
    }
}

fn log(target: Target, workspace: &Workspace) -> Outcome<PathBuf> {
    Ok(workspace.scratch("log")?.join(format!("fuzz-{}.txt", target.name())))
}

/// Where libFuzzer keeps input that came to new code, for the next run to begin with.
fn new_inputs(target: Target, workspace: &Workspace) -> Outcome<PathBuf> {
    workspace.scratch(&format!("fuzz/inputs/{}", target.name()))
}

/// What rustc calls this machine.
fn host() -> Outcome<String> {
    let output = Command::new("rustc").args(["--print", "host-tuple"]).output();
    let output = output.or_fail(|| "run `rustc --print host-tuple`".to_owned())?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn ensure_cargo_fuzz(workspace: &Workspace, task: &mut Task<'_>) -> Outcome<PathBuf> {
    if let Some(installed) = tool::find("cargo-fuzz") {
        return Ok(installed);
    }
    let tools = workspace.target().join("tools");
    let program = tools.join("bin/cargo-fuzz");
    if !program.exists() {
        let mut install = workspace.cargo();
        install.args(["install", "cargo-fuzz", "--version=^0.13", "--locked", "--root"]).arg(&tools);
        // It only calls cargo.
        install.env("CARGO_PROFILE_RELEASE_LTO", "off").env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0");
        task.run(&mut install, &workspace.scratch("log")?.join("install-cargo-fuzz.txt"))?;
    }
    Ok(program)
}

/// How many inputs libFuzzer says it tried.
fn count_of(output: &str) -> Option<u64> {
    let line = output.lines().find_map(|line| line.strip_prefix("stat::number_of_executed_units:"))?;
    line.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_how_much_was_tried() {
        let output = "Done 12 runs in 1 second(s)\nstat::number_of_executed_units: 12\nstat::average_exec_per_sec: 12\n";
        assert_eq!(count_of(output), Some(12));
        assert_eq!(count_of("==1== ERROR: libFuzzer: deadly signal"), None);
    }
}
