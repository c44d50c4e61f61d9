//! Trees that somebody changes while they are copied.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use rustix::fs::{CWD, RenameFlags, renameat_with};
use state_schema::{Entry, OnFailure};
use state_tests::scene::{Scene, directory, persistent};

use crate::Case;

pub(crate) const CASES: &[Case] = &[("moved::directories_lead_nowhere_else", directories_lead_nowhere_else)];

/// Tells a thread to end, however this one ends.
struct End<'e>(&'e AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A directory that is being copied is moved out of the tree: from there, `..` leads outside.
fn directories_lead_nowhere_else() {
    let scene = Scene::new();
    let at = |name: &str| scene.image(&format!("/srv/{name}"));
    fs::create_dir_all(at("tree/inner")).unwrap();
    fs::create_dir_all(at("outside/inner")).unwrap();
    for number in 0..200 {
        fs::create_dir(at(&format!("tree/inner/{number}"))).unwrap();
        fs::write(at(&format!("tree/{number}")), "inside").unwrap();
        fs::write(at(&format!("outside/secret-{number}")), "outside").unwrap();
    }
    let tree = Entry { on_failure: OnFailure::Skip, ..persistent(directory("/srv/tree")) };
    scene.plan(&[tree]);
    let ended = AtomicBool::new(false);
    let (mut changed, mut whole) = (0, 0);
    thread::scope(|scope| {
        let _end = End(&ended);
        scope.spawn(|| {
            let [one, other] = [at("tree/inner"), at("outside/inner")];
            while !ended.load(Ordering::Relaxed) {
                renameat_with(CWD, &one, CWD, &other, RenameFlags::EXCHANGE).unwrap();
            }
        });
        while changed < 5 || whole < 5 {
            let applied = scene.apply();
            match applied.status {
                0 => whole += 1,
                3 => {
                    let reason = applied.entry("/srv/tree")["reason"].as_str().unwrap();
                    assert!(reason.ends_with(": it changes while it is copied"), "{reason}");
                    changed += 1;
                }
                status => panic!("{status}: {}", applied.stderr),
            }
            scene.reboot();
            let seeded = scene.data("slots/A/tree/srv/tree");
            if applied.status == 0 {
                let names = fs::read_dir(&seeded).unwrap().map(|entry| entry.unwrap().file_name());
                assert!(!names.into_iter().any(|name| name.to_string_lossy().starts_with("secret")));
                fs::remove_dir_all(&seeded).unwrap();
            }
            assert!(changed + whole < 500, "it never came to both: {changed}, {whole}");
        }
    });
}
