//! What the blob records of files that are merged is what they are seeded with: a merge takes state for untouched exactly
//! if it is equal to its record.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;

use nix::sys::stat;
use nix::unistd::mkfifo;
use state_schema::{
    BLOB_PATH, Blob, Description, Digest, Entry, How, Lifetime, Mode, OnUpdate, Persistence, Scope, Seed,
    StatePath,
};
use state_tests::scene::{Scene, directory, file, persistent, updated};

use crate::Case;

pub(crate) const CASES: &[Case] =
    &[("recorded::untouched_state_is_equal_to_its_record", untouched_state_is_equal_to_its_record)];

/// Everything below a directory of the build host, by its path below it with a leading slash.
type Described = BTreeMap<Vec<u8>, Digest>;

fn describe_below(directory: &Path, path: &[u8], described: &mut Described) {
    for found in fs::read_dir(directory).unwrap().map(Result::unwrap) {
        let (place, metadata) = (found.path(), found.metadata().unwrap());
        let path = [path, b"/", found.file_name().as_bytes()].concat();
        let (mode, rdev) = (metadata.mode(), metadata.rdev());
        let mut description = Description::new(mode, metadata.uid(), metadata.gid(), rdev);
        if metadata.is_file() {
            description.add(&fs::read(&place).unwrap());
        } else if metadata.is_symlink() {
            description.add(fs::read_link(&place).unwrap().as_os_str().as_bytes());
        } else if metadata.is_dir() {
            describe_below(&place, &path, described);
        }
        described.insert(path, description.digest());
    }
}

fn link(path: &'static str, to: &'static str) -> Entry<'static> {
    let to = StatePath::new(to).unwrap();
    updated(OnUpdate::Merge, Entry { how: How::Symlink { to }, ..file(path) })
}

fn untouched_state_is_equal_to_its_record() {
    let scene = Scene::new();
    let merged = |entry| updated(OnUpdate::Merge, entry);
    for (path, content, mode) in [
        ("/etc/app/conf.d/kept/key", "the nested entry's", 0o600),
        ("/etc/app/conf.d/mode", "standard\n", 0o640),
        ("/etc/app/conf.d/program", "#!", 0o4755),
        ("/etc/app/conf.d/scratch/file", "the nested entry's", 0o644),
        ("/etc/app/own/file", "of another entry that is merged", 0o644),
        ("/etc/app/own-not", "beside it", 0o644),
        ("/etc/app/large", &"0123456789".repeat(10_000), 0o644),
        ("/etc/app.conf", "a file by itself", 0o600),
        ("/etc/empty/content", "is not seeded", 0o644),
        ("/etcrw/other", "beside the links' files", 0o644),
        ("/opt/file", "below an overlay", 0o644),
        ("/srv/file", "of common state", 0o644),
        ("/usr/share/factory/etc/hostname", "factory\n", 0o600),
    ] {
        scene.add_file(path, content);
        fs::set_permissions(scene.image(path), Permissions::from_mode(mode)).unwrap();
    }
    scene.add_directory("/etc/app/nothing");
    fs::set_permissions(scene.image("/etc/app/conf.d"), Permissions::from_mode(0o2750)).unwrap();
    for (place, target) in [
        ("/etc/app/link", "conf.d/mode"),
        ("/etc/hostname", "/etcrw/hostname"),
        ("/etc/localtime", "../etcrw/localtime"),
        ("/usr/share/factory/etc/localtime", "/usr/share/zoneinfo/UTC"),
    ] {
        symlink(target, scene.image(place)).unwrap();
    }
    mkfifo(&scene.image("/etc/app/fifo"), stat::Mode::from_bits_truncate(0o620)).unwrap();
    fs::hard_link(scene.image("/etc/app/conf.d/mode"), scene.image("/etc/app/second-name")).unwrap();
    fs::write(scene.image("/etc/app").join(OsStr::from_bytes(b"\xff\n")), "a name of any bytes").unwrap();
    let _socket = UnixListener::bind(scene.image("/etc/app/socket")).unwrap();

    let in_common = Lifetime::Persistent(Persistence { scope: Scope::Common, on_update: OnUpdate::Merge });
    scene.plan(&[
        merged(directory("/etc/app")),
        persistent(directory("/etc/app/conf.d/kept")),
        directory("/etc/app/conf.d/scratch"),
        merged(Entry { mode: Mode::new(0o1777).unwrap(), ..directory("/etc/app/own") }),
        merged(file("/etc/app.conf")),
        merged(Entry { seed: Seed::Empty, ..directory("/etc/empty") }),
        link("/etc/hostname", "/etcrw/hostname"),
        link("/etc/localtime", "/etcrw/localtime"),
        merged(Entry { seed: Seed::Text("said by the plan\n"), ..file("/etc/text") }),
        merged(directory("/etcrw")),
        merged(Entry { how: How::Overlay, ..directory("/opt") }),
        Entry { lifetime: in_common, ..directory("/srv") },
    ]);
    fs::write(scene.image("/etc/text"), "").unwrap();
    let _ = scene.apply().expect(0);

    let mut state = Described::new();
    describe_below(&scene.data("slots/A/tree"), b"", &mut state);
    // What stands above entries is nobody's, what nested entries have is theirs, and an overlay holds only changes.
    let nobodys = |path: &[u8]| path == b"/etc";
    let others = |path: &[u8]| {
        [&b"/etc/app/conf.d/kept"[..], b"/etc/app/conf.d/scratch", b"/opt"]
            .iter()
            .any(|other| path.starts_with(other))
    };
    state.retain(|path, _| !nobodys(path) && !others(path));

    let bytes = fs::read(scene.image(BLOB_PATH)).unwrap();
    let files = Blob::decode(&bytes).unwrap().factory_files().map(Result::unwrap);
    let recorded: Described = files.map(|file| (file.path.to_vec(), *file.digest)).collect();
    let names = |described: &Described| -> Vec<String> {
        described.keys().map(|path| path.escape_ascii().to_string()).collect()
    };
    assert_eq!(names(&recorded), names(&state));
    for (path, digest) in &state {
        assert_eq!(recorded[path], *digest, "{}", path.escape_ascii());
    }
    assert_eq!(recorded.len(), 20);
}
