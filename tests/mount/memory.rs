//! What memory a run takes: as much for a long plan as for a short one.

use state_schema::Entry;
use state_tests::scene::{Scene, directory, persistent};
use state_tests::tracer::{Action, Call, Watch, trace};
use syscalls::Sysno;

use crate::Case;

/// Only of the program itself on the kernel that there is: an emulator or a tracer has memory of its own.
pub(crate) const CASES: &[Case] = &[("memory::does_not_grow_with_the_plan", does_not_grow_with_the_plan)];

/// Most KiB that a plan of [`LONG`] entries may take more than one of [`SHORT`].
const MOST: u64 = 64;
const SHORT: usize = 10;
const LONG: usize = 5000;

/// How many entries lie in one that they are counted with.
const GROUP: usize = 100;

fn does_not_grow_with_the_plan() {
    let [short, long] = [SHORT, LONG].map(|count| {
        let scene = Scene::in_directory(&format!("of-{count}"));
        let entries: Vec<Entry<'static>> = (0..count)
            .map(|number| {
                // Inside a hundred others: the kernel takes the longer for a mount the more there are beside it.
                let (group, member) = (number / GROUP, number % GROUP);
                let path = format!("/srv/{group:02}");
                let path = if member == 0 { path } else { format!("{path}/package-{member:02}") };
                scene.add_directory(&path);
                persistent(directory(path.leak()))
            })
            .collect();
        scene.plan(&entries);
        // A first boot, which seeds them all and keeps the blob, and one that finds them.
        ["first-boot", "same"].map(|event| {
            let mut peak = Peak::default();
            let ended = trace(&mut scene.command(), &mut peak);
            let applied = scene.applied(ended.status.unwrap(), ended.stderr).expect(0);
            assert_eq!(applied.report["event"], event);
            assert_eq!(applied.report["entries"].as_array().unwrap().len(), count);
            scene.reboot();
            peak.kib
        })
    });
    for (boot, (short, long)) in short.into_iter().zip(long).enumerate() {
        assert!(
            short > 0 && long.abs_diff(short) <= MOST,
            "boot {boot}: {SHORT} entries took {short} KiB, {LONG} took {long} KiB"
        );
    }
}

/// The most memory that a program had resident at once, as it is about to end.
#[derive(Default)]
struct Peak {
    kib: u64,
}

impl Watch for Peak {
    fn enter(&mut self, call: &Call) -> Action {
        if call.number() == Sysno::exit_group {
            self.kib = call.peak_memory();
        }
        Action::Pass
    }
}
