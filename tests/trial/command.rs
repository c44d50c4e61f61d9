//! What runs in a trial, and what is heard of its end.

use std::fs;
use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Stdio};
use std::thread::sleep;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::Case;
use crate::host::Host;

pub(crate) const CASES: &[Case] = &[
    ("command::its_exit_status_is_passed_on", its_exit_status_is_passed_on),
    ("command::a_shell_is_the_default", a_shell_is_the_default),
    ("command::what_cannot_run_is_said", what_cannot_run_is_said),
    ("command::another_architecture_is_said", another_architecture_is_said),
    ("command::what_it_leaves_running_ends_with_it", what_it_leaves_running_ends_with_it),
    ("command::it_ends_with_statec", it_ends_with_statec),
    ("command::it_ends_with_statec_at_any_time", it_ends_with_statec_at_any_time),
    ("command::a_key_that_interrupts_is_for_it", a_key_that_interrupts_is_for_it),
];

fn its_exit_status_is_passed_on(host: &Host) {
    for status in [0, 1, 7, 125, 255] {
        let _ = host.sh(&[], &format!("exit {status}")).expect(status);
    }
    let _ = host.sh(&[], "kill -TERM $$").expect(128 + 15);
    let _ = host.sh(&[], "kill -KILL $$").expect(128 + 9);
}

fn a_shell_is_the_default(host: &Host) {
    for (shell, used) in
        [("/bin/sh", "/bin/sh"), ("/usr/bin/zsh-of-the-host", "/bin/sh"), ("/bin/busybox", "/bin/busybox")]
    {
        let mut command = host.command();
        command.args(["try", "blob", "--rootfs", "image"]).env("SHELL", shell);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(b"echo $SHELL; exit 3\n").unwrap();
        let tried = host.tried(child.wait_with_output().unwrap());
        // busybox by its own name lists what it can do.
        let (status, said) = if used == "/bin/sh" { (3, "/bin/sh\n") } else { (0, "BusyBox") };
        assert!(tried.stdout.starts_with(said), "{}{}", tried.stdout, tried.stderr);
        let _ = tried.expect(status);
    }
}

fn what_cannot_run_is_said(host: &Host) {
    let run = |program| host.statec(&["try", "blob", "--rootfs", "image", "--", program]);
    run("absent").expect(127).expect_said("statec: the rootfs has no program absent\n");
    run("/bin/absent").expect(127).expect_said("statec: the rootfs has no program /bin/absent\n");
    run("no-program")
        .expect(126)
        .expect_said("statec: cannot run no-program: Permission denied (os error 13)\n");
}

fn another_architecture_is_said(host: &Host) {
    let run = |program| host.statec(&["try", "blob", "--rootfs", "foreign", "--", program]);
    copy_image(host);
    let place = host.path("foreign/bin/busybox");
    let mut program = fs::read(&place).unwrap();
    program[18..20].copy_from_slice(&0x1234_u16.to_le_bytes());
    fs::write(&place, program).unwrap();
    for program in ["sh", "/bin/sh"] {
        let tried = run(program).expect(126);
        tried.expect_said(&format!(
            "statec: cannot run {program}: it is a program for another architecture (ELF machine 4660), \
                                    and this host is x86_64; run it with qemu-user registered in binfmt_misc"
        ));
    }
    fs::write(&place, "sh?\n").unwrap();
    run("sh")
        .expect(126)
        .expect_said("cannot run sh: it is no program, and no script that starts with `#!`\n");
    fs::write(&place, "#!/bin/absent\n").unwrap();
    run("sh").expect(126).expect_said("cannot run sh: the rootfs lacks what it is started by");
}

fn copy_image(host: &Host) {
    let copied =
        std::process::Command::new("cp").arg("-a").args([host.path("image"), host.path("foreign")]).status();
    assert!(copied.unwrap().success());
}

fn what_it_leaves_running_ends_with_it(host: &Host) {
    let _ = host.sh(&[], "sleep 100 >/dev/null 2>&1 & exit 4").expect(4);
    // What ends before it, and is nobody's child any more, is not taken for it.
    let _ = host.sh(&[], "(sh -c 'sleep 0.1; exit 3' &); sleep 0.5; exit 4").expect(4);
    assert_eq!(host.processes(), 0);
}

fn it_ends_with_statec(host: &Host) {
    let script = "touch /run/mount/sysdata/ready; sleep 100";
    let mut command = host.command();
    command.args(["try", "blob", "--rootfs", "image", "--state", "state", "--", "sh", "-c", script]);
    let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    wait_until(|| host.path("state/ready").exists());
    assert_eq!(host.processes(), 1);
    kill_and_await_end(host, child);
}

fn it_ends_with_statec_at_any_time(host: &Host) {
    let mut command = host.command();
    command.args(["try", "blob", "--rootfs", "image", "--", "sleep", "100"]);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    // From the first moment of the process inside, when it has not done anything yet, until it has applied the blob.
    for delay in (0..40).map(|step| Duration::from_micros(250 * step)) {
        let child = command.spawn().unwrap();
        while host.processes() == 0 {}
        sleep(delay);
        kill_and_await_end(host, child);
    }
}

/// Kills a `statec` that waits for the process inside, which has to end by itself.
fn kill_and_await_end(host: &Host, mut statec: Child) {
    statec.kill().unwrap();
    statec.wait().unwrap();
    wait_until(|| host.processes() == 0);
}

fn a_key_that_interrupts_is_for_it(host: &Host) {
    let script = "trap 'exit 9' INT; touch /run/mount/sysdata/ready; while :; do sleep 0.1; done";
    let mut child = host
        .command()
        .args(["try", "blob", "--rootfs", "image", "--state", "state", "--", "sh", "-c", script])
        .process_group(0)
        .spawn()
        .unwrap();
    wait_until(|| host.path("state/ready").exists());
    // As a terminal does it: to all processes in the foreground.
    kill(Pid::from_raw(-i32::try_from(child.id()).unwrap()), Signal::SIGINT).unwrap();
    let mut status = None;
    wait_until(|| {
        status = child.try_wait().unwrap();
        status.is_some()
    });
    assert_eq!(status.unwrap().code(), Some(9));
}

fn wait_until(mut condition: impl FnMut() -> bool) {
    for _ in 0..600 {
        if condition() {
            return;
        }
        sleep(Duration::from_millis(50));
    }
    panic!("it did not come to that in half a minute");
}
