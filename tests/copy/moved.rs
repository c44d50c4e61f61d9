//! Trees that somebody changes while they are copied.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use rustix::fs::{CWD, RenameFlags, renameat_with};
use state_schema::{Entry, OnFailure};
use state_tests::scene::{Scene, directory, mount_tmpfs, persistent};

use crate::Case;

pub(crate) const CASES: &[Case] = &[("moved::directories_lead_nowhere_else", directories_lead_nowhere_else)];

/// A directory that is being copied is moved out of the tree: from there, `..` leads outside.
fn directories_lead_nowhere_else() {
    let scene = Scene::new();
    scene.add_directory("/srv");
    // Writable for us, while the program sees it in its root.
    let top = scene.root("/srv");
    mount_tmpfs(&top);
    let at = |name: &str| top.join(name);
    fs::create_dir_all(at("tree/inner")).unwrap();
    fs::create_dir_all(at("outside/inner")).unwrap();
    for number in 0..200 {
        fs::write(at(&format!("tree/inner/{number}")), "inside").unwrap();
        fs::create_dir(at(&format!("tree/inner/directory-{number}"))).unwrap();
        fs::write(at(&format!("outside/secret-{number}")), "outside").unwrap();
        fs::write(at(&format!("tree/{number}")), "inside").unwrap();
    }
    let tree = Entry { on_failure: OnFailure::Skip, ..persistent(directory("/srv/tree")) };
    scene.plan(&[tree]);
    let ended = AtomicBool::new(false);
    let (mut changed, mut whole) = (0, 0);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !ended.load(Ordering::Relaxed) {
                let [one, other] = [at("tree/inner"), at("outside/inner")];
                renameat_with(CWD, &one, CWD, &other, RenameFlags::EXCHANGE).unwrap();
            }
        });
        for _ in 0..300 {
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
            let seeded = scene.data("slots/A/tree/srv/tree");
            let names: Vec<_> = fs::read_dir(&seeded)
                .into_iter()
                .flatten()
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .collect();
            assert!(names.iter().all(|name| !name.starts_with("secret")), "{names:?}");
            let _ = nix::mount::umount2(&scene.root("/srv/tree"), nix::mount::MntFlags::MNT_DETACH);
            let _ = fs::remove_dir_all(&seeded);
        }
        ended.store(true, Ordering::Relaxed);
    });
    assert!(changed > 0 && whole > 0, "nothing was moved at the right moment: {changed}, {whole}");
}
