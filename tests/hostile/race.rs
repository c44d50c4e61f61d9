//! A service that is not yet gone: places change while the program runs.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use state_tests::guard::OTHER;

use crate::Case;
use crate::target::Target;

pub(crate) const CASES: &[Case] =
    &[("race::directory_and_symlink_trade_places", directory_and_symlink_trade_places)];

/// What trades places, and with links to what.
const PLACES: [(&str, &str); 6] = [
    ("slots/A/tree/etc", "directory"),
    ("slots/A/tree/var/lib", "directory/lib"),
    ("slots/A/tree/var/lib/app", "directory/lib/app"),
    ("slots/A/tree/var/lib/keys", "directory"),
    ("slots/A/tree/etc/conf", "file"),
    ("common/tree/srv/shared", "directory"),
];

/// Boots for each place.
const RUNS: usize = 60;

/// Boots before sys-data starts afresh.
const LIFE: usize = 10;

fn directory_and_symlink_trade_places() -> usize {
    let target = Target::new();
    let traded = Arc::new(AtomicUsize::new(0));
    for (place, to) in PLACES {
        let at = target.scene.data(place);
        for life in 0..RUNS / LIFE {
            let outside = target.renew();
            let to = if life % 2 == 0 { outside.directory().join("..").join(to) } else { outside.near(to) };
            let done = Arc::new(AtomicBool::new(false));
            let racer = std::thread::spawn({
                let (at, done, traded) = (at.clone(), Arc::clone(&done), Arc::clone(&traded));
                move || trade(&at, &to, &done, &traded)
            });
            for _ in 0..LIFE {
                let _ = target.apply(&format!("a race for {place}"), &outside);
                target.scene.reboot();
            }
            done.store(true, Ordering::Relaxed);
            racer.join().unwrap();
        }
    }
    let traded = traded.load(Ordering::Relaxed);
    assert!(traded > 10 * PLACES.len() * RUNS, "only {traded} trades: this was no race");
    PLACES.len() * RUNS
}

/// Trades what is at `at` for a link to `to`, and back, as fast as it goes. Where one of them is gone, since it
/// was moved aside, there is soon another.
fn trade(at: &PathBuf, to: &PathBuf, done: &AtomicBool, traded: &AtomicUsize) {
    let mut other = at.clone().into_os_string();
    other.push(OTHER);
    let other = PathBuf::from(other);
    while !done.load(Ordering::Relaxed) {
        match renameat_with(CWD, at, CWD, &other, RenameFlags::EXCHANGE) {
            Ok(()) => _ = traded.fetch_add(1, Ordering::Relaxed),
            Err(_) if other.symlink_metadata().is_err() => _ = symlink(to, &other),
            // The program makes what is missing at its own place, or the next boot does.
            Err(_) => _ = fs::create_dir_all(at.parent().unwrap()),
        }
    }
}
