//! What is kept on sys-data.

use std::fs;
use std::os::unix::fs::MetadataExt as _;

use state_schema::{Entry, Seed};
use state_tests::scene::{Scene, common, directory, file, persistent};

use crate::Case;

pub(crate) const CASES: &[Case] = &[
    ("persistent::directory_survives_reboot", directory_survives_reboot),
    ("persistent::file_survives_reboot", file_survives_reboot),
    ("persistent::slots_do_not_see_each_other", slots_do_not_see_each_other),
    ("persistent::common_state_belongs_to_all_slots", common_state_belongs_to_all_slots),
    ("persistent::layout_is_private", layout_is_private),
    ("persistent::seeded_once_only", seeded_once_only),
];

fn directory_survives_reboot() {
    let scene = Scene::new();
    scene.add_file("/etc/ssh/keys/README", "keys go here");
    scene.plan(&[persistent(directory("/etc/ssh/keys"))]);
    let applied = scene.apply().expect(0);
    assert_eq!(applied.report["event"], "first-boot");
    assert_eq!(applied.entry("/etc/ssh/keys")["seeded"], true);
    fs::write(scene.root("/etc/ssh/keys/host_key"), "secret").unwrap();
    scene.reboot();
    let applied = scene.apply().expect(0);
    assert_eq!(applied.report["event"], "same");
    assert_eq!(applied.entry("/etc/ssh/keys")["seeded"], false);
    assert_eq!(fs::read_to_string(scene.root("/etc/ssh/keys/host_key")).unwrap(), "secret");
    assert_eq!(fs::read_to_string(scene.root("/etc/ssh/keys/README")).unwrap(), "keys go here");
    assert!(!scene.image("/etc/ssh/keys/host_key").exists());
}

fn file_survives_reboot() {
    let scene = Scene::new();
    scene.add_file("/etc/machine-id", "");
    scene.plan(&[persistent(Entry { seed: Seed::Text("uninitialized\n"), ..file("/etc/machine-id") })]);
    let _ = scene.apply().expect(0);
    assert_eq!(fs::read_to_string(scene.root("/etc/machine-id")).unwrap(), "uninitialized\n");
    fs::write(scene.root("/etc/machine-id"), "0123").unwrap();
    scene.reboot();
    let _ = scene.apply().expect(0);
    assert_eq!(fs::read_to_string(scene.root("/etc/machine-id")).unwrap(), "0123");
}

fn slots_do_not_see_each_other() {
    let scene = Scene::new();
    scene.add_directory("/var/lib");
    scene.plan(&[persistent(directory("/var/lib"))]);
    let boots = [("A", "sysota.slot=A", "first-boot"), ("B", "root=PARTLABEL=x-sys-b", "update")];
    for (slot, line, event) in boots {
        scene.command_line(line);
        let applied = scene.apply().expect(0);
        assert_eq!(applied.report["slot"], slot);
        assert_eq!(applied.report["event"], event);
        fs::write(scene.root("/var/lib/slot"), slot).unwrap();
        scene.reboot();
    }
    let applied = scene.apply_with(&["--slot", "a"]).expect(0);
    assert_eq!(applied.report["event"], "rollback");
    assert_eq!(fs::read_to_string(scene.root("/var/lib/slot")).unwrap(), "A");
}

fn common_state_belongs_to_all_slots() {
    let scene = Scene::new();
    scene.add_directory("/var/lib/rauc");
    scene.plan(&[common(directory("/var/lib/rauc"))]);
    let _ = scene.apply().expect(0);
    fs::write(scene.root("/var/lib/rauc/status"), "A was here").unwrap();
    scene.reboot();
    scene.command_line("sysota.slot=B");
    let _ = scene.apply().expect(0);
    assert_eq!(fs::read_to_string(scene.root("/var/lib/rauc/status")).unwrap(), "A was here");
}

fn layout_is_private() {
    let scene = Scene::new();
    scene.add_directory("/var/lib/x");
    scene.plan(&[persistent(directory("/var/lib/x")), common(directory("/var/lib/y"))]);
    scene.add_directory("/var/lib/y");
    // Whatever the caller's.
    nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(0o077));
    let _ = scene.apply().expect(0);
    for (path, mode) in [
        ("slots", 0o700),
        ("common", 0o700),
        ("tmp", 0o700),
        ("slots/A", 0o700),
        ("slots/A/tree", 0o755),
        ("slots/A/tree/var/lib", 0o755),
        ("common/tree/var/lib/y", 0o755),
    ] {
        let metadata = fs::metadata(scene.data(path)).unwrap();
        assert_eq!((metadata.mode() & 0o7777, metadata.uid(), metadata.gid()), (mode, 0, 0), "{path}");
    }
    assert_eq!(fs::read_to_string(scene.data("version")).unwrap(), "1\n");
    assert_eq!(
        fs::read(scene.data("slots/A/blob")).unwrap(),
        fs::read(scene.image("/usr/lib/sysota/state.blob")).unwrap()
    );
    assert_eq!(fs::read_dir(scene.data("tmp")).unwrap().count(), 0, "nothing is left behind");
    assert_eq!(fs::metadata(scene.run("ephemeral")).unwrap().mode() & 0o7777, 0o700);
}

fn seeded_once_only() {
    let scene = Scene::new();
    scene.add_file("/etc/app/a.conf", "factory");
    scene.add_file("/etc/b.conf", "factory");
    scene.plan(&[persistent(directory("/etc/app")), persistent(file("/etc/b.conf"))]);
    let _ = scene.apply().expect(0);
    fs::remove_file(scene.root("/etc/app/a.conf")).unwrap();
    fs::write(scene.root("/etc/b.conf"), "").unwrap();
    scene.reboot();
    let _ = scene.apply().expect(0);
    assert!(!scene.root("/etc/app/a.conf").exists(), "what was removed stays removed");
    assert_eq!(fs::read_to_string(scene.root("/etc/b.conf")).unwrap(), "", "what was emptied stays empty");
}
