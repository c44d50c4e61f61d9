//! `stated init`: process 1 of an initramfs that is this one file.

use core::convert::Infallible;
use core::ffi::CStr;

use rustix::fs::OFlags;
use rustix::io::Errno;
use rustix::mount::{MountFlags, mount};
use rustix::process::getpid;
use rustix::stdio::{dup2_stderr, dup2_stdin, dup2_stdout};
use state_schema::SysData;

use crate::arguments::{DataPlace, Places};
use crate::boot_options::BootOptions;
use crate::child::CONSOLE;
use crate::cmdline::Cmdline;
use crate::device::{decode, read_blob};
use crate::device_name::DeviceName;
use crate::exit::Exit;
use crate::failure::{Failure, Finding};
use crate::file;
use crate::kernel_log;
use crate::modules;
use crate::path::{PathBuf, Room};
use crate::refusal::Refusal;
use crate::repair;
use crate::run::{Process, say};
use crate::screen::{self, Sought};
use crate::show::{Show as _, Sink};
use crate::step::Step;
use crate::switch_root::switch_root;
use crate::text::Text;
use crate::volume::{Volume, attach};

/// Where the image is mounted.
pub(crate) const ROOT: &[u8] = b"/sysroot";

/// Where the report and the shared tmpfs go.
const RUN: &[u8] = b"/run/sysota";

/// What survives leaving the initramfs at its own place.
const MOVED: &[u8] = b"/run/";

const MOUNT_ROOT: &str = "mount the root";
const MOUNT_SYS_DATA: &str = "mount sys-data";

/// A file system of the kernel's own.
struct Kernels {
    kind: &'static CStr,
    place: &'static [u8],
    flags: MountFlags,
    options: &'static CStr,
}

/// Where the kernel is talked to, and the first writable place.
const KERNELS: [Kernels; 4] = [
    Kernels { kind: c"proc", place: b"/proc", flags: NO_PROGRAMS, options: c"" },
    Kernels { kind: c"sysfs", place: b"/sys", flags: NO_PROGRAMS, options: c"" },
    Kernels { kind: c"devtmpfs", place: b"/dev", flags: MountFlags::NOSUID, options: c"mode=0755" },
    Kernels { kind: c"tmpfs", place: b"/run", flags: NO_DEVICES, options: c"mode=0755" },
];

const NO_DEVICES: MountFlags = MountFlags::NOSUID.union(MountFlags::NODEV);
const NO_PROGRAMS: MountFlags = NO_DEVICES.union(MountFlags::NOEXEC);

/// Starts the system, and returns only where that is not this process's business.
pub(crate) fn run(process: &mut dyn Process) -> Exit {
    if !getpid().is_init() {
        say(process, |line| {
            line.put(b"`init` is for an initramfs, whose /init it is: it has to be process 1");
        });
        return Exit::Usage;
    }
    let (cmdline, trouble) = match mount_kernel_file_systems().and_then(|()| Cmdline::read()) {
        Ok(cmdline) => (cmdline, None),
        Err(failure) => (Cmdline::unknown(), Some(Refusal::from(failure))),
    };
    open_console();
    let options = BootOptions::read(cmdline.parameters());
    let mut sought = Sought { root: options.root, sys_data: None };
    let refusal = trouble.unwrap_or_else(|| match start(&options, &mut sought, process) {
        Err(refusal) => refusal,
        Ok(never) => match never {},
    });
    screen::give_up(&refusal, &sought, &cmdline, options.on_failure, process)
}

fn start(
    options: &BootOptions<'_>,
    sought: &mut Sought<'_>,
    process: &mut dyn Process,
) -> Result<Infallible, Refusal> {
    if let Some(unknown) = options.unknown {
        warn(process, &|line| unknown.show(line));
    }
    modules::load_all(&mut |failure| {
        let account = failure.account();
        warn(process, &|line| account.show(line));
        account.give_back();
    });
    mount_root(options)?;
    let mut places = Places { root: ROOT, data: DataPlace::MountPoint, slot: None, blob: None, run: RUN };
    let mut place = PathBuf::new();
    let file = read_blob(&places)?;
    let sys_data = decode(&file, None)?.sys_data();
    sought.sys_data = Some(Text::of(sys_data.device.as_bytes()));
    let missing = mount_sys_data(&sys_data, options, &mut place).map_err(Failure::account);
    places.data = match &missing {
        Ok(()) => DataPlace::Directory(place.bytes()),
        Err(account) => DataPlace::Nowhere(account),
    };
    crate::apply(&places, process)?;
    switch_root(ROOT, options.init, process)
}

/// Says what keeps nobody from trying.
fn warn(process: &mut dyn Process, message: &dyn Fn(&mut dyn Sink)) {
    say(process, message);
    kernel_log::log(kernel_log::WARNING, message);
}

fn mount_kernel_file_systems() -> Result<(), Failure> {
    for Kernels { kind, place, flags, options } in KERNELS {
        let step = Step::new("mount", place);
        file::make_directory(&step, place)?;
        match mount(kind, Room::new().terminated(place), kind, flags, options) {
            // The kernel mounts some of them itself, if it was built to.
            Ok(()) | Err(Errno::BUSY) => {}
            Err(errno) => return Err(step.failed("mount", errno)),
        }
    }
    Ok(())
}

/// Where the kernel had no `/dev/console`, process 1 starts without standard streams.
fn open_console() {
    let Ok(console) = file::open(CONSOLE, OFlags::RDWR) else { return };
    let _ = dup2_stdin(&console);
    let _ = dup2_stdout(&console);
    let _ = dup2_stderr(&console);
}

fn mount_root(options: &BootOptions<'_>) -> Result<(), Refusal> {
    let name = options.root.ok_or(Refusal::NoRoot)?;
    let device = wait_for(name, MOUNT_ROOT, options)?;
    let volume =
        Volume { device: device.bytes(), options: options.flags, is_read_only: !options.is_writable };
    let root = volume.mount_as_any(options.types, MOUNT_ROOT)?;
    file::make_directory(&Step::new(MOUNT_ROOT, ROOT), ROOT)?;
    attach(&root, ROOT, MOUNT_ROOT)?;
    Ok(())
}

/// Mounts it where the image wants it, and puts down in `place` where that is by now.
fn mount_sys_data(
    partition: &SysData<'_>,
    options: &BootOptions<'_>,
    place: &mut PathBuf,
) -> Result<(), Failure> {
    let device = wait_for(partition.device.as_bytes(), MOUNT_SYS_DATA, options)?;
    repair::check(device.bytes(), partition.fstype.as_bytes(), options.check, ROOT)?;
    let volume =
        Volume { device: device.bytes(), options: partition.options.as_bytes(), is_read_only: false };
    let mounted = volume.mount(partition.fstype.as_bytes(), MOUNT_SYS_DATA)?;
    let mount_point = partition.mount_point.as_str().as_bytes();
    let step = Step::new(MOUNT_SYS_DATA, mount_point);
    let too_long = |errno| step.failed("mkdir", errno);
    if mount_point.starts_with(MOVED) {
        for (at, _) in mount_point.iter().enumerate().skip(MOVED.len()).filter(|(_, byte)| **byte == b'/') {
            file::make_directory(&step, mount_point.get(..at).unwrap_or_default())?;
        }
        file::make_directory(&step, mount_point)?;
    } else {
        // Only the image's own place is there when the system runs.
        place.append(ROOT).map_err(too_long)?;
    }
    place.append(mount_point).map_err(too_long)?;
    attach(&mounted, place.bytes(), MOUNT_SYS_DATA)
}

fn wait_for(name: &[u8], operation: &'static str, options: &BootOptions<'_>) -> Result<PathBuf, Failure> {
    let step = Step::new(operation, name);
    let device = DeviceName::parse(name).ok_or_else(|| step.found(Finding::UnknownName))?;
    device.wait(&step, options.wait)
}
