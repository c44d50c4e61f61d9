//! The system that is attacked: every kind of entry, and what has to be so after each run.

use nix::mount::{MntFlags, umount2};
use state_schema::{Entry, How, Lifetime, Seed, StatePath};
use state_tests::guard::Guard;
use state_tests::scene::{Applied, Scene, common, directory, file, mount_tmpfs, persistent};
use state_tests::witness::Witness;

use crate::watchdog::watch;

/// A system with every kind of entry.
pub(crate) struct Target {
    pub(crate) scene: Scene,
    entries: Vec<Entry<'static>>,
}

impl Target {
    pub(crate) fn new() -> Self {
        let scene = Scene::new();
        for path in [
            "/etc/app",
            "/opt/tool/sub",
            "/var/lib/app",
            "/var/lib/keys",
            "/srv/shared",
            "/etcrw/sub",
            "/mem/keep",
            "/own",
            "/usr/lib",
        ] {
            scene.add_file(&format!("{path}/factory"), "factory");
        }
        for path in ["/etc/conf", "/var/lib/file", "/srv/status", "/usr/share/factory/etc/hostname"] {
            scene.add_file(path, "factory");
        }
        std::os::unix::fs::symlink("/etcrw/sub/hostname", scene.image("/etc/hostname")).unwrap();
        let link = How::Symlink { to: StatePath::new("/etcrw/sub/hostname").unwrap() };
        let entries = vec![
            persistent(directory("/etc/app")),
            persistent(file("/etc/conf")),
            persistent(Entry { how: link, ..file("/etc/hostname") }),
            persistent(directory("/etcrw")),
            directory("/mem"),
            persistent(directory("/mem/keep")),
            persistent(Entry { how: How::Overlay, ..directory("/opt/tool") }),
            Entry { lifetime: Lifetime::Ephemeral { size: Some(1 << 20) }, ..directory("/own") },
            common(directory("/srv/shared")),
            common(file("/srv/status")),
            persistent(directory("/var")),
            directory("/var/lib/app"),
            Entry { seed: Seed::Text("text"), ..file("/var/lib/file") },
            persistent(directory("/var/lib/keys")),
        ];
        scene.plan(&entries);
        Self { scene, entries }
    }

    /// Starts over with an empty sys-data, boots once, and goes down again.
    pub(crate) fn renew(&self) -> Witness {
        umount2(&self.scene.data(""), MntFlags::MNT_DETACH).unwrap();
        mount_tmpfs(&self.scene.data(""));
        let _ = self.scene.apply().expect(0);
        self.scene.reboot();
        Witness::set_up(&self.scene)
    }

    /// Boots, and checks what has to be so however that went.
    pub(crate) fn apply(&self, what: &str, outside: &Witness) -> Applied {
        self.guard(outside).watch(what, || watch(what, || self.scene.apply()))
    }

    /// Fails unless a second run in the same boot finds everything there.
    pub(crate) fn repeat(&self, what: &str, first: &Applied, outside: &Witness) {
        self.guard(outside).repeat(what, first, || watch(what, || self.scene.apply()));
    }

    fn guard<'a>(&'a self, outside: &'a Witness) -> Guard<'a> {
        Guard { scene: &self.scene, entries: &self.entries, outside }
    }
}
