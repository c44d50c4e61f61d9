//! What has to be so after each boot of a hostile sys-data, however the boot went.

use std::fs;
use std::path::Path;

use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat2};
use state_schema::{Entry, How, Lifetime};

use crate::scene::{Applied, Mount, Scene};
use crate::witness::Witness;

/// What a race adds to a name.
pub const OTHER: &str = ".other";

/// Looks after the boots of a scene.
#[derive(Clone, Copy)]
pub struct Guard<'a> {
    /// Which system boots.
    pub scene: &'a Scene,
    /// The entries of its plan.
    pub entries: &'a [Entry<'a>],
    /// What must not be touched.
    pub outside: &'a Witness,
}

impl Guard<'_> {
    /// Lets `boot` run the program, and checks what has to be so however that went: nothing outside is touched, every
    /// new mount is an entry's own, the exit status is one of those that there are, and nothing fails without a reason.
    ///
    /// # Panics
    ///
    /// When one of these is not so.
    pub fn watch(&self, what: &str, boot: impl FnOnce() -> Applied) -> Applied {
        let (seen, mounts) = (self.outside.look(), all_mounts());
        let applied = boot();
        let context = || format!("{what}: status {}; {}{:#}", applied.status, applied.stderr, applied.report);
        assert!([0, 3, 4].contains(&applied.status), "{}", context());
        if applied.status == 4 {
            assert!(applied.report["reason"].is_string(), "{}", context());
        }
        for entry in entries(&applied) {
            let failed = matches!(entry["outcome"].as_str(), Some("degraded" | "skipped"));
            assert_eq!(entry["reason"].is_string(), failed, "{}", context());
            assert!(!failed || applied.status != 0, "{}", context());
        }
        let now = all_mounts();
        // Where the report knows no slot, nothing is mounted from one.
        let slot = applied.report["slot"].as_str().unwrap_or_default();
        for mount in now.iter().filter(|mount| !mounts.contains(mount)) {
            assert!(self.is_own(mount, slot), "{mount:?} is nobody's: {}", context());
        }
        // As the services do then.
        if applied.status != 4 {
            for entry in self.entries {
                let place = self.scene.root(entry.path.as_str());
                if now.iter().any(|mount| Path::new(&mount.place) == place) {
                    write_into(&place);
                }
            }
        }
        assert_eq!(self.outside.look(), seen, "somebody was outside: {}", context());
        applied
    }

    /// The same for a second run in one boot, which has to find everything there.
    ///
    /// # Panics
    ///
    /// When it does not.
    pub fn repeat(&self, what: &str, first: &Applied, boot: impl FnOnce() -> Applied) {
        let mounts = self.scene.mounts();
        let second = self.watch(what, boot);
        assert_eq!(self.scene.mounts(), mounts, "{what}: a second run mounts something");
        assert_eq!(second.status, first.status, "{what}: {}", second.stderr);
        assert!(repairs(&second).is_empty(), "{what}: repaired again: {:#}", second.report);
    }

    /// Whether a mount is one that the plan has, at its place, of its state.
    fn is_own(&self, mount: &Mount, slot: &str) -> bool {
        // A mount goes with its directory when that gets another name, as in a race.
        let [place, root] = [&mount.place, &mount.root].map(|path| path.replace(OTHER, ""));
        let root = unreplaced(&root);
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
                _ => [&format!("/slots/{slot}/tree"), "/common/tree", "/tree"]
                    .iter()
                    .any(|tree| root == format!("{tree}{path}")),
            };
            shows && place == self.scene.root(path)
        })
    }
}

/// Where in a tree something was that a race got into `replaced/` after it was mounted: `/slots/A/replaced/etc.0/app` is
/// `/slots/A/tree/etc/app`.
fn unreplaced(root: &str) -> String {
    let Some((store, rest)) = root.split_once("/replaced/") else { return root.to_owned() };
    let (kept, beneath) =
        rest.split_once('/').map_or((rest, String::new()), |(kept, rest)| (kept, format!("/{rest}")));
    let (place, _) = kept.rsplit_once('.').unwrap_or((kept, ""));
    format!("{store}/tree/{}{beneath}", place.replace(':', "/"))
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
#[must_use]
pub fn repairs(applied: &Applied) -> Vec<String> {
    let repairs = entries(applied).iter().filter_map(|entry| entry["repaired"].as_array()).flatten();
    repairs.filter_map(|repair| repair.as_str()).map(str::to_owned).collect()
}

/// The report's entries, which every report has.
fn entries(applied: &Applied) -> &[serde_json::Value] {
    applied.report["entries"].as_array().expect("entries in the report")
}

fn all_mounts() -> Vec<Mount> {
    fs::read_to_string("/proc/self/mountinfo").expect("mountinfo").lines().map(Mount::parse).collect()
}
