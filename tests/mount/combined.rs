//! Every kind of entry inside every kind, to a depth of three: that each has the image's content at first, and what
//! is written lasts as long as the entry itself says, whatever it lies in.

use std::fs;

use state_schema::{Entry, How, Lifetime, Seed, StatePath};
use state_tests::scene::{Scene, common, directory, file, persistent};

use crate::Case;

pub(crate) const CASES: &[Case] = &[
    ("combined::each_lasts_as_it_says", each_lasts_as_it_says),
    ("combined::second_run_finds_everything", second_run_finds_everything),
];

/// What a directory can be.
const DIRECTORIES: [(&str, Lasts, Make); 6] = [
    ("shared", Lasts::Boot, directory),
    ("sized", Lasts::Boot, |path| Entry {
        lifetime: Lifetime::Ephemeral { size: Some(1 << 20) },
        ..directory(path)
    }),
    ("overlay", Lasts::Boot, overlay),
    ("slot", Lasts::Slot, |path| persistent(directory(path))),
    ("common", Lasts::Always, |path| common(directory(path))),
    ("kept-overlay", Lasts::Slot, |path| persistent(overlay(path))),
];

/// What a file can be, the image's and one that the image has not.
const FILES: [(&str, Lasts, Make); 4] = [
    ("file", Lasts::Boot, file),
    ("new-file", Lasts::Boot, |path| Entry { seed: Seed::Text("factory"), ..file(path) }),
    ("kept-file", Lasts::Slot, |path| persistent(file(path))),
    ("new-kept-file", Lasts::Always, |path| Entry { seed: Seed::Text("factory"), ..common(file(path)) }),
];

type Make = fn(&'static str) -> Entry<'static>;

/// How long something lasts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lasts {
    Boot,
    Slot,
    Always,
}

/// A file to write to, and how long that lasts.
struct Probe {
    path: String,
    lasts: Lasts,
}

fn overlay(path: &'static str) -> Entry<'static> {
    Entry { how: How::Overlay, ..directory(path) }
}

/// A plan with all combinations, in an image that has what they need.
struct Combinations {
    scene: Scene,
    entries: Vec<Entry<'static>>,
    probes: Vec<Probe>,
}

impl Combinations {
    fn new() -> Self {
        let mut all = Self { scene: Scene::new(), entries: Vec::new(), probes: Vec::new() };
        for (outer, lasts, make) in DIRECTORIES {
            for (middle, middle_lasts, make_middle) in DIRECTORIES {
                let top = format!("/{outer}-{middle}");
                let inside = format!("{top}/deep/inside");
                all.add_directory(&top, lasts, make);
                all.add_directory(&inside, middle_lasts, make_middle);
                for (name, lasts, make) in DIRECTORIES {
                    all.add_directory(&format!("{inside}/{name}"), lasts, make);
                }
                for (name, lasts, make) in FILES {
                    let path = format!("{inside}/{name}");
                    if !name.starts_with("new") {
                        all.scene.add_file(&path, "factory");
                    }
                    all.add(path.clone(), path, lasts, make);
                }
                // The file lies in the directory, so it lasts as long as that.
                all.add_link(&format!("{outer}-{middle}"), &inside, middle_lasts);
            }
        }
        all.scene.plan(&all.entries);
        all
    }

    fn add_directory(&mut self, path: &str, lasts: Lasts, make: Make) {
        let probe = format!("{path}/probe");
        self.scene.add_file(&probe, "factory");
        self.add(path.to_owned(), probe, lasts, make);
    }

    fn add(&mut self, path: String, probe: String, lasts: Lasts, make: Make) {
        self.entries.push(make(path.leak()));
        self.probes.push(Probe { path: probe, lasts });
    }

    fn add_link(&mut self, name: &str, directory: &str, lasts: Lasts) {
        let path = format!("/links/{name}");
        let to: &str = format!("{directory}/linked").leak();
        self.scene.add_directory("/links");
        self.scene.add_file(&format!("/usr/share/factory{path}"), "factory");
        std::os::unix::fs::symlink(to, self.scene.image(&path)).unwrap();
        let how = How::Symlink { to: StatePath::new(to).unwrap() };
        self.entries.push(persistent(Entry { how, ..file(path.leak()) }));
        self.probes.push(Probe { path: to.to_owned(), lasts });
    }

    /// Applies the plan, every entry of which has to be `mounted`, or linked.
    fn apply(&self, mounted: &str) {
        let applied = self.scene.apply().expect(0);
        for (entry, said) in self.entries.iter().zip(self.reported(&applied.report)) {
            let expected = if matches!(entry.how, How::Symlink { .. }) { "linked" } else { mounted };
            assert_eq!(said, expected, "{}", entry.path);
        }
    }

    /// The outcomes of the entries, in their order here.
    fn reported<'r>(&self, report: &'r serde_json::Value) -> Vec<&'r str> {
        let all = report["entries"].as_array().unwrap();
        assert_eq!(all.len(), self.entries.len());
        let outcomes: std::collections::BTreeMap<_, _> = all
            .iter()
            .map(|entry| (entry["path"].as_str().unwrap(), entry["outcome"].as_str().unwrap()))
            .collect();
        self.entries.iter().map(|entry| outcomes[entry.path.as_str()]).collect()
    }

    /// Every probe holds `written` if it lasts as long as `lasts` accepts, else what the image has.
    fn expect(&self, written: &str, lasts: impl Fn(Lasts) -> bool) {
        for probe in &self.probes {
            let expected = if lasts(probe.lasts) { written } else { "factory" };
            let found = fs::read_to_string(self.scene.root(&probe.path));
            assert_eq!(found.ok().as_deref(), Some(expected), "{}", probe.path);
        }
    }

    fn write(&self, content: &str) {
        for probe in &self.probes {
            fs::write(self.scene.root(&probe.path), content).unwrap();
        }
    }
}

fn each_lasts_as_it_says() {
    let all = Combinations::new();
    assert_eq!(all.probes.len(), 36 * 13);
    all.apply("mounted");
    all.expect("", |_| false);
    all.write("in A");
    all.expect("in A", |_| true);

    all.scene.reboot();
    all.apply("mounted");
    all.expect("in A", |lasts| lasts != Lasts::Boot);

    all.scene.reboot();
    all.scene.command_line("sysota.slot=B");
    all.apply("mounted");
    all.expect("in A", |lasts| lasts != Lasts::Boot);
    all.write("in B");

    all.scene.reboot();
    all.scene.command_line("sysota.slot=A");
    all.apply("mounted");
    for probe in &all.probes {
        let expected = match probe.lasts {
            Lasts::Boot => "factory",
            Lasts::Slot => "in A",
            Lasts::Always => "in B",
        };
        assert_eq!(fs::read_to_string(all.scene.root(&probe.path)).unwrap(), expected, "{}", probe.path);
    }
}

fn second_run_finds_everything() {
    let all = Combinations::new();
    all.apply("mounted");
    all.write("written");
    let mounts = all.scene.mounts();
    all.apply("already-mounted");
    assert_eq!(all.scene.mounts(), mounts);
    all.expect("written", |_| true);
}
