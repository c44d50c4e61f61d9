//! What makes a trial impossible, and what is said then.

use std::fs;
use std::process::Command;

use crate::Case;
use crate::host::Host;

pub(crate) const CASES: &[Case] = &[
    ("refused::input_that_is_none", input_that_is_none),
    ("refused::a_slot_that_the_image_has_not", a_slot_that_the_image_has_not),
    ("refused::a_directory_that_holds_no_state", a_directory_that_holds_no_state),
    ("refused::a_root_without_run", a_root_without_run),
    ("refused::state_that_the_applier_refuses", state_that_the_applier_refuses),
    ("refused::a_host_without_user_namespaces", a_host_without_user_namespaces),
];

fn refused(host: &Host, arguments: &[&str], said: &str) {
    let all = [&["try"], arguments, &["--", "sh", "-c", "echo the command ran"]].concat();
    let tried = host.statec(&all).expect(125);
    assert_eq!((tried.stdout.as_str(), tried.stderr.as_str()), ("", format!("statec: {said}\n").as_str()));
}

fn input_that_is_none(host: &Host) {
    let absent = "No such file or directory (os error 2)";
    refused(host, &["absent", "--rootfs", "image"], &format!("cannot read absent: {absent}"));
    refused(
        host,
        &["fragment.yaml", "--rootfs", "image"],
        "fragment.yaml: this is no control blob (at byte 0)",
    );
    let no_directory = "is not a directory: give the root of the image's tree";
    refused(host, &["blob", "--rootfs", "absent"], &format!("absent {no_directory}"));
    refused(host, &["blob", "--rootfs", "blob"], &format!("blob {no_directory}"));
}

fn a_slot_that_the_image_has_not(host: &Host) {
    let said = "the image has no slot `C\\u{1b}`: its slots are A, B";
    refused(host, &["blob", "--rootfs", "image", "--slot", "C\u{1b}"], said);
}

fn a_directory_that_holds_no_state(host: &Host) {
    let state = host.path("image/etc");
    let said = "image/etc holds something other than state: give a directory that is new or empty, or one of an earlier trial";
    refused(host, &["blob", "--rootfs", "image", "--state", "image/etc"], said);
    assert!(!state.join("version").exists());
    refused(
        host,
        &["blob", "--rootfs", "image", "--state", "absent/state"],
        "cannot keep state in absent/state: No such file or directory (os error 2)",
    );
    let said = "cannot keep state in blob: Not a directory (os error 20)";
    refused(host, &["blob", "--rootfs", "image", "--state", "blob"], said);
}

fn a_root_without_run(host: &Host) {
    let said = "the rootfs has no directory /run, and no system runs without";
    fs::create_dir(host.path("bare")).unwrap();
    refused(host, &["blob", "--rootfs", "bare"], said);
    std::os::unix::fs::symlink("/run", host.path("bare/run")).unwrap();
    refused(host, &["blob", "--rootfs", "bare"], said);
}

fn state_that_the_applier_refuses(host: &Host) {
    fs::create_dir(host.path("state")).unwrap();
    fs::write(host.path("state/version"), "2\n").unwrap();
    let tried = host.sh(&["--state", "state"], "echo the command ran").expect(125);
    assert_eq!(tried.stdout, "");
    tried.expect_said("stated: cannot use sys-data of the layout in version");
    tried.expect_said("\nstatec: nothing usable was applied: a device would boot its other slot\n");
}

fn a_host_without_user_namespaces(host: &Host) {
    // Root without privileges, in a namespace that allows no further one.
    let script = "echo 0 >/proc/sys/user/max_user_namespaces
        exec setpriv --bounding-set=-all --inh-caps=-all ./statec try blob --rootfs image";
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "sh", "-c", script]).current_dir(host.path(""));
    let tried = host.tried(command.output().unwrap()).expect(125);
    assert_eq!(
        tried.stderr,
        "statec: cannot make namespaces: ENOSPC: No space left on device; this host allows no user namespaces: raise the \
         sysctl user.max_user_namespaces, or run statec as root\n"
    );
}
