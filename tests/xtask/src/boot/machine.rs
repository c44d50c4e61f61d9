//! A PC with a disk, in an emulator. We are its boot loader: each start is given kernel, initramfs and command line.

use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use super::connection::Connection;
use super::disk::{BOOT, Disk, Partition, SYS_DATA};
use super::emulator::Emulator;
use super::initramfs;
use super::kernel::Kernel;
use super::key::Key;
use super::slot::Slot;
use super::system::System;
use crate::failure::{OrFail as _, Outcome};
use crate::task::Task;
use crate::terminal::Terminal;
use crate::tool;
use crate::workspace::Workspace;

/// Modules for what the kernel does not have built in: the root's file system, that of entries with `how: overlay`, the
/// network card, and what systemd asks for. The images have none themselves.
const MODULES: [&str; 4] = ["squashfs", "overlay", "virtio_net", "autofs4"];

/// What every start has on its command line. A system that cannot be started waits, so that its last words are read.
/// The console's log is read without a terminal.
const PARAMETERS: &str = "console=ttyS0 TERM=dumb rootfstype=squashfs sysota.wait=60 sysota.on-failure=halt";

/// The processor is emulated as a program, since a virtual one of the machine's own is rarely to be had, and not always
/// where it seems so.
const PC: [&str; 9] =
    ["-machine", "q35", "-accel", "tcg,thread=multi", "-cpu", "qemu64", "-smp", "2", "-nodefaults"];

/// In MiB.
const MEMORY: &str = "1024";

/// What its disk is divided into.
pub(crate) const PARTITIONS: [Partition; 4] = [
    Partition { label: BOOT, size: 15 },
    Partition { label: Slot::A.label(), size: 240 },
    Partition { label: Slot::B.label(), size: 240 },
    Partition { label: SYS_DATA, size: 512 },
];

/// A PC that is switched off.
#[derive(Debug)]
pub(crate) struct Machine {
    name: String,
    emulator: Emulator,
    kernel: PathBuf,
    initramfs: PathBuf,
    disk: Disk,
    stick: Option<PathBuf>,
    key: Key,
    log: PathBuf,
}

impl Machine {
    /// Puts a machine together that starts `stated` as its initramfs, with `modules` besides those that every machine
    /// takes. Its disk is empty.
    pub(crate) fn assemble(
        name: &str,
        stated: &Path,
        modules: &[&str],
        workspace: &Workspace,
        terminal: Terminal,
    ) -> Outcome<Self> {
        tool::ensure(&tool::OF_BOOTS, workspace, terminal)?;
        let emulator = Emulator::fetch(workspace, terminal)?;
        let kernel = Kernel::fetch(workspace, terminal)?;
        let directory = workspace.scratch("boot")?.join(name);
        fs::create_dir_all(&directory).or_fail(|| format!("create {}", directory.display()))?;
        let task = Task::start(terminal, "assemble a machine");
        let modules = kernel.modules(&[&MODULES, modules].concat())?;
        let initramfs = initramfs::write(stated, &modules, directory.join("initramfs.cpio"))?;
        let disk = Disk::create(directory.join("disk.img"), &PARTITIONS)?;
        let key = Key::ensure(&workspace.scratch("boot")?.join("key"))?;
        let size = fs::metadata(&initramfs).or_fail(|| format!("look at {}", initramfs.display()))?.len();
        task.finish(&format!("its initramfs is {} KiB, its disk empty", size / 1024));
        let log = workspace.scratch("log")?;
        Ok(Self {
            name: name.to_owned(),
            emulator,
            kernel: kernel.image().to_owned(),
            initramfs,
            disk,
            stick: None,
            key,
            log,
        })
    }

    /// Attaches a second disk, read-only: `/dev/nvme1n1`, from the next start on.
    pub(super) fn plug_in(&mut self, stick: PathBuf) {
        self.stick = Some(stick);
    }

    pub(crate) fn disk(&self) -> &Disk {
        &self.disk
    }

    /// The key that images are to let in.
    pub(crate) fn key(&self) -> &Key {
        &self.key
    }

    /// Switches the machine on, with the image in `slot` as its root and `parameters` besides on the command line.
    /// Whatever the console shows goes to a log that is named after `title`.
    pub(crate) fn start(&self, slot: Slot, parameters: &str, title: &str) -> Outcome<System> {
        let serial =
            self.log.join(format!("boot-{}-{}.txt", self.name, title.replace(',', "").replace(' ', "-")));
        let port = free_port()?;
        let mut command = self.emulator.command();
        command.args(PC).args(["-m", MEMORY, "-no-reboot", "-display", "none", "-monitor", "none"]);
        command.arg("-serial").arg(format!("file:{}", serial.display()));
        let disk = format!("file={},format=raw,if=none,id=disk", self.disk.file().display());
        command.args(["-drive", &disk, "-device", "nvme,drive=disk,serial=sysota"]);
        if let Some(stick) = &self.stick {
            let stick = format!("file={},format=raw,if=none,id=stick,readonly=on", stick.display());
            command.args(["-drive", &stick, "-device", "nvme,drive=stick,serial=stick"]);
        }
        // The system reaches nobody, and only we reach it.
        let network = format!("user,model=virtio-net-pci,restrict=on,hostfwd=tcp:127.0.0.1:{port}-:22");
        command.args(["-nic", &network]).arg("-kernel").arg(&self.kernel).arg("-initrd").arg(&self.initramfs);
        command.arg("-append").arg(format!("{PARAMETERS} root=PARTLABEL={} {parameters}", slot.label()));
        let said = serial.with_extension("emulator.txt");
        let file = File::create(&said).or_fail(|| format!("create {}", said.display()))?;
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(file);
        System::start(command, serial, Connection::new(&self.key, port)?)
    }
}

/// A port of this machine that nobody uses, as far as can be known.
fn free_port() -> Outcome<u16> {
    let any = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
    Ok(any.or_fail(|| "find a free port".to_owned())?.port())
}
