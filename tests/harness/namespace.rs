//! Private places for tests that mount.

use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::{env, fs, io};

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::unistd::{Gid, Uid, setgid, setgroups, setuid};

use crate::program;

/// Tells a copy of the test program which case it is to run, and nothing else.
const CASE: &str = "STATE_TESTS_CASE";

/// Tells it how the program under test is started: words, the last of which is the program.
const STATED: &str = "STATE_TESTS_STATED";

/// Tells it where the program is that its images carry.
const SYSTEM: &str = "STATE_TESTS_SYSTEM";

/// Tells it where the compiler is.
const STATEC: &str = "STATE_TESTS_STATEC";

/// Tells programs with counters where to leave them.
const PROFILE: &str = "LLVM_PROFILE_FILE";

/// Tells it whether that is on a kernel without detached mounts.
const OLD: &str = "STATE_TESTS_OLD_KERNEL";

/// Makes the calls fail that Linux 5.12 has and older ones have not, or not all, as such a kernel does.
const OLD_KERNEL: &str = "strace --follow-forks --seccomp-bpf --quiet=all --output=/dev/null \
    --trace=open_tree,move_mount,fsopen,fsconfig,fsmount,mount_setattr \
    --inject=open_tree,move_mount,fsopen,fsconfig,fsmount,mount_setattr:error=ENOSYS";

/// Who `nobody` is everywhere.
const NOBODY: u32 = 65534;

/// As whom a case runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Identity {
    /// As root, in a mount namespace of its own.
    Root,
    /// As a user without privileges, who is root in a user and a mount namespace of their own.
    User,
}

/// On what kernel the program of a case runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kernel {
    /// On the machine's own.
    Own,
    /// On one that has no detached mounts.
    Old,
}

/// The name of the case that this process is to run, if it is one.
#[must_use]
pub fn case_to_run() -> Option<String> {
    env::var(CASE).ok()
}

/// The program that a case runs, a copy that every user can read, without its arguments. Outside a case, the program
/// itself.
///
/// # Panics
///
/// When it cannot be built.
#[must_use]
pub fn stated() -> Command {
    let Ok(words) = env::var(STATED) else { return Command::new(program::stated()) };
    let mut words = words.split_whitespace();
    let mut command = Command::new(words.next().expect("a program"));
    command.args(words);
    command
}

/// The file of the program that a case runs.
///
/// # Panics
///
/// Outside a case.
#[must_use]
pub fn stated_file() -> PathBuf {
    let words = env::var(STATED).expect("only cases call this");
    words.split_whitespace().next_back().expect("a program").into()
}

/// The program that the images of a case carry, a copy that every user can read. Outside a case, the program itself.
///
/// # Panics
///
/// When it cannot be built.
#[must_use]
pub fn system() -> PathBuf {
    env::var_os(SYSTEM).map_or_else(|| program::system().to_owned(), PathBuf::from)
}

/// Whether the program of this case has no detached mounts.
#[must_use]
pub fn is_old_kernel() -> bool {
    env::var_os(OLD).is_some()
}

/// The compiler, likewise.
///
/// # Panics
///
/// Outside a case.
#[must_use]
pub fn statec() -> PathBuf {
    env::var_os(STATEC).expect("only cases call this").into()
}

/// Runs the case of this name in a process and namespaces of its own.
///
/// A process rather than a thread: what a namespace holds ends with it, whatever the case did.
///
/// # Errors
///
/// What the case wrote, when it did not succeed.
///
/// # Panics
///
/// When the process cannot be made; a machine without user namespaces fails the tests rather than skip them.
pub fn run_case(name: &str, identity: Identity, kernel: Kernel) -> Result<(), String> {
    output_of_case(name, identity, kernel).map(drop)
}

/// The same, and returns what the case wrote to standard output.
///
/// # Errors
///
/// What the case wrote, when it did not succeed.
///
/// # Panics
///
/// As [`run_case`] does.
pub fn output_of_case(name: &str, identity: Identity, kernel: Kernel) -> Result<String, String> {
    let programs = programs();
    let directory = tempfile::tempdir().expect("a directory for the case");
    let owner = match identity {
        Identity::Root => 0,
        Identity::User => NOBODY,
    };
    std::os::unix::fs::chown(directory.path(), Some(owner), Some(owner)).expect("chown");
    let mut command = Command::new(programs.join("tests"));
    command
        .env_clear()
        .env("PATH", env::var_os("PATH").unwrap_or_default())
        // Where programs with counters leave them: only `cargo xtask coverage` sets it.
        .envs(env::var_os(PROFILE).map(|file| (PROFILE, file)))
        .env("RUST_BACKTRACE", "0")
        .env(CASE, name)
        .env(STATED, words(kernel, programs))
        .env(SYSTEM, programs.join("system"))
        .env(STATEC, programs.join("statec"))
        .current_dir(directory.path());
    if kernel == Kernel::Old {
        command.env(OLD, "yes");
    }
    // SAFETY: between fork and exec, `enter` makes system calls and writes short files; of the memory of the
    // other threads it uses nothing but what `format!` takes from the allocator, whose locks glibc keeps sound
    // over fork.
    #[expect(unsafe_code, reason = "the namespaces have to be those of the new process alone")]
    unsafe {
        command.pre_exec(move || enter(identity));
    }
    let output = command.output().expect("the test program runs itself");
    let [out, err] = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes));
    if output.status.success() {
        return Ok(out.into_owned());
    }
    Err(format!("{}\n{out}{err}", output.status))
}

/// How the program is started: it may run in an emulator, whose own calls are those that an old kernel refuses.
fn words(kernel: Kernel, programs: &Path) -> String {
    let mut words = Vec::new();
    if kernel == Kernel::Old {
        words.push(OLD_KERNEL.to_owned());
    }
    let of = |name| programs.join(name).display().to_string();
    words.extend(program::emulator().map(|_| of("emulator")));
    words.push(of("stated"));
    words.join(" ")
}

/// A directory with copies of the programs, which the user without privileges can read.
fn programs() -> &'static Path {
    static COPIES: OnceLock<tempfile::TempDir> = OnceLock::new();
    COPIES
        .get_or_init(|| {
            let directory = tempfile::tempdir().expect("a directory for the programs");
            let readable = fs::Permissions::from_mode(0o755);
            fs::set_permissions(directory.path(), readable).expect("chmod");
            let tests = env::current_exe().expect("the test program");
            let emulator = program::emulator();
            let mut copies = vec![
                ("tests", tests.as_path()),
                ("stated", program::stated()),
                ("system", program::system()),
                ("statec", program::statec()),
            ];
            copies.extend(emulator.iter().map(|emulator| ("emulator", emulator.as_path())));
            for (name, from) in copies {
                fs::copy(from, directory.path().join(name)).expect("a copy of the program");
            }
            directory
        })
        .path()
}

/// Puts this process into namespaces of its own. As a user, it must be the only thread.
///
/// # Errors
///
/// When it may not have them.
pub fn enter(identity: Identity) -> io::Result<()> {
    if identity == Identity::User {
        setgroups(&[])?;
        setgid(Gid::from_raw(NOBODY))?;
        setuid(Uid::from_raw(NOBODY))?;
        // The change of user made /proc/self root's, and the maps are written there.
        nix::sys::prctl::set_dumpable(true)?;
        unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNS)?;
        fs::write("/proc/self/setgroups", "deny")?;
        fs::write("/proc/self/uid_map", format!("0 {NOBODY} 1"))?;
        fs::write("/proc/self/gid_map", format!("0 {NOBODY} 1"))?;
    } else {
        unshare(CloneFlags::CLONE_NEWNS)?;
    }
    let none = None::<&str>;
    mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none)?;
    Ok(())
}
