//! Boots that are disturbed.

use std::fs;

use state_schema::OnSysDataFailure;

use crate::device::{Device, entries};

/// A boot that is disturbed, and what was before it.
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    /// What the image wants when sys-data cannot be used.
    pub(crate) on_sys_data_failure: OnSysDataFailure,
    /// The slot that boots.
    pub(crate) slot: &'static str,
    /// Brings sys-data and the image to where they are before that boot.
    pub(crate) prepare: fn(&mut Device),
    /// Who boots after that, to find everything as it was.
    pub(crate) back: Option<Back>,
    /// Entries that begin afresh, so that their state goes before there is another.
    pub(crate) afresh: &'static [&'static str],
}

/// The image and the slot that an update came from.
pub(crate) struct Back {
    pub(crate) image: &'static str,
    pub(crate) slot: &'static str,
}

const fn scenario(name: &'static str, prepare: fn(&mut Device)) -> Scenario {
    Scenario {
        name,
        on_sys_data_failure: OnSysDataFailure::Degrade,
        slot: "A",
        prepare,
        back: None,
        afresh: &[],
    }
}

pub(crate) const SCENARIOS: &[Scenario] = &[
    scenario("first_boot", |_| {}),
    Scenario { on_sys_data_failure: OnSysDataFailure::Fail, ..scenario("first_boot_or_none", |_| {}) },
    scenario("same_boot", boot_and_use),
    scenario("leftovers", leave_leftovers),
    scenario("larger_plan", boot_with_less),
    Scenario { slot: "B", back: Some(OLD), ..scenario("update", update) },
    scenario("update_in_place", update),
    scenario("rollback", roll_back),
    Scenario { afresh: RESET, ..scenario("reset", ask_for_reset) },
];

/// One within the other, and one that is a file.
const RESET: &[&str] = &["/etc/shadow", "/srv/data", "/var", "/var/lib/app/plugins"];

const OLD: Back = Back { image: "image-1", slot: "A" };

/// A boot before, and a user who changed what persists.
fn boot_and_use(device: &mut Device) {
    let _ = device.boot();
    for path in
        ["/etc/machine-id", "/var/odd/own", "/var/lib/rauc/status", "/opt/tool", "/var/lib/app/plugins/own"]
    {
        fs::write(device.scene.root(path), "the user's").expect("a file");
    }
    fs::remove_file(device.scene.root("/var/odd/long")).expect("rm");
    fs::rename(device.scene.root("/var/odd/own"), device.scene.root("/etcrw/hostname"))
        .expect_err("other mounts");
    device.scene.reboot();
}

/// A boot before, a user who changed what persists, and an image that has changed as well.
fn update(device: &mut Device) {
    let _ = device.boot();
    device.change_all("the user's");
    device.scene.reboot();
    device.use_next_image();
}

/// An update into the other slot that was used, and is to be left.
fn roll_back(device: &mut Device) {
    update(device);
    device.scene.command_line("quiet sysota.slot=B");
    let _ = device.boot();
    device.change_all("the user's again");
    device.scene.use_image(OLD.image);
    device.scene.reboot();
}

/// A boot before, a user who changed what persists, and who wants to begin afresh in places, one within the other.
fn ask_for_reset(device: &mut Device) {
    let _ = device.boot();
    device.change_all("the user's");
    fs::write(device.scene.root("/etc/shadow"), "the user's").expect("a file");
    fs::write(device.scene.data("slots/A/reset"), RESET.join("\n") + "\n").expect("a wish");
    device.scene.reboot();
}

/// A boot before that ended anywhere: things of every kind in the work directory, under names that this boot uses.
fn leave_leftovers(device: &mut Device) {
    let tmp = device.scene.data("tmp");
    for directory in ["0/a/b/c", "13/odd", "A/tree", "deep/1/2/3/4"] {
        fs::create_dir_all(tmp.join(directory)).expect("mkdir");
    }
    for file in ["1", "5", "version", "0/a/half", "13/odd/setuid", "deep/1/2/3/4/file"] {
        fs::write(tmp.join(file), "half").expect("a file");
    }
    std::os::unix::fs::symlink("..", tmp.join("2")).expect("symlink");
}

/// A boot before of another build of the same image id, which asked for less.
fn boot_with_less(device: &mut Device) {
    let few = ["/var", "/var/log", "/etc/serial", "/etcrw"];
    device.plan(entries().into_iter().filter(|entry| few.contains(&entry.path.as_str())).collect());
    let _ = device.boot();
    fs::write(device.scene.root("/var/lib/own"), "the user's").expect("a file");
    device.scene.reboot();
    device.plan(entries());
}
