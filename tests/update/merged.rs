//! Three-way merges by the program, held against the model.

use std::fs;
use std::os::unix::fs::MetadataExt as _;

use state_schema::{BLOB_PATH, Entry, Mode, OnUpdate, StatePath};
use state_tests::scene::{Applied, Scene, directory, updated};

use crate::Case;
use crate::model::{Conflicts, merge};
use crate::random::Random;
use crate::tree::{Node, remove};

pub(crate) const CASES: &[Case] = &[
    ("merged::as_the_model_has_it", as_the_model_has_it),
    ("merged::whole_files_with_metadata", whole_files_with_metadata),
];

const ENTRIES: usize = 40;
const ROUNDS: u64 = 10;

/// The entry whose trees have this number.
fn entry(number: usize, node: &Node) -> Entry<'static> {
    let Node::Directory { mode, .. } = node else { panic!("an entry is a directory") };
    let path: &'static str = Box::leak(format!("/m/{number:02}").into_boxed_str());
    let mode = Mode::new(u16::try_from(*mode).unwrap()).unwrap();
    updated(OnUpdate::Merge, Entry { path: StatePath::new(path).unwrap(), mode, ..directory("/m") })
}

/// Builds an image of these trees.
fn build(scene: &mut Scene, image: &'static str, trees: &[Node]) {
    scene.use_image(image);
    remove(&scene.image("/m"));
    scene.add_directory("/m");
    for (number, tree) in trees.iter().enumerate() {
        tree.write(&scene.image(&format!("/m/{number:02}")));
    }
    let entries: Vec<_> = trees.iter().enumerate().map(|(number, tree)| entry(number, tree)).collect();
    scene.add_file(BLOB_PATH, "");
    fs::write(scene.image(BLOB_PATH), scene.blob(&entries, &["A", "B"])).unwrap();
}

/// The report's conflicts, sorted. A boot that made no state has none to tell.
pub(crate) fn conflicts(applied: &Applied) -> Vec<(String, String)> {
    let told = applied.report["conflicts"].as_array().map(Vec::as_slice).unwrap_or_default();
    let word = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let mut told: Vec<_> = told.iter().map(|one| (word(&one["path"]), word(&one["conflict"]))).collect();
    told.sort();
    told
}

fn as_the_model_has_it() {
    for round in 0..ROUNDS {
        let mut scene = Scene::in_directory(&format!("round-{round}"));
        let mut random = Random::new(round + 1);
        let mut trees = [const { Vec::new() }; 3];
        for _ in 0..ENTRIES {
            let old = random.directory(2);
            let new = random.changed(&old, 2);
            // Both of them sometimes do the same.
            let from = if random.below(3) == 0 { new.clone() } else { old.clone() };
            let user = random.changed(&from, 2);
            for (trees, tree) in trees.iter_mut().zip([old, new, user]) {
                trees.push(tree);
            }
        }
        let [old, new, user] = trees;
        build(&mut scene, "old", &old);
        scene.reboot();
        let _ = scene.apply().expect(0);
        for (number, tree) in user.iter().enumerate() {
            let place = scene.data(&format!("slots/A/tree/m/{number:02}"));
            assert_eq!(Node::read(&place).as_ref(), Some(&old[number]), "seeded");
            remove(&place);
            tree.write(&place);
        }
        build(&mut scene, "new", &new);
        scene.reboot();
        scene.command_line("sysota.slot=B");
        let applied = scene.apply().expect(0);
        let mut expected = Conflicts::new();
        for number in 0..ENTRIES {
            let path = format!("/m/{number:02}");
            let (old, new, user) = (Some(&old[number]), Some(&new[number]), Some(&user[number]));
            let merged = merge(&path, old, new, user, false, &mut expected);
            let place = format!("tree{path}");
            let found = Node::read(&scene.data(&format!("slots/B/{place}")));
            assert_eq!(found, merged, "round {round}, {path}\nold {old:#?}\nnew {new:#?}\nuser {user:#?}");
            assert_eq!(
                Node::read(&scene.data(&format!("slots/A/{place}"))).as_ref(),
                user,
                "slot A is as it was"
            );
        }
        let mut expected: Vec<_> = expected.into_iter().map(|(path, word)| (path, word.to_owned())).collect();
        expected.sort();
        assert_eq!(conflicts(&applied), expected, "round {round}");
        assert_eq!(fs::read_dir(scene.data("tmp")).unwrap().count(), 0);
    }
}

fn whole_files_with_metadata() {
    let mut scene = Scene::new();
    let entries = [updated(OnUpdate::Merge, directory("/etc/app"))];
    for (image, content) in [("image-1", "old"), ("image-2", "new")] {
        scene.use_image(image);
        for name in ["followed", "both"] {
            scene.add_file(&format!("/etc/app/{name}"), content);
            let place = scene.image(&format!("/etc/app/{name}"));
            std::os::unix::fs::chown(&place, Some(7), Some(8)).unwrap();
            rustix::fs::setxattr(&place, "user.of", content.as_bytes(), rustix::fs::XattrFlags::empty())
                .unwrap();
        }
        scene.plan(&entries);
    }
    scene.use_image("image-1");
    scene.reboot();
    let _ = scene.apply().expect(0);
    fs::write(scene.root("/etc/app/both"), "the user's").unwrap();
    scene.use_image("image-2");
    scene.reboot();
    scene.command_line("sysota.slot=B");
    let applied = scene.apply().expect(0);
    assert_eq!(conflicts(&applied), [("/etc/app/both".to_owned(), "both-changed".to_owned())]);
    let attribute = |place: &std::path::Path| {
        let mut value = [0; 16];
        let length = rustix::fs::getxattr(place, "user.of", &mut value[..]).unwrap();
        String::from_utf8(value[..length].to_vec()).unwrap()
    };
    let followed = scene.root("/etc/app/followed");
    assert_eq!((fs::read_to_string(&followed).unwrap(), attribute(&followed)), ("new".into(), "new".into()));
    let metadata = fs::metadata(&followed).unwrap();
    let of_image = fs::metadata(scene.image("/etc/app/followed")).unwrap();
    assert_eq!((metadata.uid(), metadata.gid(), metadata.mtime_nsec()), (7, 8, of_image.mtime_nsec()));
    assert_eq!(fs::read_to_string(scene.root("/etc/app/both")).unwrap(), "the user's");
    // The image's version is there for whoever wants to look at it.
    let kept = scene.data("slots/B/replaced/etc:app:both.0");
    assert_eq!((fs::read_to_string(&kept).unwrap(), attribute(&kept)), ("new".into(), "new".into()));
    assert!(!scene.data("slots/A/replaced").exists());
}
