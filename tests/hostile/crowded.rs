//! Too much of everything.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use rustix::fs::{Mode, OFlags, mkdirat, openat};
use state_schema::{Entry, How, MountOptions};
use state_tests::attack::set_attribute;
use state_tests::guard::repairs;
use state_tests::scene::{Scene, directory, persistent};

use crate::Case;
use crate::target::Target;
use crate::watchdog::watch;

pub(crate) const CASES: &[Case] = &[
    ("crowded::hundred_thousand_siblings", hundred_thousand_siblings),
    ("crowded::thousand_levels", thousand_levels),
    ("crowded::longest_names", longest_names),
    ("crowded::upper_directory_full_of_tricks", upper_directory_full_of_tricks),
];

fn hundred_thousand_siblings() -> usize {
    let target = Target::new();
    let places = ["slots/A/tree/etc", "slots/A/tree/var/lib/app", "slots/A/replaced", "slots", "tmp"];
    for place in places {
        let outside = target.renew();
        let at = target.scene.data(place);
        fs::create_dir_all(&at).unwrap();
        for number in 0..100_000 {
            symlink("x", at.join(number.to_string())).unwrap();
        }
        // With something to move through the crowd.
        let conf = target.scene.data("slots/A/tree/etc/conf");
        fs::remove_file(&conf).unwrap();
        symlink(outside.file(), &conf).unwrap();
        let applied = target.apply(place, &outside);
        assert_eq!((applied.status, repairs(&applied).len()), (0, 1), "{place}: {:#}", applied.report);
        assert_eq!(fs::read_dir(target.scene.data("tmp")).unwrap().count(), 0);
        target.repeat(place, &applied, &outside);
        target.scene.reboot();
    }
    places.len()
}

fn thousand_levels() -> usize {
    let target = Target::new();
    let places = ["slots/A/tree/etc/app", "slots/A/tree/var/lib/app", "slots/A/tree/etc/conf", "tmp"];
    for place in places {
        let outside = target.renew();
        let at = target.scene.data(place);
        if at.is_file() {
            fs::remove_file(&at).unwrap();
            fs::create_dir(&at).unwrap();
        }
        let mut dir = fs::File::open(&at).unwrap().into();
        for _ in 0..1000 {
            mkdirat(&dir, "level", Mode::RWXU).unwrap();
            dir = openat(&dir, "level", OFlags::DIRECTORY, Mode::empty()).unwrap();
        }
        let applied = target.apply(place, &outside);
        let expected = usize::from(place.ends_with("conf"));
        assert_eq!((applied.status, repairs(&applied).len()), (0, expected), "{place}: {:#}", applied.report);
        target.repeat(place, &applied, &outside);
        target.scene.reboot();
    }
    places.len()
}

/// Paths of the plan as long as names can be: what is moved aside gets a name that fits.
fn longest_names() -> usize {
    let scene = Scene::new();
    let [one, other] = ["a", "b"].map(|name| name.repeat(255));
    let path: &'static str = format!("/{one}/{other}/{one}").leak();
    scene.add_file(&format!("{path}/file"), "factory");
    scene.plan(&[persistent(directory(path))]);
    let _ = scene.apply().expect(0);
    let mut boots = 0;
    for at in [path, path.rsplit_once('/').unwrap().0, &path[..256]] {
        scene.reboot();
        let at = scene.data(&format!("slots/A/tree{at}"));
        fs::remove_dir_all(&at).unwrap();
        fs::write(&at, "in the way").unwrap();
        let applied = scene.apply().expect(0);
        assert_eq!(repairs(&applied).len(), 1);
        assert_eq!(fs::read_to_string(scene.root(path).join("file")).unwrap(), "factory");
        boots += 1;
    }
    let mut kept: Vec<_> = fs::read_dir(scene.data("slots/A/replaced"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    kept.sort();
    assert_eq!(kept, [0, 1, 2].map(|number| format!("{}.{number}", "a".repeat(240))));
    boots
}

/// What an overlay believes of its upper directory: that a directory is another one renamed, that a file's
/// content is elsewhere, that what is below is to be hidden, that something was deleted.
fn upper_directory_full_of_tricks() -> usize {
    let scene = Scene::new();
    for path in ["/opt/tool/sub", "/opt/tool/deleted", "/opt/secret"] {
        scene.add_file(&format!("{path}/file"), "factory");
    }
    scene.plan(&[
        Entry { how: How::Overlay, options: MountOptions::all(), ..persistent(directory("/opt/tool")) },
        directory("/opt/tool/sub"),
    ]);
    let _ = scene.apply().expect(0);
    scene.reboot();
    let upper = scene.data("slots/A/tree/opt/tool");
    for (name, attribute, value) in [
        ("renamed", "trusted.overlay.redirect", &b"/secret"[..]),
        ("renamed2", "trusted.overlay.redirect", b"../secret"),
        ("opaque", "trusted.overlay.opaque", b"y"),
        ("opaque2", "trusted.overlay.opaque", b"x"),
        ("impure", "trusted.overlay.impure", b"y"),
        ("origin", "trusted.overlay.origin", &[0; 40]),
    ] {
        fs::create_dir(upper.join(name)).unwrap();
        set_attribute(&upper.join(name), attribute, value).unwrap();
    }
    fs::write(upper.join("copied"), "").unwrap();
    set_attribute(&upper.join("copied"), "trusted.overlay.metacopy", b"").unwrap();
    set_attribute(&upper.join("copied"), "trusted.overlay.redirect", b"/secret/file").unwrap();
    for name in ["deleted", "sub"] {
        let kind = nix::sys::stat::SFlag::S_IFCHR;
        let _ = fs::remove_dir(upper.join(name));
        nix::sys::stat::mknod(&upper.join(name), kind, nix::sys::stat::Mode::empty(), 0).unwrap();
    }
    set_attribute(&upper, "trusted.overlay.redirect", b"/secret").unwrap();
    let applied = watch("an upper directory", || scene.apply()).expect(0);
    assert_eq!(
        repairs(&applied).len(),
        1,
        "the whiteout where a mount point has to be: {:#}",
        applied.report
    );
    for secret in ["renamed", "renamed2", "opaque", "opaque2", "origin"] {
        assert!(
            !scene.root("/opt/tool").join(secret).join("file").exists(),
            "{secret} shows what is elsewhere"
        );
    }
    assert_ne!(fs::read_to_string(scene.root("/opt/tool/copied")).unwrap_or_default(), "factory");
    assert!(!Path::new(&scene.root("/opt/tool/deleted")).exists());
    assert_eq!(fs::read_to_string(scene.root("/opt/tool/sub/file")).unwrap(), "factory");
    let mounts = scene.mounts();
    let _ = scene.apply().expect(0);
    assert_eq!(scene.mounts(), mounts);
    1
}
