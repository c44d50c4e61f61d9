//! Owners of entries, by who there is in a trial.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use state_tests::scene::bind;

use crate::Case;
use crate::host::{Host, Person};

pub(crate) const CASES: &[Case] = &[
    ("owners::only_root_exists_without_subordinate_ids", only_root_exists_without_subordinate_ids),
    ("owners::subordinate_ids_make_the_others", subordinate_ids_make_the_others),
    ("owners::a_helper_that_fails_leaves_root", a_helper_that_fails_leaves_root),
];

const OWNER: &str = "stat -c %u:%g:%a /var/lib/service";
const NOTE: &str = "note: only root exists here, so it owns /var/lib/service too; with a range for you";

fn only_root_exists_without_subordinate_ids(host: &Host) {
    with_subordinate_ids(host, "somebody:300000:65536\n", || {
        let tried = host.sh(&[], OWNER).expect(0);
        assert_eq!(tried.stdout, if host.person == Person::Root { "101:102:750\n" } else { "0:0:750\n" });
        assert_eq!(tried.stderr.contains(NOTE), host.person == Person::User, "{}", tried.stderr);
    });
}

fn subordinate_ids_make_the_others(host: &Host) {
    with_subordinate_ids(host, "nobody:300000:65536\n", || {
        let tried = host.sh(&["--state", "state"], OWNER).expect(0);
        assert_eq!((tried.stdout.as_str(), tried.stderr.contains("note")), ("101:102:750\n", false));
        let metadata = fs::metadata(host.path("state/slots/A/tree/var/lib/service")).unwrap();
        assert_eq!(metadata.uid(), if host.person == Person::Root { 101 } else { 300_100 });
    });
}

fn a_helper_that_fails_leaves_root(host: &Host) {
    with_subordinate_ids(host, "nobody:300000:65536\n", || {
        with_all_bound(Path::new("/bin/false"), ["/usr/bin/newuidmap", "/usr/bin/newgidmap"], || {
            let tried = host.sh(&[], OWNER).expect(0);
            assert_eq!(tried.stderr.contains(NOTE), host.person == Person::User, "{}", tried.stderr);
        });
    });
}

/// Does something on a host that gives these ids away.
fn with_subordinate_ids(host: &Host, registry: &str, work: impl FnOnce()) {
    let file = host.path("registry");
    fs::write(&file, registry).unwrap();
    with_all_bound(&file, ["/etc/subuid", "/etc/subgid"], work);
}

fn with_all_bound(file: &Path, places: [&str; 2], work: impl FnOnce()) {
    for place in places {
        bind(file, Path::new(place));
    }
    work();
    for place in places {
        nix::mount::umount(place).unwrap();
    }
}
