//! Entries inside entries.

use std::fs;
use std::os::unix::fs::MetadataExt as _;

use state_schema::{Entry, MountOptions, Seed};
use state_tests::scene::{Scene, common, directory, file, mount_tmpfs, persistent};

use crate::Case;

pub(crate) const CASES: &[Case] = &[
    ("nested::persistent_in_ephemeral", persistent_in_ephemeral),
    ("nested::ephemeral_in_persistent", ephemeral_in_persistent),
    ("nested::common_in_slot", common_in_slot),
    ("nested::persistent_in_persistent", persistent_in_persistent),
    ("nested::mount_point_appears_in_older_state", mount_point_appears_in_older_state),
    ("nested::mount_point_is_no_state", mount_point_is_no_state),
    ("nested::seeds_are_the_images_even_beneath_a_mount", seeds_are_the_images_even_beneath_a_mount),
    ("nested::stores_do_not_see_nested_mounts", stores_do_not_see_nested_mounts),
];

fn persistent_in_ephemeral() {
    let scene = Scene::new();
    scene.add_file("/var/lib/dhcp/lease", "none");
    scene.add_file("/var/cache/index", "1");
    scene.plan(&[directory("/var"), persistent(directory("/var/lib/dhcp"))]);
    let _ = scene.apply().expect(0);
    fs::write(scene.root("/var/lib/dhcp/lease"), "kept").unwrap();
    fs::write(scene.root("/var/cache/index"), "lost").unwrap();
    assert!(!scene.run("ephemeral/tree/var/lib/dhcp/lease").exists(), "the parent's seed leaves it out");
    scene.reboot();
    let _ = scene.apply().expect(0);
    assert_eq!(fs::read_to_string(scene.root("/var/lib/dhcp/lease")).unwrap(), "kept");
    assert_eq!(fs::read_to_string(scene.root("/var/cache/index")).unwrap(), "1");
}

fn ephemeral_in_persistent() {
    let scene = Scene::new();
    scene.add_file("/var/log/boot", "factory");
    scene.add_file("/var/lib/data", "factory");
    scene.plan(&[persistent(directory("/var")), directory("/var/log"), file("/var/lib/data")]);
    let _ = scene.apply().expect(0);
    fs::write(scene.root("/var/log/boot"), "lost").unwrap();
    fs::write(scene.root("/var/lib/data"), "lost").unwrap();
    fs::write(scene.root("/var/lib/more"), "kept").unwrap();
    // The mount points are in the parent's state, and nothing else is.
    assert_eq!(fs::read_dir(scene.data("slots/A/tree/var/log")).unwrap().count(), 0);
    assert_eq!(fs::metadata(scene.data("slots/A/tree/var/lib/data")).unwrap().len(), 0);
    scene.reboot();
    let _ = scene.apply().expect(0);
    assert_eq!(fs::read_to_string(scene.root("/var/log/boot")).unwrap(), "factory");
    assert_eq!(fs::read_to_string(scene.root("/var/lib/data")).unwrap(), "factory");
    assert_eq!(fs::read_to_string(scene.root("/var/lib/more")).unwrap(), "kept");
}

fn common_in_slot() {
    let scene = Scene::new();
    scene.add_file("/var/lib/rauc/status", "factory");
    scene.plan(&[persistent(directory("/var/lib")), common(directory("/var/lib/rauc"))]);
    let _ = scene.apply().expect(0);
    scene.reboot();
    scene.command_line("sysota.slot=B");
    let _ = scene.apply().expect(0);
    for file in ["/var/lib/rauc/status", "/var/lib/own"] {
        fs::write(scene.root(file), "from B").unwrap();
    }
    scene.reboot();
    scene.command_line("sysota.slot=A");
    let _ = scene.apply().expect(0);
    assert_eq!(fs::read_to_string(scene.root("/var/lib/rauc/status")).unwrap(), "from B");
    assert!(!scene.root("/var/lib/own").exists());
}

fn persistent_in_persistent() {
    let scene = Scene::new();
    scene.add_file("/var/lib/app/bin/tool", "factory");
    scene.add_file("/var/lib/note", "factory");
    scene.plan(&[
        persistent(directory("/var")),
        persistent(Entry {
            options: MountOptions::all(),
            mode: state_schema::Mode::new(0o750).unwrap(),
            ..directory("/var/lib/app")
        }),
    ]);
    let applied = scene.apply().expect(0);
    applied.expect_outcome("/var/lib/app", "mounted");
    assert!(scene.mount_at("/var/lib/app").has("noexec"), "it has a mount and options of its own");
    assert!(!scene.mount_at("/var").has("noexec"));
    assert_eq!(fs::metadata(scene.root("/var/lib/app")).unwrap().mode() & 0o7777, 0o750);
    assert_eq!(fs::read_to_string(scene.root("/var/lib/app/bin/tool")).unwrap(), "factory");
    fs::write(scene.root("/var/lib/app/bin/tool"), "changed").unwrap();
    scene.reboot();
    let _ = scene.apply().expect(0);
    assert_eq!(fs::read_to_string(scene.root("/var/lib/app/bin/tool")).unwrap(), "changed");
}

fn mount_point_appears_in_older_state() {
    let scene = Scene::new();
    scene.add_directory("/var");
    scene.plan(&[persistent(directory("/var"))]);
    let _ = scene.apply().expect(0);
    scene.reboot();
    // Another build of the same image id, so that the state goes on: it asks for more.
    scene.plan(&[
        persistent(directory("/var")),
        Entry { seed: Seed::Empty, ..directory("/var/spool/new") },
        Entry { seed: Seed::Text("x"), ..file("/var/spool/file") },
    ]);
    let _ = scene.apply().expect(0);
    fs::write(scene.root("/var/spool/new/job"), "").unwrap();
    assert_eq!(fs::read_to_string(scene.root("/var/spool/file")).unwrap(), "x");
}

fn mount_point_is_no_state() {
    let scene = Scene::new();
    scene.add_file("/var/log/boot", "factory");
    scene.add_file("/var/one", "factory");
    scene.plan(&[persistent(directory("/var")), directory("/var/log"), file("/var/one")]);
    let _ = scene.apply().expect(0);
    scene.reboot();
    // What was ephemeral becomes persistent: the mount points in the parent's state are not its content.
    scene.plan(&[
        persistent(directory("/var")),
        persistent(directory("/var/log")),
        persistent(file("/var/one")),
    ]);
    let applied = scene.apply().expect(0);
    for path in ["/var/log", "/var/one"] {
        assert_eq!(applied.entry(path)["seeded"], true, "{path}");
    }
    assert_eq!(fs::read_to_string(scene.root("/var/log/boot")).unwrap(), "factory");
    assert_eq!(fs::read_to_string(scene.root("/var/one")).unwrap(), "factory");
}

fn stores_do_not_see_nested_mounts() {
    let scene = Scene::new();
    scene.add_directory("/var/log");
    scene.add_directory("/srv/state");
    scene.plan(&[
        persistent(directory("/var")),
        directory("/var/log"),
        directory("/srv"),
        persistent(directory("/srv/state")),
    ]);
    // As systemd leaves it: every mount is shared with its clones.
    for place in [scene.data(""), scene.run("")] {
        let none = None::<&str>;
        nix::mount::mount(none, &place, none, nix::mount::MsFlags::MS_SHARED, none).unwrap();
    }
    let _ = scene.apply().expect(0);
    let inside = |mount: &&state_tests::scene::Mount| mount.place.contains("/tree/");
    assert_eq!(scene.mounts().iter().find(inside), None);
}

fn seeds_are_the_images_even_beneath_a_mount() {
    let scene = Scene::new();
    scene.add_file("/var/lib/rauc/status", "factory");
    scene.plan(&[persistent(directory("/var")), common(directory("/var/lib/rauc"))]);
    let _ = scene.apply().expect(0);
    fs::write(scene.root("/var/lib/rauc/status"), "changed").unwrap();
    scene.reboot();
    // The entry cannot be used, and its ephemeral stand-in is made when the parent is mounted already.
    mount_tmpfs(&scene.data("common/tree/var/lib/rauc"));
    let applied = scene.apply().expect(3);
    applied.expect_outcome("/var", "mounted");
    applied.expect_outcome("/var/lib/rauc", "degraded");
    assert_eq!(fs::read_to_string(scene.root("/var/lib/rauc/status")).unwrap(), "factory");
}
