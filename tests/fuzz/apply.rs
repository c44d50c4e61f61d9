//! Whatever is compiled, and whatever somebody has left on sys-data: the compiler stays inside the image, and the program
//! stays inside its entries.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::sync::OnceLock;

use nix::mount::{MntFlags, umount2};
use state_schema::{BLOB_PATH, Blob, Entry, How, StatePath};
use state_tests::attack::{ATTACKS, Attack, set_attribute};
use state_tests::guard::Guard;
use state_tests::namespace::{self, Identity};
use state_tests::scene::{Scene, bind, mount_tmpfs};
use state_tests::witness::Witness;
use statec::diagnostic::Findings;
use statec::factory::FactoryFiles;
use statec::plan::plan;
use statec::prepare::prepare;
use statec::rootfs::Rootfs;
use statec::source::Sources;
use statec::{analyse, emit};

use crate::choices::Choices;

/// Where the scene is, in a namespace of this process's own. Every system has the directory, and nobody else's is seen.
const PLACE: &str = "/mnt";

/// Most entries of a plan, and most that happens to it.
const MAX_ENTRIES: usize = 8;
const MAX_STEPS: usize = 10;

/// What the image holds, and one path that it lacks.
const DIRECTORIES: [&str; 12] = [
    "/etc",
    "/etc/app",
    "/etcrw",
    "/etcrw/sub",
    "/mem",
    "/mem/keep",
    "/opt/tool",
    "/srv/shared",
    "/var",
    "/var/lib",
    "/var/lib/app",
    MISSING,
];
const FILES: [&str; 5] = ["/etc/conf", "/etc/hostname", "/etc/localtime", "/srv/status", "/var/lib/file"];
const MISSING: &str = "/new/place";

/// Where a symlink may lead.
const LINK_TARGETS: [&str; 4] = ["/etcrw/hostname", "/etcrw/sub/hostname", "/var/lib/link", "/mem/keep/file"];

/// Places of sys-data that every plan has; those of the entries come to them.
const LAYOUT: [&str; 14] = [
    "tmp",
    "version",
    "slots",
    "slots/A",
    "slots/A/blob",
    "slots/A/tree",
    "slots/A/work",
    "slots/A/replaced",
    "slots/B",
    "common",
    "common/tree",
    "common/work",
    "common/replaced",
    "common/boots",
];

/// Attributes that mean something to an overlay.
const ATTRIBUTES: [(&str, &[u8]); 4] = [
    ("trusted.overlay.opaque", b"y"),
    ("trusted.overlay.redirect", b"/usr/lib"),
    ("trusted.overlay.metacopy", b""),
    ("trusted.overlay.origin", b"x"),
];

/// Compiles what the bytes choose, and boots it as often and with as many attacks in between as they choose.
///
/// # Panics
///
/// When a promise is broken, or where this process may not mount.
pub fn check(data: &[u8]) {
    let scene = scene();
    let mut choices = Choices::new(data);
    let outside = renew(scene);
    let image = fill_image(scene, &outside, &mut choices);
    let policy = choose_policy(scene, &mut choices);
    let fragment = choose_fragment(&mut choices);
    let prepares = choices.below(4) != 1;

    let seen = outside.look();
    let blob = compile(scene, &policy, &fragment, prepares);
    assert_eq!(outside.look(), seen, "the compiler was outside: {image}\n{policy}{fragment}");
    let Some(bytes) = blob else { return };
    let place = scene.image(BLOB_PATH);
    fs::create_dir_all(place.parent().expect("a directory")).expect("mkdir");
    fs::write(place, &bytes).expect("the blob");

    let blob = Blob::decode(&bytes).expect("a blob");
    let entries: Vec<_> = blob.entries().map(|entry| entry.expect("an entry").entry).collect();
    let guard = Guard { scene, entries: &entries, outside: &outside };
    let places = places(&entries);
    let mut story = format!("{image}\n{policy}{fragment}");
    for _ in 0..MAX_STEPS {
        if choices.is_empty() {
            break;
        }
        let step = choices.below(4);
        if step == 0 {
            boot(&guard, &mut story);
            continue;
        }
        let place: &String = choices.one_of(&places);
        if step == 1 {
            attribute(scene, place, choices.one_of(&ATTRIBUTES), &mut story);
        } else {
            attack(scene, place, choices.one_of(ATTACKS), &outside, &mut story);
        }
    }
    boot(&guard, &mut story);
}

/// The scene of all inputs, which are tried one after the other.
fn scene() -> &'static Scene {
    static SCENE: OnceLock<Scene> = OnceLock::new();
    SCENE.get_or_init(|| {
        namespace::enter(Identity::Root).expect("a namespace; are you root?");
        mount_tmpfs(Path::new(PLACE));
        // Thousands of boots are not for the kernel's log.
        if Path::new("/dev/kmsg").exists() {
            bind(Path::new("/dev/null"), Path::new("/dev/kmsg"));
        }
        Scene::at(&Path::new(PLACE).join("scene"))
    })
}

/// An empty sys-data, and nothing in the image.
fn renew(scene: &Scene) -> Witness {
    umount2(&scene.data(""), MntFlags::MNT_DETACH).expect("umount");
    mount_tmpfs(&scene.data(""));
    for entry in fs::read_dir(scene.image("")).expect("the image") {
        let path = entry.expect("an entry").path();
        if path.symlink_metadata().expect("stat").is_dir() {
            fs::remove_dir_all(path).expect("rm");
        } else {
            fs::remove_file(path).expect("rm");
        }
    }
    Witness::set_up(scene)
}

/// Makes the image, one place of which may be a link to outside. Says which.
fn fill_image(scene: &Scene, outside: &Witness, choices: &mut Choices<'_>) -> String {
    for path in DIRECTORIES.into_iter().filter(|path| *path != MISSING) {
        scene.add_file(&format!("{path}/factory"), "factory");
    }
    for path in FILES {
        scene.add_file(path, "factory");
    }
    scene.add_file("/etc/passwd", "root:x:0:0::/root:/bin/sh\n");
    scene.add_file("/etc/group", "root:x:0:\n");
    scene.add_directory("/usr/lib");
    scene.add_directory("/usr/share/factory");
    let all = [&DIRECTORIES[..], &FILES, &["/usr/share/factory", "/usr/share/factory/etc"]].concat();
    let Some(path) = choices.below(2 * all.len()).checked_sub(all.len()).map(|index| all[index]) else {
        return "the image has no links".to_owned();
    };
    let at = scene.image(path);
    if at.is_dir() {
        fs::remove_dir_all(&at).expect("rm");
    } else if at.exists() {
        fs::remove_file(&at).expect("rm");
    }
    let to = if FILES.contains(&path) { outside.file() } else { outside.directory() };
    fs::create_dir_all(at.parent().expect("a directory")).expect("mkdir");
    std::os::unix::fs::symlink(to, at).expect("a link");
    format!("{path} of the image is a link to outside")
}

fn choose_policy(scene: &Scene, choices: &mut Choices<'_>) -> String {
    let on_failure = choices.one_of(&["degrade", "fail"]);
    let data = scene.data("");
    let data = data.display().to_string();
    format!(
        "version: 1\nimage:\n  on-sys-data-failure: {on_failure}\n  sys-data: {{device: PARTLABEL=data, fstype: tmpfs, \
         mount-point: {}}}\n",
        data.trim_end_matches('/')
    )
}

fn choose_fragment(choices: &mut Choices<'_>) -> String {
    let mut text = "version: 1\nstate:\n".to_owned();
    let paths = [&DIRECTORIES[..], &FILES].concat();
    let first = choices.below(paths.len());
    let mut at = first;
    for _ in 0..=choices.below(MAX_ENTRIES) {
        add_entry(paths[at], choices, &mut text);
        // Never one twice, which is an error.
        at += 1 + choices.below(4);
        if at >= paths.len() {
            break;
        }
    }
    text
}

fn add_entry(path: &str, choices: &mut Choices<'_>, text: &mut String) {
    let is_file = FILES.contains(&path);
    let lifetime = *choices.one_of(&["persistent", "persistent\n    scope: common", "ephemeral"]);
    let mut add = |field: &str| _ = write!(text, "{field}\n    ");
    add(&format!("  {path}:"));
    add(&format!("lifetime: {lifetime}"));
    match (is_file, choices.below(4)) {
        (false, 1) => add("how: overlay"),
        (true, 1 | 2) => add(&format!("how: symlink\n    to: {}", choices.one_of(&LINK_TARGETS))),
        (false, 2) if lifetime == "ephemeral" => add("size: 1M"),
        _ => {}
    }
    match (is_file, choices.below(4)) {
        (_, 1) => add("seed: empty"),
        (true, 2) => add("seed: {text: \"text\"}"),
        _ => {}
    }
    match choices.below(4) {
        0 => {}
        word => add(&format!("on-failure: {}", ["fail", "degrade", "skip"][word - 1])),
    }
    match choices.below(4) {
        1 => add("options: [exec, dev, suid]"),
        2 => add("options: [noexec, nosymfollow, noatime]"),
        3 => add("mode: \"0700\"\n    owner: 1000\n    group: 1000"),
        _ => {}
    }
    // The blanks before a field that did not come.
    text.truncate(text.trim_end().len());
    text.push('\n');
}

/// As `statec compile` does it. `None` where it finds something wrong.
fn compile(scene: &Scene, policy: &str, fragment: &str, prepares: bool) -> Option<Vec<u8>> {
    let mut findings = Findings::default();
    let mut sources = Sources::default();
    let mut add = |name: &str, text: &str| {
        sources.add_bytes(name.to_owned(), name.to_owned(), text.into(), &mut findings)
    };
    add("fragment.yaml", fragment);
    let policy = add("policy.yaml", policy);
    let rootfs = Rootfs::open(&scene.image("")).expect("the image");
    let analysis = analyse(&sources, Some(policy), Some(&rootfs), prepares, &mut findings);
    if findings.has_errors() {
        return None;
    }
    let plan = plan(&analysis.resolved, &rootfs, prepares, &sources);
    if prepares {
        // A link may be in the way of a factory copy, which is an error; then no blob is written.
        prepare(&plan, &rootfs).ok()?;
    }
    let entries = plan.entries().map(|planned| planned.entry);
    // What is merged has to be in the image, which without preparing nobody has seen to.
    let Ok(files) = FactoryFiles::describe(entries, &rootfs) else { return None };
    let blob = emit::blob(&plan, &files, &analysis.image, scene.image_id);
    Some(blob.expect("a plan without findings is a blob"))
}

/// Every place of sys-data that these entries have.
fn places(entries: &[Entry<'_>]) -> Vec<String> {
    let mut places: Vec<_> = LAYOUT.map(str::to_owned).to_vec();
    let targets = entries.iter().filter_map(|entry| match entry.how {
        How::Symlink { to } => Some(to),
        _ => None,
    });
    let paths: Vec<StatePath<'_>> = entries.iter().map(|entry| entry.path).chain(targets).collect();
    for path in paths {
        let path = path.as_str();
        let depth = path.matches('/').count();
        for (end, _) in path.match_indices('/').skip(1).chain([(path.len(), "")]) {
            for store in ["slots/A", "common"] {
                places.push(format!("{store}/tree{}", &path[..end]));
            }
        }
        places.push(format!("slots/A/work/{depth}{path}"));
    }
    places
}

fn attack(scene: &Scene, place: &str, attack: &Attack, outside: &Witness, story: &mut String) {
    if is_in_directories(scene, place) && attack.spoil(&scene.data(place), outside).is_ok() {
        _ = writeln!(story, "{} at {place}", attack.name);
    }
}

fn attribute(scene: &Scene, place: &str, (name, value): &(&str, &[u8]), story: &mut String) {
    if is_in_directories(scene, place) && set_attribute(&scene.data(place), name, value).is_ok() {
        _ = writeln!(story, "{name} at {place}");
    }
}

/// Whether only directories lead to a place, so that an attack on it does not leave sys-data itself.
fn is_in_directories(scene: &Scene, place: &str) -> bool {
    place.match_indices('/').all(|(end, _)| {
        scene.data(&place[..end]).symlink_metadata().map_or(true, |metadata| metadata.is_dir())
    })
}

/// A boot, with a second run in it.
fn boot(guard: &Guard<'_>, story: &mut String) {
    story.push_str("boot\n");
    let applied = guard.watch(story, || guard.scene.apply());
    guard.repeat(story, &applied, || guard.scene.apply());
    guard.scene.reboot();
}
