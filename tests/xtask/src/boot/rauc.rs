//! The life of a device that the real RAUC updates: the gateway, from bundles that are signed here.
//!
//! Image 1 runs in slot A and is used. RAUC refuses a bundle whose image has no place for that use, and installs image 2
//! into slot B, which takes the state over, is used too, and fails. Slot A runs again as if nothing had happened, but for
//! what is common to both. It streams image 2 once more, which has a better day this time and is marked good.

mod boot_loader;
mod equipment;
mod packager;
mod stick;

use std::path::{Path, PathBuf};

use self::equipment::Equipment;
use self::packager::Packager;
use self::stick::Stick;
use super::look::{look, read_complaints, require_none};
use super::machine::Machine;
use super::moment::Moment;
use super::root_fs::RootFs;
use super::slot::Slot;
use super::state::State;
use super::system::System;
use crate::certificate::Certificate;
use crate::example::Example;
use crate::failure::{Failure, Outcome};
use crate::task::Task;
use crate::terminal::Terminal;
use crate::tool;
use crate::workspace::Workspace;

/// What RAUC takes besides: bundles are file systems whose blocks are verified, in a file or behind a server.
const MODULES: [&str; 3] = ["loop", "dm_verity", "nbd"];

/// What is thrown in the way of the update's first boot: the service that the device is there for does not start.
const FAILING: &str = "systemd.mask=mosquitto.service";

/// What the administrator does in slot A.
const USE_A: &str = "\
set -e
hostnamectl hostname pump-a
echo 'max_inflight_messages 7' > /etc/mosquitto/conf.d/50-site.conf
echo '# of pump a' >> /etc/NetworkManager/conf.d/10-gateway.conf
echo 'server 192.0.2.1' > /etc/chrony/sources.d/site.sources
echo a > /root/note";

/// What the administrator does in slot B.
const USE_B: &str = "\
set -e
hostnamectl hostname pump-b
echo 'max_inflight_messages 8' > /etc/mosquitto/conf.d/50-site.conf
echo 'autosave_interval 60' > /etc/mosquitto/conf.d/10-gateway.conf
rm /etc/chrony/sources.d/site.sources
echo b > /root/note";

/// Shows what became of all that, and what the image brings.
const VIEW: &str = "\
echo host: $(hostname)
for file in /etc/mosquitto/conf.d/*.conf; do echo ${file##*/}: $(grep -v '^#' $file); done
echo network: $(tail -n 1 /etc/NetworkManager/conf.d/10-gateway.conf)
echo time: $(ls /etc/chrony/sources.d)
echo note: $(cat /root/note)
for program in nano logrotate; do command -v $program || true; done";

/// What that shows in image 1 as it is used in slot A.
const VIEW_A: &str = "\
host: pump-a
10-gateway.conf: listener 1883 127.0.0.1 allow_anonymous true autosave_interval 300
50-site.conf: max_inflight_messages 7
network: # of pump a
time: README site.sources
note: a
/usr/bin/nano";

/// What it shows in image 2 with what slot A was used for: the image's own files are its new ones, where nobody changed
/// them.
const VIEW_UPDATED: &str = "\
host: pump-a
10-gateway.conf: listener 1883 127.0.0.1 allow_anonymous true autosave_interval 600
20-limits.conf: max_queued_messages 2000
50-site.conf: max_inflight_messages 7
network: # of pump a
time: site.sources
note: a
/usr/sbin/logrotate";

/// Shows who the device is.
const IDENTITY: &str = "cat /etc/machine-id && ssh-keygen -l -f /etc/ssh/keys/ssh_host_ed25519_key";

/// The images of the device.
#[derive(Debug)]
struct Images {
    first: RootFs,
    second: RootFs,
}

/// A device, and what was learned about it.
#[derive(Debug)]
pub(super) struct Life {
    machine: Machine,
    images: Images,
    /// Where state is copied to when it is compared.
    copy: PathBuf,
    /// Who the device was when it was first asked.
    identity: String,
}

impl Life {
    /// Builds the images and their bundles, and a machine that has the first one in slot A.
    pub(super) fn begin(workspace: &Workspace, terminal: Terminal) -> Outcome<Self> {
        tool::ensure(&[tool::OPENSSL], workspace, terminal)?;
        let mut task = Task::start(terminal, "build stated");
        let stated = workspace.build_system(&mut task)?;
        task.finish("for the initramfs and for the image");
        let example = Example::open(workspace, "gateway")?;
        let mut machine = Machine::assemble(example.name(), &stated, &MODULES, workspace, terminal)?;
        let directory = workspace.scratch("boot")?.join(example.name());
        let certificate = |name| Certificate::make(&directory, name);
        let (signer, server, stranger) =
            (certificate("signer")?, certificate("server")?, certificate("stranger")?);

        let equipment = Equipment::new(workspace, &signer, &server);
        let build = |example: &Example| {
            let equip = |root: &Path| equipment.add_to(root);
            RootFs::build(example, &stated, machine.key(), equip, workspace, terminal)
        };
        let updated = example.updated()?;
        let images = Images { first: build(&example)?, second: build(&updated)? };
        let unfit = build(&updated.changed(&workspace.root().join("tests/boot/rauc/unfit"))?)?;

        let packager = Packager::fetch(workspace, terminal)?;
        let stick = Stick::new(directory.join("stick"))?;
        stick.add_server(&server, &stranger, workspace, terminal)?;
        let mut task = Task::start(terminal, "sign bundles");
        for (image, name) in [(&images.second, "second.raucb"), (&unfit, "unfit.raucb")] {
            packager.bundle(image, &signer, &stick.path(name), &mut task)?;
        }
        let file = directory.join("stick.img");
        stick.finish(&file)?;
        machine.plug_in(file);
        task.finish("by RAUC, on a stick");

        machine.disk().install(Slot::A, images.first.file())?;
        boot_loader::install(machine.disk())?;
        Ok(Self { machine, images, copy: directory.join("state"), identity: String::new() })
    }

    /// Lives it to the end, or to the first thing that is not as it has to be.
    pub(super) fn live(&mut self, terminal: Terminal) -> Outcome {
        println!();
        self.boot("slot A, installed", Moment::FirstBoot, "", terminal, Self::use_and_update)?;
        self.expect_notes("first=B\nA=good\nB=new\n")?;
        self.expect_installed()?;
        let used = State::read(self.machine.disk(), Slot::A, &self.copy)?;

        self.boot("slot B, updated, fails", Moment::Update, FAILING, terminal, Self::use_and_fail)?;
        self.expect_notes("first=B\nA=good\nB=tried\n")?;
        let left = State::read(self.machine.disk(), Slot::A, &self.copy)?;
        left.require_same(&used, "the update to slot B")?;

        self.boot("slot A, again", Moment::Rollback, "", terminal, Self::stream_the_update)?;
        self.expect_notes("first=B\nA=good\nB=new\n")?;
        self.expect_installed()?;

        self.boot("slot B, updated again", Moment::Update, "", terminal, Self::see_it_marked_good)?;
        self.expect_notes("first=B\nA=good\nB=good\n")
    }

    /// Boots what the boot loader chooses, which has to be the slot of `moment`, looks at it, and lets `visit` do and see
    /// the rest. What that returns is shown.
    fn boot(
        &mut self,
        title: &str,
        moment: Moment,
        parameters: &str,
        terminal: Terminal,
        visit: fn(&Self, &System) -> Outcome<String>,
    ) -> Outcome {
        let mut task = Task::start(terminal, title);
        let slot = boot_loader::choose(self.machine.disk())?;
        same("the slot that the boot loader chooses", &slot.to_string(), &moment.slot().to_string())?;
        let parameters = format!("rauc.slot={slot} {parameters}");
        let mut system = self.machine.start(slot, &parameters, title)?;
        let visited = self.visit(&mut system, moment, &mut task, visit);
        let (took, result) = match visited {
            Ok(seen) => seen,
            Err(failure) => return Err(system.with_last_words(failure)),
        };
        system.shut_down(&mut task)?;
        self.machine.disk().check()?;
        task.finish(&format!("up after {took:.0} s; {result}"));
        Ok(())
    }

    fn visit(
        &mut self,
        system: &mut System,
        moment: Moment,
        task: &mut Task<'_>,
        visit: fn(&Self, &System) -> Outcome<String>,
    ) -> Outcome<(f64, String)> {
        let (took, state) = system.wait_until_up(task)?;
        let image = if moment.slot() == Slot::A { &self.images.first } else { &self.images.second };
        let mut complaints = look(system, moment, image.image_id(), &state, &[])?;
        complaints.extend(read_complaints(system)?);
        require_none(&complaints)?;
        let identity = system.expect(IDENTITY)?;
        if moment == Moment::FirstBoot {
            self.identity.clone_from(&identity);
        }
        same("machine id and host key", &identity, &self.identity)?;
        Ok((took.as_secs_f64(), visit(self, system)?))
    }

    fn use_and_update(&self, system: &System) -> Outcome<String> {
        expect_marked(system, true)?;
        expect_said(system, "sysota-mark-good", "marked slot rootfs.0 as good")?;
        system.expect(USE_A)?;
        same("what is used in slot A", &view(system)?, VIEW_A)?;
        system.expect("mount -t ext4 -o ro /dev/nvme1n1 /mnt")?;
        let refused = system.run("rauc install /mnt/unfit.raucb")?;
        if refused.is_success {
            return Err(Failure::with_output("RAUC has installed what does not fit", refused.output));
        }
        expect_said(system, "rauc", "! /etc/mosquitto/conf.d/50-site.conf  conflict: both-added")?;
        same(
            "slot B, which nobody was to write",
            &system.expect("head -c 16M /dev/disk/by-partlabel/x-sys-b | tr -d '\\0' | wc -c")?,
            "0\n",
        )?;
        same("the boot loader's notes", &system.expect(NOTES)?, "first=A\nA=good\nB=bad\n")?;
        system.expect("rauc install /mnt/second.raucb")?;
        let Images { first, second } = &self.images;
        let checked = format!("slot A: from {} to {}", first.image_id(), second.image_id());
        expect_said(system, "rauc", &checked)?;
        Ok("one bundle refused, one installed".to_owned())
    }

    fn use_and_fail(&self, system: &System) -> Outcome<String> {
        same("what slot B has taken over", &view(system)?, VIEW_UPDATED)?;
        expect_marked(system, false)?;
        self.expect_status(system, Slot::B, Slot::A)?;
        system.expect(USE_B)?;
        Ok("taken over and merged; not marked good".to_owned())
    }

    fn stream_the_update(&self, system: &System) -> Outcome<String> {
        same("what slot A has again", &view(system)?, VIEW_A)?;
        expect_marked(system, true)?;
        expect_said(system, "sysota-mark-good", "the update was given up")?;
        // What is common to both slots: `stated`'s log, and RAUC's notes.
        same("the log of boots", &system.expect(BOOTS)?, "A rollback\nB update\nA first-boot\n")?;
        self.expect_status(system, Slot::A, Slot::A)?;
        system.expect(
            "mount -t ext4 -o ro /dev/nvme1n1 /mnt
             mkdir /run/server
             /mnt/server/nginx -p /run/server -c /mnt/server/nginx.conf",
        )?;
        let refused = system.run("rauc install https://localhost:8444/second.raucb")?;
        if refused.is_success {
            return Err(Failure::with_output("RAUC trusts a server that it does not know", refused.output));
        }
        same("the boot loader's notes", &system.expect(NOTES)?, "first=B\nA=good\nB=tried\n")?;
        same("what the server was asked for", &system.expect("wc -l < /run/server/access.log")?, "0\n")?;
        system.expect("rauc install https://localhost:8443/second.raucb")?;
        let asked = system.expect("grep -c '\"GET /second.raucb HTTP/2.0\" 206 ' /run/server/access.log")?;
        Ok(format!("all as it was; image 2 streamed in {} pieces", asked.trim()))
    }

    fn see_it_marked_good(&self, system: &System) -> Outcome<String> {
        // Not what was done when slot B had run before.
        same("what slot B has taken over", &view(system)?, VIEW_UPDATED)?;
        expect_marked(system, true)?;
        let said = format!("slot B runs {}, with 0 conflicts", self.images.second.image_id());
        expect_said(system, "sysota-mark-good", &said)?;
        self.expect_status(system, Slot::B, Slot::B)?;
        Ok("taken over afresh; marked good".to_owned())
    }

    fn expect_notes(&self, notes: &str) -> Outcome {
        same("the boot loader's notes", &self.machine.disk().boot_notes()?, notes)
    }

    /// Fails unless RAUC takes `booted` for the slot that runs and `primary` for the one that boots next, and knows that it
    /// has installed image 2 into slot B: which it can only know from notes that are common to both slots.
    fn expect_status(&self, system: &System, booted: Slot, primary: Slot) -> Outcome {
        let status = system.expect(STATUS)?;
        let has = |line: &str| status.lines().any(|other| other == line);
        // RAUC numbers the slots, in an order of its own.
        let number = if has("RAUC_SLOT_BOOTNAME_1='B'") { 1 } else { 2 };
        let primary = if primary == Slot::A { "rootfs.0" } else { "rootfs.1" };
        for line in [
            format!("RAUC_SYSTEM_BOOTED_BOOTNAME='{booted}'"),
            format!("RAUC_BOOT_PRIMARY='{primary}'"),
            format!("RAUC_SLOT_BOOTNAME_{number}='B'"),
            format!("RAUC_SLOT_STATUS_BUNDLE_VERSION_{number}='{}'", self.images.second.image_id()),
        ] {
            if !has(&line) {
                return Err(Failure::with_output(format!("RAUC does not say {line}"), status));
            }
        }
        Ok(())
    }

    /// Fails unless slot B holds image 2.
    fn expect_installed(&self) -> Outcome {
        if self.machine.disk().holds(Slot::B, self.images.second.file())? {
            return Ok(());
        }
        Err(Failure::new("RAUC said that it has installed image 2, but slot B does not hold it"))
    }
}

/// The boot loader's notes, as the system reads them.
const NOTES: &str = "head -c 512 /dev/disk/by-partlabel/x-boot | tr -d '\\0'";

/// The boots of the log, each with its slot and its event.
const BOOTS: &str = "stated status | sed -n '/^last boots:$/,$ s/^ *[0-9]* \\([AB] [a-z-]*\\) .*/\\1/p'";

/// What RAUC knows of the slots, a value on each line.
const STATUS: &str = "rauc status --detailed --output-format=shell";

fn view(system: &System) -> Outcome<String> {
    Ok(system.expect(VIEW)?.trim().to_owned())
}

/// Fails unless the slot that runs was marked good, or unless it was not.
fn expect_marked(system: &System, is_marked: bool) -> Outcome {
    let expected = if is_marked { "active\n" } else { "inactive\n" };
    same("what marks the slot good", &system.run("systemctl is-active sysota-mark-good")?.output, expected)
}

/// Fails unless a unit has said this in this boot.
fn expect_said(system: &System, unit: &str, what: &str) -> Outcome {
    let journal = system.expect(&format!("journalctl --quiet --boot --output=cat --unit={unit}"))?;
    if journal.contains(what) {
        return Ok(());
    }
    Err(Failure::with_output(format!("{unit} did not say `{what}`"), journal))
}

/// Fails unless seen and expected are the same.
fn same(what: &str, seen: &str, expected: &str) -> Outcome {
    if seen == expected {
        return Ok(());
    }
    Err(Failure::new(format!("{what}:\n{}\n\nand not:\n{}", seen.trim_end(), expected.trim_end())))
}
