//! What persists between trials.

use std::fs;

use crate::Case;
use crate::host::Host;

pub(crate) const CASES: &[Case] = &[
    ("state::is_gone_without_a_directory", is_gone_without_a_directory),
    ("state::is_kept_in_a_directory", is_kept_in_a_directory),
    ("state::other_slot_goes_on_with_a_copy", other_slot_goes_on_with_a_copy),
];

const APPEND: &str = "echo x >>/var/log/x; echo x >>/tmp/x; cat /var/log/x /tmp/x";

fn is_gone_without_a_directory(host: &Host) {
    for _ in 0..2 {
        assert_eq!(host.sh(&[], APPEND).expect(0).stdout, "x\nx\n");
    }
}

fn is_kept_in_a_directory(host: &Host) {
    let first = host.sh(&["--state", "state"], APPEND).expect(0);
    let second = host.sh(&["--state", "state"], APPEND).expect(0);
    first.expect_said("slot A of `image-1`, first-boot");
    second.expect_said("slot A of `image-1`, same");
    assert_eq!(
        (first.stdout.as_str(), second.stdout.as_str()),
        ("x\nx\n", "x\nx\nx\n"),
        "the log, and not /tmp"
    );
    assert_eq!(fs::read_to_string(host.path("state/slots/A/tree/var/log/x")).unwrap(), "x\nx\n");
}

fn other_slot_goes_on_with_a_copy(host: &Host) {
    let _ = host.sh(&["--state", "state", "--slot", "A"], APPEND).expect(0);
    let other = host.sh(&["--state", "state", "--slot", "b"], APPEND).expect(0);
    other.expect_said("slot B of `image-1`, update");
    assert_eq!(other.stdout, "x\nx\nx\n", "the log goes on, and /tmp begins anew");
    let again = host.sh(&["--state", "state"], "cat /var/log/x").expect(0);
    again.expect_said("slot A of `image-1`, rollback");
    assert_eq!(again.stdout, "x\n", "what the other slot wrote is not there");
}
