//! The system that is attacked: every kind of entry, and what has to be so after each run.

use std::fs;
use std::path::Path;

use nix::mount::{MntFlags, umount2};
use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat2};
use state_schema::{Entry, How, Lifetime, Seed, StatePath};
use state_tests::scene::{Applied, Mount, Scene, common, directory, file, mount_tmpfs, persistent};

use crate::watchdog::watch;
use crate::witness::Witness;

/// What a race adds to a name.
pub(crate) const OTHER: &str = ".other";

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

    /// Runs, and checks what has to be so however the run went: nothing outside is touched, every new mount is an
    /// entry's own, the exit status is one of those that there are, and nothing fails without a reason.
    pub(crate) fn apply(&self, what: &str, outside: &Witness) -> Applied {
        let (seen, mounts) = (outside.look(), all_mounts());
        let applied = watch(what, || self.scene.apply());
        let context = || format!("{what}: status {}; {}{:#}", applied.status, applied.stderr, applied.report);
        assert!([0, 3, 4].contains(&applied.status), "{}", context());
        if applied.status == 4 {
            assert!(applied.report["reason"].is_string(), "{}", context());
        }
        for entry in applied.report["entries"].as_array().unwrap() {
            let failed = matches!(entry["outcome"].as_str(), Some("degraded" | "skipped"));
            assert_eq!(entry["reason"].is_string(), failed, "{}", context());
            assert!(!failed || applied.status != 0, "{}", context());
        }
        let now = all_mounts();
        for mount in now.iter().filter(|mount| !mounts.contains(mount)) {
            assert!(self.is_own(mount), "{mount:?} is nobody's: {}", context());
        }
        // As the services do then.
        if applied.status != 4 {
            for entry in &self.entries {
                let place = self.scene.root(entry.path.as_str());
                if now.iter().any(|mount| Path::new(&mount.place) == place) {
                    write_into(&place);
                }
            }
        }
        assert_eq!(outside.look(), seen, "somebody was outside: {}", context());
        applied
    }

    /// Whether a mount is one that the plan has, at its place, of its state.
    fn is_own(&self, mount: &Mount) -> bool {
        // A mount goes with its directory when that gets another name, as in a race.
        let [place, root] = [&mount.place, &mount.root].map(|path| path.replace(OTHER, ""));
        let place = Path::new(&place);
        if place == self.scene.run("ephemeral") {
            return mount.root == "/" && mount.file_system.starts_with("tmpfs ");
        }
        self.entries.iter().any(|entry| {
            let path = entry.path.as_str();
            let shows = match (entry.how, entry.lifetime) {
                (How::Symlink { .. }, _) => return false,
                (How::Overlay, _) => mount.root == "/" && mount.file_system.starts_with("overlay "),
                (_, Lifetime::Ephemeral { size: Some(_) }) => mount.root == "/",
                _ => ["/slots/A/tree", "/common/tree", "/tree"]
                    .iter()
                    .any(|tree| root == format!("{tree}{path}")),
            };
            shows && place == self.scene.root(path)
        })
    }

    /// Fails unless a second run in the same boot finds everything there.
    pub(crate) fn repeat(&self, what: &str, first: &Applied, outside: &Witness) {
        let mounts = self.scene.mounts();
        let second = self.apply(what, outside);
        assert_eq!(self.scene.mounts(), mounts, "{what}: a second run mounts something");
        assert_eq!(second.status, first.status, "{what}: {}", second.stderr);
        assert!(repairs(&second).is_empty(), "{what}: repaired again: {:#}", second.report);
    }
}

/// Writes into a directory, or a file. Not everything is writable after every attack, and in a race a link may be on the
/// way, which nobody is to follow here either.
fn write_into(place: &Path) {
    let open = |place: &Path, flags| {
        openat2(CWD, place, OFlags::WRONLY | flags, Mode::RUSR | Mode::WUSR, ResolveFlags::NO_SYMLINKS)
    };
    let opened = open(&place.join("written"), OFlags::CREATE).or_else(|_| open(place, OFlags::NONBLOCK));
    if let Ok(file) = opened {
        let _ = rustix::io::write(file, b"written");
    }
}

/// What the report says was repaired.
pub(crate) fn repairs(applied: &Applied) -> Vec<String> {
    let entries = applied.report["entries"].as_array().unwrap();
    let repairs = entries.iter().filter_map(|entry| entry["repaired"].as_array()).flatten();
    repairs.map(|repair| repair.as_str().unwrap().to_owned()).collect()
}

fn all_mounts() -> Vec<Mount> {
    fs::read_to_string("/proc/self/mountinfo").unwrap().lines().map(Mount::parse).collect()
}
