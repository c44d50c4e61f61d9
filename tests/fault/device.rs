//! A device whose image has a plan with every kind of entry.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
use std::path::Path;
use std::process::Command;

use nix::mount::{MntFlags, umount2};
use nix::sys::stat::{Mode as Bits, SFlag, UtimensatFlags, makedev, mknod, utimensat};
use nix::sys::time::TimeSpec;
use nix::unistd::mkfifo;
use rustix::fs::{XattrFlags, lsetxattr};
use state_schema::{
    Entry, How, Lifetime, Mode, MountOptions, OnFailure, OnSysDataFailure, OnUpdate, Seed, StatePath,
};
use state_tests::scene::{Applied, Scene, bind, common, directory, file, mount_tmpfs, persistent, updated};
use state_tests::tracer::{Action, Call, Watch, trace};

use crate::outcome::Outcome;

/// An image with a plan with every kind of entry, and its data partition.
pub(crate) struct Device {
    pub(crate) scene: Scene,
    /// The plan of the image as it is now.
    pub(crate) entries: Vec<Entry<'static>>,
}

/// Lets a program run as it runs for everybody, but not for ever.
struct Undisturbed;

impl Watch for Undisturbed {
    fn enter(&mut self, _call: &Call) -> Action {
        Action::Leave
    }
}

impl Device {
    pub(crate) fn new(on_sys_data_failure: OnSysDataFailure) -> Self {
        let mut scene = Scene::new();
        scene.on_sys_data_failure = on_sys_data_failure;
        // Thousands of boots have nothing to say in the machine's own log.
        bind(Path::new("/dev/null"), Path::new("/dev/kmsg"));
        fill_image(&scene);
        let mut device = Self { scene, entries: Vec::new() };
        device.plan(entries());
        device
    }

    /// Gives the image this plan.
    pub(crate) fn plan(&mut self, entries: Vec<Entry<'static>>) {
        self.scene.plan(&entries);
        self.entries = entries;
        make_old(&self.scene.image(""));
    }

    /// Makes an image the next one that has the same plan, and other files in places where state is merged, reset and carried.
    pub(crate) fn use_next_image(&mut self) {
        self.scene.use_image("image-2");
        fill_image(&self.scene);
        for (path, content) in [
            ("/srv/data/first", "new"),
            ("/srv/data/both", "new"),
            ("/srv/data/added/deep/er", "new"),
            ("/var/lib/app/bin/tool", "new"),
            ("/var/odd/setuid", "new"),
            ("/etc/shadow", "new"),
        ] {
            self.scene.add_file(path, content);
        }
        fs::remove_dir_all(self.scene.image("/srv/data/gone")).expect("rm");
        self.plan(entries());
        self.scene.reboot();
    }

    /// Writes to whatever persists, as programs do.
    pub(crate) fn change_all(&self, content: &str) {
        for path in [
            "/etc/machine-id",
            "/srv/data/both",
            "/srv/data/own",
            "/srv/data/gone/own",
            "/var/odd/own",
            "/var/lib/rauc/status",
            "/var/lib/app/own",
            "/opt/tool",
            "/var/lib/app/plugins/own",
        ] {
            fs::write(self.scene.root(path), content).expect("a file");
        }
    }

    /// Boots, undisturbed, and returns what came of it, which has to be all that is planned.
    pub(crate) fn boot(&self) -> Outcome {
        Outcome::of(&self.scene, self.try_boot().expect(0))
    }

    /// Boots, undisturbed.
    pub(crate) fn try_boot(&self) -> Applied {
        let ended = trace(&mut self.scene.command(), &mut Undisturbed);
        self.scene.applied(ended.status.expect("an exit status"), ended.stderr)
    }

    /// Keeps a copy of sys-data as it is.
    pub(crate) fn save(&self) {
        let saved = self.scene.data("../saved");
        fs::create_dir(&saved).expect("mkdir");
        mount_tmpfs(&saved);
        copy_all(&self.scene.data(""), &saved);
    }

    /// Starts the next boot with sys-data as it was saved.
    pub(crate) fn restore(&self) {
        umount2(&self.scene.data(""), MntFlags::MNT_DETACH).expect("umount");
        mount_tmpfs(&self.scene.data(""));
        copy_all(&self.scene.data("../saved"), &self.scene.data(""));
        self.scene.reboot();
    }
}

/// Every kind of entry, in every kind of store, with every kind of seed and rule for failures.
pub(crate) fn entries() -> Vec<Entry<'static>> {
    let symlink = |to| How::Symlink { to: StatePath::new(to).expect("a path") };
    let mode = |bits| Mode::new(bits).expect("permissions");
    let overlay = |path| Entry { how: How::Overlay, ..directory(path) };
    let sized = |path| Entry { lifetime: Lifetime::Ephemeral { size: Some(1 << 20) }, ..directory(path) };
    vec![
        persistent(Entry { on_failure: OnFailure::Fail, ..file("/etc/machine-id") }),
        persistent(Entry {
            seed: Seed::Text("0.0 0 0\nUTC\n"),
            on_failure: OnFailure::Skip,
            ..file("/etc/adjtime")
        }),
        updated(OnUpdate::Merge, Entry { uid: 7, gid: 8, mode: mode(0o600), ..file("/etc/shadow") }),
        persistent(Entry {
            seed: Seed::Empty,
            mode: mode(0o700),
            options: MountOptions::all(),
            ..directory("/etc/ssh/keys")
        }),
        Entry {
            seed: Seed::Text("nameserver ::1\n"),
            on_failure: OnFailure::Skip,
            ..file("/etc/resolv.conf")
        },
        persistent(directory("/etcrw")),
        persistent(Entry {
            how: symlink("/etcrw/hostname"),
            on_failure: OnFailure::Fail,
            ..file("/etc/hostname")
        }),
        persistent(Entry { how: symlink("/etcrw/localtime"), ..file("/etc/localtime") }),
        common(file("/etc/serial")),
        persistent(overlay("/opt")),
        overlay("/srv"),
        updated(OnUpdate::Merge, directory("/srv/data")),
        Entry { seed: Seed::Empty, mode: mode(0o1777), ..sized("/tmp") },
        persistent(directory("/var")),
        directory("/var/log"),
        persistent(Entry {
            gid: 9,
            mode: mode(0o2755),
            on_failure: OnFailure::Skip,
            ..directory("/var/log/journal")
        }),
        Entry { seed: Seed::Text("x"), ..file("/var/cache/app/made/file") },
        common(directory("/var/lib/rauc")),
        updated(OnUpdate::Reset, Entry { on_failure: OnFailure::Fail, ..directory("/var/lib/app") }),
        persistent(overlay("/var/lib/app/plugins")),
        sized("/var/spool"),
    ]
}

fn fill_image(scene: &Scene) {
    for path in
        ["/etc/ssh/keys", "/etcrw", "/srv/data/empty", "/tmp", "/var/cache", "/var/log/journal", "/var/spool"]
    {
        scene.add_directory(path);
    }
    for (path, content) in [
        ("/etc/machine-id", "uninitialized\n"),
        ("/etc/adjtime", ""),
        ("/etc/shadow", ""),
        ("/etc/resolv.conf", ""),
        ("/etc/serial", "none\n"),
        ("/usr/share/factory/etc/hostname", "factory\n"),
        ("/opt/tool", "factory"),
        ("/srv/index", "factory"),
        ("/srv/data/first", "factory"),
        ("/srv/data/both", "factory"),
        ("/srv/data/gone/file", "factory"),
        ("/var/log/boot", "factory"),
        ("/var/log/journal/first", "factory"),
        ("/var/lib/rauc/status", "factory"),
        ("/var/lib/app/bin/tool", "factory"),
        ("/var/lib/app/plugins/first", "factory"),
        ("/var/spool/job", "factory"),
        ("/var/odd/setuid", "#!/bin/sh\n"),
        ("/var/odd/attributes", "x"),
        // Longer than what is copied at once.
        ("/var/odd/long", &"0123456789abcdef".repeat(2500)),
    ] {
        scene.add_file(path, content);
    }
    let place = |path| scene.image(path);
    symlink("/etcrw/hostname", place("/etc/hostname")).expect("symlink");
    symlink("../etcrw/localtime", place("/etc/localtime")).expect("symlink");
    symlink("../usr/share/zoneinfo/UTC", place("/usr/share/factory/etc/localtime")).expect("symlink");
    symlink("nowhere", place("/var/odd/link")).expect("symlink");
    fs::hard_link(place("/var/odd/attributes"), place("/var/odd/again")).expect("link");
    mkfifo(&place("/var/odd/fifo"), Bits::from_bits_truncate(0o620)).expect("mkfifo");
    let null = makedev(1, 3);
    mknod(&place("/var/odd/null"), SFlag::S_IFCHR, Bits::from_bits_truncate(0o666), null).expect("mknod");
    chown(place("/var/odd/setuid"), Some(3), Some(4)).expect("chown");
    fs::set_permissions(place("/var/odd/setuid"), fs::Permissions::from_mode(0o6755)).expect("chmod");
    for (path, name) in [("/var/odd/attributes", "user.file"), ("/var/odd", "user.directory")] {
        lsetxattr(place(path), name, b"value", XattrFlags::empty()).expect("an extended attribute");
    }
    lsetxattr(place("/var/odd/link"), "trusted.link", b"value", XattrFlags::empty()).expect("the same");
}

/// Makes the image's files older than anything that a boot makes.
fn make_old(place: &Path) {
    if place.symlink_metadata().expect("stat").is_dir() {
        for entry in fs::read_dir(place).expect("a directory") {
            make_old(&entry.expect("an entry").path());
        }
    }
    let time = TimeSpec::new(1_000_000_000, 123_456_789);
    utimensat(nix::fcntl::AT_FDCWD, place, &time, &time, UtimensatFlags::NoFollowSymlink).expect("utimensat");
}

fn copy_all(from: &Path, to: &Path) {
    let status = Command::new("cp").arg("-a").arg(from.join(".")).arg(to).status();
    assert!(status.is_ok_and(|status| status.success()), "cp");
}
