//! What `statec compile` records of files that are merged.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Output};

use state_schema::{Blob, Description, Digest};
use state_tests::program::statec;
use tempfile::TempDir;

use crate::Case;

pub(crate) const CASES: &[Case] = &[
    (
        "recorded::is_the_same_whatever_the_order_of_directories",
        is_the_same_whatever_the_order_of_directories,
    ),
    (
        "recorded::owners_and_devices_are_those_that_fakeroot_shows",
        owners_and_devices_are_those_that_fakeroot_shows,
    ),
    ("recorded::unreadable_file_is_named", unreadable_file_is_named),
    ("recorded::factory_copy_has_to_be_a_file", factory_copy_has_to_be_a_file),
    ("recorded::too_many_files_are_counted", too_many_files_are_counted),
];

/// A small image with `/etc/app`, which is merged, and the place of its blob.
struct Image {
    directory: TempDir,
}

impl Image {
    fn new() -> Self {
        // tmpfs lists the newest file first; most file systems list by a hash, which no order would change.
        let image = Self { directory: TempDir::new_in("/dev/shm").unwrap() };
        fs::create_dir_all(image.directory.path().join("image/etc/app")).unwrap();
        let fragment = "version: 1\nstate: {/etc/app: {lifetime: persistent, on-update: merge}}\n";
        fs::write(image.directory.path().join("app.yaml"), fragment).unwrap();
        for open_to_all in [image.directory.path(), &image.directory.path().join("image")] {
            fs::set_permissions(open_to_all, Permissions::from_mode(0o777)).unwrap();
        }
        image
    }

    /// A place below `/etc/app`.
    fn place(&self, name: &str) -> PathBuf {
        self.directory.path().join("image/etc/app").join(name)
    }

    fn add(&self, name: &str, content: &str) {
        fs::create_dir_all(self.place(name).parent().unwrap()).unwrap();
        fs::write(self.place(name), content).unwrap();
    }

    /// Compiles it by `program`, which takes the command of `statec` as its arguments.
    fn compile(&self, mut program: Command) -> Output {
        program.args(["compile", "app.yaml", "--rootfs", "image", "--image-id", "1", "--output", "blob"]);
        program.current_dir(&self.directory).output().unwrap()
    }

    fn blob(&self) -> Vec<u8> {
        fs::read(self.directory.path().join("blob")).unwrap()
    }
}

fn assert_success(output: &Output) {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn is_the_same_whatever_the_order_of_directories() {
    let names: Vec<String> = (0..200).map(|n| format!("d{}/f{n}", n % 7)).collect();
    let orders: [Vec<&String>; 2] = [names.iter().collect(), names.iter().rev().collect()];
    let images = orders.map(|names| {
        let image = Image::new();
        for name in names {
            image.add(name, name);
        }
        assert_success(&image.compile(Command::new(statec())));
        image
    });
    let listing = |image: &Image| -> Vec<_> {
        fs::read_dir(image.place("")).unwrap().map(|found| found.unwrap().file_name()).collect()
    };
    let [one, other] = &images;
    assert_ne!(listing(one), listing(other), "/dev/shm must be a tmpfs for this test to tell anything");
    assert_eq!(one.blob(), other.blob());
    let bytes = one.blob();
    assert_eq!(Blob::decode(&bytes).unwrap().factory_files().count(), 1 + 7 + 200);
}

fn owners_and_devices_are_those_that_fakeroot_shows() {
    let image = Image::new();
    image.add("mode", "standard\n");
    let pretend = "chown 70:71 image/etc/app/mode; chmod 4750 image/etc/app/mode; mknod image/etc/app/null c 1 3; exec \"$@\"";
    let mut fakeroot = Command::new("fakeroot");
    fakeroot.args(["sh", "-c", pretend, "sh"]).arg(statec());
    assert_success(&image.compile(fakeroot));
    assert!(fs::symlink_metadata(image.place("null")).unwrap().is_file(), "it was pretended");

    let mut mode = Description::new(0o104_750, 70, 71, 0);
    mode.add(b"standard\n");
    let null = Description::new(0o020_644, 0, 0, nix::sys::stat::makedev(1, 3));
    let bytes = image.blob();
    let files = Blob::decode(&bytes).unwrap().factory_files().map(Result::unwrap);
    let files: BTreeMap<&[u8], &Digest> = files.map(|file| (file.path, file.digest)).collect();
    assert_eq!(files[&b"/etc/app/mode"[..]], &mode.digest());
    assert_eq!(files[&b"/etc/app/null"[..]], &null.digest());
}

fn unreadable_file_is_named() {
    const NOBODY: u32 = 65534;
    let image = Image::new();
    image.add("secret", "");
    image.add("secret-too", "");
    for name in ["secret", "secret-too"] {
        fs::set_permissions(image.place(name), Permissions::from_mode(0o600)).unwrap();
    }
    let program = image.directory.path().join("statec");
    fs::copy(statec(), &program).unwrap();
    let mut nobody = Command::new(program);
    nobody.uid(NOBODY).gid(NOBODY);
    let output = image.compile(nobody);
    assert_eq!(
        (output.status.code(), String::from_utf8(output.stderr).unwrap().as_str()),
        (Some(2), "statec: cannot read image/etc/app/secret: Permission denied (os error 13)\n")
    );
    assert!(!image.directory.path().join("blob").exists());
}

fn factory_copy_has_to_be_a_file() {
    let image = Image::new();
    let root = image.directory.path();
    let fragment = "version: 1\nstate:\n  /etc/app: persistent\n  /etc/link:\n    lifetime: persistent\n    \
                    how: symlink\n    to: /etc/app/file\n    on-update: merge\n";
    fs::write(root.join("app.yaml"), fragment).unwrap();
    fs::create_dir_all(root.join("image/usr/share/factory/etc/link")).unwrap();
    symlink("/etc/app/file", root.join("image/etc/link")).unwrap();
    let output = image.compile(Command::new(statec()));
    assert_eq!(
        (output.status.code(), String::from_utf8(output.stderr).unwrap().as_str()),
        (
            Some(2),
            "statec: cannot record what the image holds at /usr/share/factory/etc/link for a merge: there has to be a \
             file\n"
        )
    );
}

fn too_many_files_are_counted() {
    let image = Image::new();
    let deep = [const { "directory-name-of-250-bytes" }; 3].map(|name| format!("{name:-<250}")).join("/");
    image.add(&format!("{deep}/0"), "");
    for n in 0..22_000 {
        fs::write(image.place(&format!("{deep}/{n}")), "").unwrap();
    }
    let output = image.compile(Command::new(statec()));
    assert_eq!(
        (output.status.code(), String::from_utf8(output.stderr).unwrap().as_str()),
        (
            Some(2),
            "statec: the plan is longer than 16777216 bytes, with 22004 of the image's files in it: a path with `on-update: merge` \
             takes some for each file, so let those that hold many carry on or be reset\n"
        )
    );
}
