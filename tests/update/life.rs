//! Twenty devices, each with a life of its own: installed, booted, used, crashed, rolled back, at random. A model of the
//! device says what must be there after each step.

use std::collections::BTreeMap;
use std::fs;

use state_schema::{BLOB_PATH, Entry, OnUpdate};
use state_tests::scene::{Scene, common, directory, persistent, updated};

use crate::Case;
use crate::killed::kill_at;
use crate::merged::conflicts;
use crate::model::{Conflicts, merge};
use crate::random::Random;
use crate::tree::{Node, remove};

pub(crate) const CASES: &[Case] = &[("life::of_twenty_devices", of_twenty_devices)];

const IMAGES: [&str; 3] = ["image-1", "image-2", "image-3"];
const SLOTS: [&str; 2] = ["A", "B"];
const ENTRIES: [&str; 3] = ["/carry", "/merge", "/reset"];
const STEPS: usize = 14;

fn entries() -> [Entry<'static>; 4] {
    [
        persistent(directory("/carry")),
        updated(OnUpdate::Merge, directory("/merge")),
        updated(OnUpdate::Reset, directory("/reset")),
        common(directory("/common")),
    ]
}

/// Calls at which the program is killed. Most are made many times on the way; the last four late, after the state is in
/// its place.
const CALLS: [&str; 14] = [
    "openat2",
    "mkdirat",
    "renameat2",
    "syncfs",
    "write",
    "fchownat",
    "unlinkat",
    "fchmod",
    "newfstatat",
    "utimensat",
    "pwrite64",
    "fdatasync",
    "move_mount",
    "mount_setattr",
];

type Trees = BTreeMap<&'static str, Node>;

#[derive(Clone)]
struct State {
    image: usize,
    trees: Trees,
    /// How many transitions had been made.
    made: u64,
    /// The event that nobody was told yet.
    untold: Option<&'static str>,
    is_stale: bool,
}

/// What must be on the device.
struct Model {
    images: Vec<Trees>,
    installed: [usize; 2],
    states: [Option<State>; 2],
    last: Option<usize>,
    common: Option<Node>,
    made: u64,
}

impl Model {
    /// What a boot of this slot does to its state before anything is mounted, with its event and conflicts.
    fn transition(&mut self, slot: usize) -> (&'static str, Vec<(String, String)>) {
        let image = self.installed[slot];
        let told = |conflicts: Conflicts| {
            let mut told: Vec<_> =
                conflicts.into_iter().map(|(path, word)| (path, word.to_owned())).collect();
            told.sort();
            told
        };
        let last = self.last;
        match &self.states[slot] {
            Some(state) if state.image == image && !state.is_stale => {
                if let Some(event) = state.untold {
                    return (event, Vec::new());
                }
                let event = match last.filter(|&last| last != slot) {
                    None => "same",
                    Some(last) if self.states[last].as_ref().unwrap().made > state.made => "rollback",
                    Some(_) => "roll-forward",
                };
                return (event, Vec::new());
            }
            _ => {}
        }
        self.made += 1;
        let Some(from) = last.and_then(|last| self.states[last].clone()) else {
            let trees = self.images[image].clone();
            let made = self.made;
            self.states[slot] =
                Some(State { image, trees, made, untold: Some("first-boot"), is_stale: false });
            return ("first-boot", Vec::new());
        };
        let (old, new) = (&self.images[from.image], &self.images[image]);
        let mut trees = from.trees.clone();
        let mut conflicts = Conflicts::new();
        let users = &from.trees["/merge"];
        let merged =
            merge("/merge", old.get("/merge"), new.get("/merge"), Some(users), false, &mut conflicts);
        trees.insert("/merge", merged.unwrap());
        trees.insert("/reset", new["/reset"].clone());
        self.states[slot] =
            Some(State { image, trees, made: self.made, untold: Some("update"), is_stale: false });
        ("update", told(conflicts))
    }
}

fn of_twenty_devices() {
    for device in 0..20 {
        let mut random = Random::new(1000 + device);
        let scene = Scene::in_directory(&format!("device-{device}"));
        live(scene, &mut random, device);
    }
}

fn live(mut scene: Scene, random: &mut Random, device: u64) {
    let base: Trees = ENTRIES.iter().map(|path| (*path, random.directory(1))).collect();
    let mut images = Vec::new();
    for name in IMAGES {
        let trees: Trees =
            base.iter().map(|(path, tree)| (*path, with_mode(random.changed(tree, 1), 0o755))).collect();
        scene.use_image(name);
        for (path, tree) in &trees {
            tree.write(&scene.image(path));
        }
        scene.add_directory("/common");
        scene.add_file(BLOB_PATH, "");
        fs::write(scene.image(BLOB_PATH), scene.blob(&entries(), &SLOTS)).unwrap();
        images.push(trees);
    }
    let mut model =
        Model { images, installed: [0, 1], states: [None, None], last: None, common: None, made: 0 };
    let mut running: Option<usize> = None;
    let mut log = Vec::new();
    for step in 0..STEPS {
        let what = if step == 0 { 4 } else { random.below(8) };
        match (what, running) {
            // The updater writes an image into the other slot.
            (0 | 1, Some(slot)) => {
                let (other, image) = (1 - slot, random.below(3));
                log.push(format!("install {} into {}", IMAGES[image], SLOTS[other]));
                model.installed[other] = image;
                if let Some(state) = &mut model.states[other] {
                    // As `stated invalidate` does.
                    fs::write(scene.data(&format!("slots/{}/stale", SLOTS[other])), "").unwrap();
                    state.is_stale = true;
                }
            }
            (2 | 3, Some(slot)) => {
                log.push(format!("write in {}", SLOTS[slot]));
                let state = model.states[slot].as_mut().unwrap();
                for (path, tree) in &mut state.trees {
                    *tree = with_mode(random.changed(tree, 1), 0o755);
                    let place = scene.data(&format!("slots/{}/tree{path}", SLOTS[slot]));
                    remove(&place);
                    tree.write(&place);
                }
                let tree = random.directory(1);
                let place = scene.data("common/tree/common");
                remove(&place);
                tree.write(&place);
                model.common = Some(tree);
            }
            // The power goes at some call of a boot.
            (5 | 6, Some(_)) => {
                let slot = random.below(2);
                let (call, when) = (CALLS[random.below(CALLS.len())], random.nth());
                log.push(format!("crash of {} at {call} {when}", SLOTS[slot]));
                boot(&mut scene, &model, slot);
                let made_before = made(&scene, slot);
                let recorded_before = fs::read(scene.data("common/boots")).unwrap();
                kill_at(&scene, call, when);
                let is_recorded = fs::read(scene.data("common/boots")).unwrap() != recorded_before;
                let has_state = model.states[slot].clone();
                let (_, _) = model.transition(slot);
                if made(&scene, slot) == made_before
                    && model.states[slot].as_ref().map(|state| state.made)
                        != has_state.as_ref().map(|state| state.made)
                {
                    // It had not come to that.
                    model.states[slot] = has_state;
                }
                if is_recorded {
                    model.last = Some(slot);
                    model.states[slot].as_mut().unwrap().untold = None;
                }
                running = None;
            }
            _ => {
                let slot = random.below(2);
                log.push(format!("boot {}", SLOTS[slot]));
                boot(&mut scene, &model, slot);
                let is_resumed = model.states[slot].as_ref().is_some_and(|state| state.untold.is_some());
                let (event, expected) = model.transition(slot);
                let applied = scene.apply().expect(0);
                assert_eq!(applied.report["event"], event, "device {device}: {log:#?}");
                if !is_resumed {
                    assert_eq!(conflicts(&applied), expected, "device {device}: {log:#?}");
                }
                model.states[slot].as_mut().unwrap().untold = None;
                model.last = Some(slot);
                running = Some(slot);
            }
        }
        compare(&scene, &model, running, &format!("device {device}: {log:#?}"));
    }
}

/// As far as the program is started.
fn boot(scene: &mut Scene, model: &Model, slot: usize) {
    scene.use_image(IMAGES[model.installed[slot]]);
    scene.reboot();
    scene.command_line(&format!("sysota.slot={}", SLOTS[slot]));
}

/// The first word of the slot's `transition`.
fn made(scene: &Scene, slot: usize) -> Option<String> {
    let line = fs::read_to_string(scene.data(&format!("slots/{}/transition", SLOTS[slot]))).ok()?;
    line.split('\t').next().map(str::to_owned)
}

/// The state of the slot that runs is there as a whole; that of the other is what it was, but what is to be seeded may
/// be missing.
fn compare(scene: &Scene, model: &Model, running: Option<usize>, log: &str) {
    for (slot, state) in model.states.iter().enumerate() {
        let place = scene.data(&format!("slots/{}", SLOTS[slot]));
        assert_eq!(place.exists(), state.is_some(), "{} {log}", SLOTS[slot]);
        let Some(state) = state else { continue };
        for (path, tree) in &state.trees {
            let found = Node::read(&place.join(format!("tree{path}")));
            let may_be_missing = running != Some(slot) && state.untold.is_some();
            assert!(
                found.as_ref() == Some(tree) || found.is_none() && may_be_missing,
                "{} {path}: {found:#?}, not {tree:#?} {log}",
                SLOTS[slot]
            );
        }
    }
    if let Some(tree) = &model.common {
        assert_eq!(Node::read(&scene.data("common/tree/common")).as_ref(), Some(tree), "{log}");
    }
}

/// An entry's own directory has the mode that the plan says.
fn with_mode(node: Node, mode: u32) -> Node {
    match node {
        Node::Directory { children, .. } => Node::Directory { mode, children },
        other => other,
    }
}
