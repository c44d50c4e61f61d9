//! What a fragment's author comes for: where the image is writable, and where not.

use std::fs;

use crate::Case;
use crate::host::Host;

pub(crate) const CASES: &[Case] = &[
    ("writes::paths_of_the_blob_are_writable", paths_of_the_blob_are_writable),
    ("writes::everything_else_is_read_only", everything_else_is_read_only),
    ("writes::root_cannot_lift_that", root_cannot_lift_that),
    ("writes::root_cannot_reach_devices_of_the_host", root_cannot_reach_devices_of_the_host),
    ("writes::the_boot_is_summed_up", the_boot_is_summed_up),
    ("writes::a_system_has_what_it_expects", a_system_has_what_it_expects),
    ("writes::nothing_of_the_host_is_seen", nothing_of_the_host_is_seen),
    ("writes::an_entry_that_fails_is_told", an_entry_that_fails_is_told),
    ("writes::an_entry_that_is_repaired_is_told", an_entry_that_is_repaired_is_told),
];

fn paths_of_the_blob_are_writable(host: &Host) {
    let script = "set -e; echo a >/var/log/x; echo b >/var/lib/service/x; echo c >>/etc/app.conf; echo d >/tmp/x; \
                  echo e >/etc/overlaid/above; cat /var/log/x /var/lib/service/x /etc/app.conf /tmp/x /etc/overlaid/*";
    let tried = host.sh(&[], script).expect(0);
    assert_eq!(tried.stdout, "a\nb\nfactory\nc\nd\ne\nfactory\n");
}

fn everything_else_is_read_only(host: &Host) {
    for place in ["/x", "/etc/x", "/var/x", "/bin/x", "/sys/x"] {
        let tried = host.sh(&[], &format!("touch {place}")).expect(1);
        tried.expect_said(&format!("touch: {place}: Read-only file system"));
    }
}

fn root_cannot_lift_that(host: &Host) {
    // As boot scripts do. It would reach the image's tree.
    for options in ["remount,rw", "remount,rw,bind"] {
        let tried = host.sh(&[], &format!("mount -o {options} / || exit 5")).expect(5);
        assert!(tried.stderr.contains("mount: "), "{}", tried.stderr);
    }
    let _ = host.sh(&[], "umount /var/log && exit 6; exit 5").expect(5);
    // What the host has, so that a failure of this test changes nothing.
    let setting = "/proc/sys/vm/overcommit_memory";
    let _ = host.sh(&[], &format!("x=$(cat {setting}); echo $x >{setting} || exit 5")).expect(5);
    let _ = host.sh(&[], "mount -t tmpfs x /tmp && touch /tmp/x").expect(0);
}

fn root_cannot_reach_devices_of_the_host(host: &Host) {
    let _ = host.sh(&[], "mknod /tmp/x b 8 0 && exit 6; exit 5").expect(5);
}

fn the_boot_is_summed_up(host: &Host) {
    let tried = host.sh(&[], "cat /run/sysota/report.json").expect(0);
    // Who measures coverage hears of counters that have no place to be written to.
    let others = ["statec: note: only root", "LLVM Profile Error"];
    assert_eq!(
        tried.stderr.lines().filter(|line| !others.iter().any(|of| line.starts_with(of))).collect::<Vec<_>>(),
        [
            "statec: slot A of `image-1`, first-boot: 5 as planned",
            "  mounted  persistent /etc/app.conf, seeded",
            "  mounted  persistent /etc/overlaid, seeded",
            "  mounted  ephemeral  /tmp, seeded",
            "  mounted  persistent /var/lib/service, seeded",
            "  mounted  persistent /var/log, seeded",
        ]
    );
    let report: serde_json::Value = serde_json::from_str(&tried.stdout).unwrap();
    assert_eq!(report["status"], 0);
}

fn a_system_has_what_it_expects(host: &Host) {
    let script = "set -e; echo >/dev/null; ls -d /proc/self/fd /sys/kernel /dev/shm /run/mount/sysdata/slots/A; \
                  touch /dev/shm/x /run/x; stat -c %a /tmp /run /dev; cat /proc/1/cmdline";
    let tried = host.sh(&[], script).expect(0);
    assert!(
        tried.stdout.starts_with(
            "/dev/shm\n/proc/self/fd\n/run/mount/sysdata/slots/A\n/sys/kernel\n1777\n755\n755\n"
        )
    );
    assert!(
        tried.stdout.contains("try-inside"),
        "the processes of the host are out of sight: {}",
        tried.stdout
    );
}

fn nothing_of_the_host_is_seen(host: &Host) {
    let tried = host.sh(&[], "env; ls -d /mnt /home; ls /tmp").expect(0);
    assert!(!tried.stdout.contains("SECRET") && tried.stdout.contains("TERM=vt100"), "{}", tried.stdout);
    assert!(tried.stdout.contains("HOME=/root\n") && !tried.stdout.contains("/mnt\n"), "{}", tried.stdout);
}

fn an_entry_that_is_repaired_is_told(host: &Host) {
    // State that a compromised service has left: a link where the directory should be.
    let _ = host.sh(&["--state", "state"], "true").expect(0);
    let place = host.path("state/slots/A/tree/var/log");
    fs::remove_dir(&place).unwrap();
    std::os::unix::fs::symlink("/etc", &place).unwrap();
    let tried = host.sh(&["--state", "state"], "echo x >/var/log/x; ls /etc").expect(0);
    tried.expect_said("slot A of `image-1`, same: 5 as planned\n");
    tried.expect_said("stated: /var/log: repaired: ");
    tried.expect_said("  mounted  persistent /var/log, seeded");
    assert_eq!(tried.stdout, "app.conf\noverlaid\n");
}

fn an_entry_that_fails_is_told(host: &Host) {
    let _ = host.sh(&["--state", "state"], "true").expect(0);
    // More of it than is kept, so that nothing can be moved aside any more.
    let (place, replaced) = (host.path("state/slots/A/tree/var/log"), host.path("state/slots/A/replaced"));
    fs::remove_dir(&place).unwrap();
    std::os::unix::fs::symlink("/etc", &place).unwrap();
    fs::create_dir(&replaced).unwrap();
    for number in 0..16 {
        fs::write(replaced.join(format!("var:log.{number}")), "").unwrap();
    }
    let tried = host.sh(&["--state", "state"], "echo x >/var/log/x; ls /etc").expect(0);
    tried.expect_said("slot A of `image-1`, same: 4 as planned, 1 not\n");
    tried.expect_said("stated: /var/log: degraded: ");
    tried.expect_said("  degraded persistent /var/log");
    assert_eq!(tried.stdout, "app.conf\noverlaid\n");
}
