//! Disks that really are full, read-only or not there: ext4 on loop devices, which go with the namespace.

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::Command;

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sys::statvfs::statvfs;
use state_schema::OnSysDataFailure::{self, Degrade, Fail};
use state_schema::{Entry, How, Lifetime, OnFailure};

use crate::device::{Device, entries};
use crate::tree::Tree;
use crate::visible::Visible;

/// A case: its name, and what it does in its namespaces.
type Case = (&'static str, fn());

pub(crate) const CASES: &[Case] = &[
    ("full", || run_out(Degrade, fill_blocks)),
    ("full_or_none", || run_out(Fail, fill_blocks)),
    ("out_of_inodes", || run_out(Degrade, fill_inodes)),
    ("out_of_inodes_or_none", || run_out(Fail, fill_inodes)),
    ("read_only_is_left_alone", || read_only_disk_is_left_alone(Degrade)),
    ("read_only_is_left_alone_or_none", || read_only_disk_is_left_alone(Fail)),
    ("absent_is_not_replaced_by_a_directory", || absent_disk_is_not_replaced_by_a_directory(Degrade)),
    ("absent_is_not_replaced_by_a_directory_or_none", || absent_disk_is_not_replaced_by_a_directory(Fail)),
];

/// Bytes of a block of the disk.
const BLOCK: usize = 1024;

/// How many blocks or inodes more are left each time.
const STEP: u64 = 6;

/// A device whose data partition is a new ext4, small enough to be filled.
fn device_with_disk(on_sys_data_failure: OnSysDataFailure) -> Device {
    let device = Device::new(on_sys_data_failure);
    mount_new_disk(&device);
    device
}

fn image_of_disk(device: &Device) -> PathBuf {
    device.scene.data("../disk")
}

/// Starts the next boot with an empty disk.
fn mount_new_disk(device: &Device) {
    let image = image_of_disk(device);
    let _ = fs::remove_file(&image);
    fs::File::create(&image).and_then(|file| file.set_len(8 << 20)).expect("a file for the disk");
    // No blocks are reserved for root, who `stated` is.
    run(Command::new("mkfs.ext4").args(["-q", "-b", "1024", "-m", "0", "-N", "256"]).arg(&image));
    umount2(&device.scene.data(""), MntFlags::MNT_DETACH).expect("umount");
    run(Command::new("mount").args(["-o", "loop"]).arg(&image).arg(device.scene.data("")));
    device.scene.reboot();
}

fn run(command: &mut Command) {
    let output = command.output().expect("a program of the system");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Leaves so many free blocks.
fn fill_blocks(device: &Device, free: u64) {
    let mut ballast = fs::File::create(device.scene.data("ballast/file")).expect("a file");
    // The file's own index takes blocks too, so it grows a block at a time towards the end.
    loop {
        let left = statvfs(&device.scene.data("")).expect("statvfs").blocks_available();
        let Some(more @ 1..) = left.checked_sub(free) else { break };
        let blocks = usize::try_from(more / 2).expect("a small disk").max(1);
        if ballast.write_all(&vec![1; blocks * BLOCK]).and_then(|()| ballast.sync_all()).is_err() {
            break;
        }
    }
}

/// Leaves so many free inodes.
fn fill_inodes(device: &Device, free: u64) {
    let left = statvfs(&device.scene.data("")).expect("statvfs").files_free();
    for number in free..left {
        fs::write(device.scene.data(&format!("ballast/{number}")), "").expect("a file");
    }
}

/// Boots with more and more room, until there is enough. After each time, room is made, and the next boot has to find
/// what it needs.
fn run_out(on_sys_data_failure: OnSysDataFailure, fill: fn(&Device, u64)) {
    let device = device_with_disk(on_sys_data_failure);
    let reference = device.boot();
    let mut trials = 0;
    loop {
        mount_new_disk(&device);
        fs::create_dir(device.scene.data("ballast")).expect("mkdir");
        fill(&device, trials * STEP);
        let before = Tree::of(&device.scene.data(""));
        let applied = device.try_boot();
        let told = format!("with {} left: {}{:#}", trials * STEP, applied.stderr, applied.report);
        let visible = Visible {
            slot: "A",
            entries: &device.entries,
            before: &before,
            after: &reference.data,
            afresh: &[],
        };
        visible.check(&Tree::of(&device.scene.data(""))).unwrap_or_else(|what| panic!("{what}\n{told}"));
        device.scene.reboot();
        fs::remove_dir_all(device.scene.data("ballast")).expect("rm");
        device.boot().expect_same_system(&reference).unwrap_or_else(|what| panic!("{what}\n{told}"));
        match applied.status {
            0 => break,
            3 | 4 if applied.stderr.contains("ENOSPC") => trials += 1,
            _ => panic!("{told}"),
        }
    }
    assert!(trials > 5, "it never was full");
}

/// A plan that can do without sys-data.
fn plan_without_need(device: &mut Device) {
    let degrade = |entry| Entry { on_failure: OnFailure::Degrade, ..entry };
    device.plan(entries().into_iter().map(degrade).collect());
}

fn read_only_disk_is_left_alone(on_sys_data_failure: OnSysDataFailure) {
    let mut device = device_with_disk(on_sys_data_failure);
    plan_without_need(&mut device);
    let _ = device.boot();
    fs::write(device.scene.root("/var/own"), "the user's").expect("a file");
    device.scene.reboot();
    let before = Tree::of(&device.scene.data(""));
    remount(&device, MsFlags::MS_RDONLY);
    boot_without(&device, on_sys_data_failure, "EROFS");
    assert_eq!(Tree::of(&device.scene.data("")).difference(&before), "");
    device.scene.reboot();
    remount(&device, MsFlags::empty());
    let _ = device.boot();
    assert_eq!(fs::read_to_string(device.scene.root("/var/own")).expect("it was kept"), "the user's");
}

fn absent_disk_is_not_replaced_by_a_directory(on_sys_data_failure: OnSysDataFailure) {
    let mut device = Device::new(on_sys_data_failure);
    plan_without_need(&mut device);
    umount2(&device.scene.data(""), MntFlags::MNT_DETACH).expect("umount");
    boot_without(&device, on_sys_data_failure, "nothing is mounted there");
    assert_eq!(fs::read_dir(device.scene.data("")).expect("the directory below").count(), 0);
}

/// Boots without sys-data, for this reason, as the image wants it.
fn boot_without(device: &Device, on_sys_data_failure: OnSysDataFailure, reason: &str) {
    let applied = device.try_boot();
    assert!(applied.stderr.contains(reason), "{}", applied.stderr);
    if on_sys_data_failure == Fail {
        let applied = applied.expect(4);
        assert!(applied.report["entries"].as_array().is_some_and(Vec::is_empty), "{:#}", applied.report);
        return;
    }
    let applied = applied.expect(3);
    assert_eq!(applied.report["event"], "degraded");
    for entry in device.entries.iter().filter(|entry| matches!(entry.lifetime, Lifetime::Persistent(_))) {
        let is_link = matches!(entry.how, How::Symlink { .. });
        applied.expect_outcome(entry.path.as_str(), if is_link { "linked" } else { "degraded" });
    }
    // It has what it has on a first boot, and is writable.
    assert_eq!(fs::read_to_string(device.scene.root("/etc/serial")).expect("a file"), "none\n");
    fs::write(device.scene.root("/var/lib/app/new"), "").expect("a file");
}

fn remount(device: &Device, flags: MsFlags) {
    let none = None::<&str>;
    mount(none, &device.scene.data(""), none, MsFlags::MS_REMOUNT | flags, none).expect("a remount");
}
