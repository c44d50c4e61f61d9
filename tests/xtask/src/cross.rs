//! `cargo xtask cross`: the freestanding `stated` for other architectures, built, and run in an emulator.

use std::path::{Path, PathBuf};
use std::process::Command;

use clap::ValueEnum;

use crate::debian_release::Release;
use crate::debian_tree::DebianTree;
use crate::elf;
use crate::failure::{Failure, OrFail as _, Outcome};
use crate::suite::run_tests;
use crate::task::Task;
use crate::terminal::Terminal;
use crate::tool;
use crate::workspace::{Workspace, require_root};

/// The Debian release whose compiler of Rust comes with the sources of `core`, and runs on Debian 12.
const COMPILER_RELEASE: Release = Release::Bookworm;

/// Its packages: they are a newer Rust than the release's own.
const COMPILER: [&str; 2] = ["rustc-web", "rust-web-src"];

/// The Debian release whose emulators know `openat2`, which QEMU does since 9.2; they are static.
const EMULATOR_RELEASE: Release = Release::Trixie;
const EMULATOR: [&str; 1] = ["qemu-user"];

/// An architecture other than x86-64.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Architecture {
    /// 64-bit ARM.
    Aarch64,
    /// 32-bit ARM, version 7 with hardware floating point.
    Armv7,
    /// 64-bit RISC-V.
    Riscv64,
}

impl Architecture {
    fn name(self) -> &'static str {
        match self {
            Self::Aarch64 => "AArch64",
            Self::Armv7 => "ARMv7",
            Self::Riscv64 => "RISC-V",
        }
    }

    /// What Rust calls it.
    fn target(self) -> &'static str {
        match self {
            Self::Aarch64 => "aarch64-unknown-linux-gnu",
            Self::Armv7 => "armv7-unknown-linux-gnueabihf",
            Self::Riscv64 => "riscv64gc-unknown-linux-gnu",
        }
    }

    /// Its number in ELF files.
    fn machine(self) -> u16 {
        match self {
            Self::Aarch64 => 183,
            Self::Armv7 => 40,
            Self::Riscv64 => 243,
        }
    }

    fn emulator(self) -> &'static str {
        match self {
            Self::Aarch64 => "usr/bin/qemu-aarch64",
            Self::Armv7 => "usr/bin/qemu-arm",
            Self::Riscv64 => "usr/bin/qemu-riscv64",
        }
    }
}

/// One of the two programs that `stated` is.
#[derive(Clone, Copy)]
enum Program {
    /// The small one of the initramfs.
    Initrd,
    /// The one that an image carries, which has all of it.
    System,
}

impl Program {
    /// Cargo's profile, and what it is called in what we say.
    fn profile(self) -> &'static str {
        match self {
            Self::Initrd => "initrd",
            Self::System => "system",
        }
    }
}

/// What is needed to build and run for another architecture.
struct Tools {
    compiler: DebianTree,
    linker: PathBuf,
    emulators: DebianTree,
}

/// Builds for the architectures that are asked for, or all, and runs those mount tests whose names contain
/// `cases`, or all.
pub(crate) fn run(
    workspace: &Workspace,
    terminal: Terminal,
    asked: &[Architecture],
    cases: Option<&str>,
) -> Outcome {
    require_root("cross")?;
    tool::ensure(&[tool::STRACE], workspace, terminal)?;
    let tools = Tools {
        linker: find_linker()?,
        compiler: DebianTree::fetch("cross/compiler", COMPILER_RELEASE, &COMPILER, workspace, terminal)?,
        emulators: DebianTree::fetch("cross/emulators", EMULATOR_RELEASE, &EMULATOR, workspace, terminal)?,
    };
    for architecture in Architecture::value_variants() {
        if asked.is_empty() || asked.contains(architecture) {
            build(*architecture, Program::Initrd, &tools, workspace, terminal)?;
            let stated = build(*architecture, Program::System, &tools, workspace, terminal)?;
            test(*architecture, &stated, &tools, cases, workspace, terminal)?;
        }
    }
    Ok(())
}

/// The linker that comes with the toolchain which runs us; it links for every architecture.
fn find_linker() -> Outcome<PathBuf> {
    let print = |what| {
        let output = Command::new("rustc").args(["--print", what]).output();
        let output = output.or_fail(|| format!("run `rustc --print {what}`"))?;
        Ok(PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()))
    };
    let linker = print("target-libdir")?.with_file_name("bin").join("rust-lld");
    if linker.exists() {
        return Ok(linker);
    }
    Err(Failure::new(format!(
        "{} is missing; install Rust with rustup, which brings it along",
        linker.display()
    )))
}

fn build(
    architecture: Architecture,
    program: Program,
    tools: &Tools,
    workspace: &Workspace,
    terminal: Terminal,
) -> Outcome<PathBuf> {
    let profile = program.profile();
    let title = format!("build for {}, {profile}", architecture.name());
    let mut task = Task::start(terminal, &title);
    let target = architecture.target();
    let linker = format!("CARGO_TARGET_{}_LINKER", target.to_uppercase().replace('-', "_"));
    // A directory of its own: another compiler's products would not be used, and would replace those of ours.
    let directory = workspace.scratch("cross/target")?;
    let mut cargo = workspace.cargo();
    cargo.arg("build");
    if matches!(program, Program::Initrd) {
        cargo.arg("--no-default-features");
    }
    cargo
        .args(["--profile", profile, "--package=stated", "--features=initrd", "--target", target])
        // No `core` comes compiled for these.
        .arg("-Zbuild-std=core,compiler_builtins")
        .env("RUSTC_BOOTSTRAP", "1")
        .env("RUSTC", tools.compiler.path("usr/bin/rustc"))
        .env("LD_LIBRARY_PATH", tools.compiler.path("usr/lib/x86_64-linux-gnu"))
        .env("CARGO_TARGET_DIR", &directory)
        .env(linker, &tools.linker);
    task.run(&mut cargo, &workspace.scratch("log")?.join(format!("build-{target}-{profile}.txt")))?;
    let stated = directory.join(target).join(profile).join("stated");
    let size = elf::check_static(&stated, architecture.machine())?;
    task.finish(&format!("stated is static, {size} bytes"));
    Ok(stated)
}

fn test(
    architecture: Architecture,
    stated: &Path,
    tools: &Tools,
    cases: Option<&str>,
    workspace: &Workspace,
    terminal: Terminal,
) -> Outcome {
    let title = format!("run on {}", architecture.name());
    let mut task = Task::start(terminal, &title);
    let mut cargo = workspace.cargo();
    cargo
        .args(["test", "--package=state-tests", "--test=mount", "--"])
        // What is run is the program that has all of it: an emulator of programs does not run what these execute.
        .args(["--skip", "refused::state_without_the_program_of_the_image"])
        .args(cases)
        .env("STATED", stated)
        .env("STATED_EMULATOR", tools.emulators.path(architecture.emulator()));
    let log = workspace.scratch("log")?.join(format!("test-{}.txt", architecture.target()));
    let count = run_tests(&mut task, &mut cargo, &log)?;
    task.finish(&format!("{count} mount tests, in an emulator"));
    Ok(())
}
