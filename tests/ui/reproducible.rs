//! Same input, same bytes: whatever the order of directories, locale, user, clock, and place of the build.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use state_tests::program::statec;
use tempfile::TempDir;

use crate::Case;
use crate::image::Image;

pub(crate) const CASES: &[Case] = &[("reproducible::blob", blob), ("reproducible::findings", findings)];

/// User `nobody`.
const OTHER_USER: u32 = 65534;

/// A directory of fragments whose files were made in this order, on a file system that lists them by it.
struct Fragments {
    directory: TempDir,
}

impl Fragments {
    fn made_in_order(contents: &[(String, String)], order: impl Iterator<Item = usize>) -> Self {
        // tmpfs lists the newest file first; most file systems list by a hash, which no order would change.
        let directory = TempDir::new_in("/dev/shm").unwrap();
        for (name, text) in order.map(|n| &contents[n]) {
            fs::write(directory.path().join(name), text).unwrap();
        }
        Self { directory }
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    fn listing(&self) -> Vec<PathBuf> {
        fs::read_dir(self.path()).unwrap().map(|found| found.unwrap().file_name().into()).collect()
    }
}

fn two_orders(contents: &[(String, String)]) -> [Fragments; 2] {
    let fragments = [
        Fragments::made_in_order(contents, 0..contents.len()),
        Fragments::made_in_order(contents, (0..contents.len()).rev()),
    ];
    assert_ne!(
        fragments[0].listing(),
        fragments[1].listing(),
        "/dev/shm must be a tmpfs for this test to tell anything"
    );
    fragments
}

/// `statec` here and now, and as another user in another locale, time zone and time.
fn two_worlds() -> [Command; 2] {
    let here = Command::new(statec());
    // libfaketime works on the dynamic `statec` as on any other program.
    let mut elsewhere = Command::new("faketime");
    elsewhere.arg("1999-12-31 23:59:59").arg(elsewhere_readable());
    elsewhere
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("LC_ALL", "tr_TR.UTF-8")
        .env("LANG", "tr_TR.UTF-8");
    elsewhere.env("TZ", "Pacific/Auckland").env("HOME", "/nonexistent").uid(OTHER_USER).gid(OTHER_USER);
    [here, elsewhere]
}

/// A copy of `statec` at a place that every user can read.
fn elsewhere_readable() -> PathBuf {
    let directory = TempDir::with_prefix("statec-").unwrap().keep();
    open_to_all(&directory);
    let copy = directory.join("statec");
    fs::copy(statec(), &copy).unwrap();
    copy
}

fn open_to_all(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o777)).unwrap();
}

fn blob() {
    assert!(Command::new("faketime").arg("--version").output().is_ok(), "install faketime");
    let contents: Vec<(String, String)> = (0..20)
        .map(|n| {
            (
                format!("p{n:02}.yaml"),
                format!("version: 1\nstate:\n  /var/lib/p{n}: persistent\n  /srv: persistent\n"),
            )
        })
        .collect();
    let orders = two_orders(&contents);
    let mut blobs = Vec::new();
    for (fragments, mut statec) in orders.iter().zip(two_worlds()) {
        let image = Image::new();
        open_to_all(&image.root());
        open_to_all(image.root().parent().unwrap());
        open_to_all(fragments.path());
        let output = image.path("blob");
        let status = statec
            .arg("compile")
            .arg(fragments.path())
            .args(["--rootfs", "image", "--image-id", "1", "--output"])
            .arg(&output)
            .current_dir(image.root().parent().unwrap());
        // The image lacks the mount points: prepared as root first, since only root may give files away.
        let prepared = Command::new(state_tests::program::statec())
            .arg("compile")
            .arg(fragments.path())
            .args(["--rootfs", "image", "--image-id", "1", "--prepare", "--output", "other"])
            .current_dir(image.root().parent().unwrap())
            .status();
        assert!(prepared.unwrap().success());
        let outcome = status.output().unwrap();
        assert!(outcome.status.success(), "{}", String::from_utf8_lossy(&outcome.stderr));
        blobs.push(fs::read(output).unwrap());
    }
    assert_eq!(blobs[0], blobs[1]);
}

fn findings() {
    let contents: Vec<(String, String)> = (0..20)
        .map(|n| {
            (
                format!("p{n:02}.yaml"),
                format!("version: 1\nstate:\n  /var/lib/p: {}\n  x: y\n", ["persistent", "ephemeral"][n % 2]),
            )
        })
        .collect();
    let texts: Vec<String> = two_orders(&contents)
        .iter()
        .zip(two_worlds())
        .map(|(fragments, mut statec)| {
            open_to_all(fragments.path());
            let output = statec.args(["lint", "."]).current_dir(fragments.path()).output().unwrap();
            assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
            String::from_utf8(output.stdout).unwrap()
        })
        .collect();
    assert!(texts[0].contains("conflict"));
    assert_eq!(texts[0], texts[1]);
}
