//! A small image, compiled and prepared.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use state_schema::{Blob, Entry, How, Kind, Lifetime, Mode, MountOptions, Seed};
use state_tests::program::statec;
use tempfile::TempDir;

use crate::{Case, snapshot};

pub(crate) const CASES: &[Case] = &[
    ("image::is_planned_as_its_files_are", is_planned_as_its_files_are),
    ("image::is_prepared_once", is_prepared_once),
    ("image::is_left_alone_without_prepare", is_left_alone_without_prepare),
    ("image::is_never_left_by_a_link", is_never_left_by_a_link),
    ("image::blob_is_replaced_whole_or_not_at_all", blob_is_replaced_whole_or_not_at_all),
    ("image::inspection_as_table", || inspection_is("table", "txt")),
    ("image::inspection_as_json", || inspection_is("json", "json")),
    ("image::inspection_as_yaml", || inspection_is("yaml", "yaml")),
    ("image::inspection_as_fstab", || inspection_is("fstab", "fstab")),
    ("image::id_comes_from_os_release", id_comes_from_os_release),
    ("image::prepared_is_as_clean_as_before", prepared_is_as_clean_as_before),
    ("image::explanation_knows_the_image", explanation_knows_the_image),
];

const FRAGMENT: &str = r#"version: 1
state:
  /etcrw: persistent
  /etc/hostname:
    lifetime: persistent
    how: symlink
    to: /etcrw/hostname
    reason: hostnamed replaces it by rename
  /etc/machine-id: persistent
  /var/lib/app:
    lifetime: persistent
    scope: common
    owner: app
    group: app
  /var/lib/app/cache:
    lifetime: ephemeral
    size: 4M
    options: [noexec]
  /var/lib/made:
    lifetime: persistent
    owner: app
    group: "70"
    mode: "2750"
    on-update: reset
    on-failure: fail
  /etc/motd:
    lifetime: ephemeral
    seed: {text: "hello\n"}
  /opt:
    lifetime: persistent
    how: overlay
    on-update: merge
  /etc/app:
    lifetime: persistent
    on-update: merge
  /etc/app/spool: persistent
"#;

/// An image and the fragments for it.
pub(crate) struct Image {
    directory: TempDir,
}

impl Image {
    pub(crate) fn new() -> Self {
        let image = Self { directory: TempDir::new().unwrap() };
        fs::create_dir(image.path("fragments")).unwrap();
        fs::write(image.path("fragments/app.yaml"), FRAGMENT).unwrap();
        for directory in ["etc/app/conf.d", "opt", "var/lib/app", "usr/lib/sysota"] {
            fs::create_dir_all(image.root().join(directory)).unwrap();
        }
        for (file, text) in [
            ("etc/app/conf.d/mode", "standard\n"),
            ("etc/hostname", "factory\n"),
            ("etc/machine-id", ""),
            ("etc/passwd", "root:x:0:0::/root:/bin/sh\napp:x:70:70::/:/bin/false\n"),
            ("etc/group", "root:x:0:\napp:x:70:\n"),
        ] {
            fs::write(image.root().join(file), text).unwrap();
        }
        fs::set_permissions(image.root().join("etc/machine-id"), Permissions::from_mode(0o444)).unwrap();
        image
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.path("image")
    }

    fn blob(&self) -> PathBuf {
        self.root().join("usr/lib/sysota/state.blob")
    }

    pub(crate) fn compile(&self, arguments: &[&str]) -> Output {
        let mut statec = Command::new(statec());
        statec.args(["compile", "fragments", "--rootfs", "image"]).args(arguments);
        statec.arg("--output").arg(self.blob()).current_dir(&self.directory).output().unwrap()
    }

    fn prepared() -> Self {
        let image = Self::new();
        let output = image.compile(&["--image-id", "image 1", "--prepare"]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        image
    }
}

fn is_planned_as_its_files_are() {
    let image = Image::prepared();
    let bytes = fs::read(image.blob()).unwrap();
    let blob = Blob::decode(&bytes).unwrap();
    assert_eq!(blob.image().id, "image 1");
    let entries: Vec<Entry<'_>> = blob.entries().map(|planned| planned.unwrap().entry).collect();
    let paths: Vec<&str> = entries.iter().map(|entry| entry.path.as_str()).collect();
    let in_mount_order = [
        "/etc/app",
        "/etc/app/spool",
        "/etc/hostname",
        "/etc/machine-id",
        "/etc/motd",
        "/etcrw",
        "/opt",
        "/var/lib/app",
        "/var/lib/app/cache",
        "/var/lib/made",
    ];
    assert_eq!(paths, in_mount_order);
    let of = |path: &str| *entries.iter().find(|entry| entry.path.as_str() == path).unwrap();

    let owner = fs::metadata(image.root()).unwrap();
    let machine_id = of("/etc/machine-id");
    assert_eq!((machine_id.kind, machine_id.seed), (Kind::File, Seed::Image));
    assert_eq!((machine_id.uid, machine_id.mode), (owner.uid(), Mode::new(0o444).unwrap()));

    let hostname = of("/etc/hostname");
    assert!(matches!(hostname.how, How::Symlink { to } if to.as_str() == "/etcrw/hostname"));
    assert_eq!(hostname.seed, Seed::Image);

    let made = of("/var/lib/made");
    assert_eq!((made.uid, made.gid, made.mode), (70, 70, Mode::new(0o2750).unwrap()));
    assert_eq!(made.seed, Seed::Image, "prepared, the image holds a directory there");

    let cache = of("/var/lib/app/cache");
    assert_eq!(cache.lifetime, Lifetime::Ephemeral { size: Some(4 << 20) });
    assert_eq!(cache.options, MountOptions::NOSUID | MountOptions::NODEV | MountOptions::NOEXEC);
}

/// Every file below a directory: path, mode, owner, and a file's text or a link's target.
fn listing(root: &Path) -> Vec<String> {
    let mut lines = Vec::new();
    let mut directories = vec![root.to_owned()];
    while let Some(directory) = directories.pop() {
        for found in fs::read_dir(&directory).unwrap().map(Result::unwrap) {
            let (path, metadata) = (found.path(), found.metadata().unwrap());
            let content = if metadata.is_dir() {
                directories.push(path.clone());
                String::new()
            } else if metadata.is_symlink() {
                fs::read_link(&path).unwrap().display().to_string()
            } else {
                String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned()
            };
            let name = path.strip_prefix(root).unwrap().display().to_string();
            lines.push(format!(
                "{name} {:o} {}:{} {content:?}",
                metadata.mode(),
                metadata.uid(),
                metadata.gid()
            ));
        }
    }
    lines.sort();
    lines
}

fn is_prepared_once() {
    let image = Image::prepared();
    let root = image.root();
    assert_eq!(fs::read_link(root.join("etc/hostname")).unwrap(), Path::new("/etcrw/hostname"));
    assert_eq!(fs::read_to_string(root.join("usr/share/factory/etc/hostname")).unwrap(), "factory\n");
    assert!(root.join("etcrw").is_dir() && root.join("etc/motd").is_file());
    let made = fs::metadata(root.join("var/lib/made")).unwrap();
    assert_eq!((made.uid(), made.gid(), made.mode() & 0o7777), (70, 70, 0o2750));

    let before = listing(&root);
    assert!(image.compile(&["--image-id", "image 1", "--prepare"]).status.success());
    assert_eq!(listing(&root), before, "preparing again changes nothing, the blob included");
    assert!(image.compile(&["--image-id", "image 1"]).status.success(), "and nothing is missing any more");
}

fn is_left_alone_without_prepare() {
    let image = Image::new();
    let before = listing(&image.root());
    let output = image.compile(&["--image-id", "image 1"]);
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stderr).unwrap();
    for path in ["/etcrw", "/etc/hostname", "/etc/motd", "/var/lib/made"] {
        assert!(text.contains(&format!("at `{path}`")), "{path}: {text}");
    }
    assert!(
        !text.contains("/var/lib/app/cache"),
        "its mount point is made in the state of /var/lib/app: {text}"
    );
    assert_eq!(listing(&image.root()), before);
}

fn is_never_left_by_a_link() {
    let image = Image::new();
    let outside = image.path("outside");
    fs::create_dir(&outside).unwrap();
    let linked = image.root().join("var/lib");
    fs::remove_dir_all(&linked).unwrap();
    symlink(&outside, &linked).unwrap();
    let output = image.compile(&["--image-id", "image 1", "--prepare"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().contains("symlinked-ancestor"));
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 0);

    // The way to a factory copy is made by us alone, and no rule looks at it.
    let image = Image::new();
    let outside = image.path("outside");
    fs::create_dir(&outside).unwrap();
    symlink(&outside, image.root().join("usr/share")).unwrap();
    let output = image.compile(&["--image-id", "image 1", "--prepare"]);
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(text.contains("/usr/share is in the way"), "{text}");
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 0);
    assert_eq!(fs::read_to_string(image.root().join("etc/hostname")).unwrap(), "factory\n");
}

fn blob_is_replaced_whole_or_not_at_all() {
    let image = Image::prepared();
    let before = fs::read(image.blob()).unwrap();
    fs::write(image.path("fragments/bad.yaml"), "version: 1\nstate: {/etcrw: ephemeral}\n").unwrap();
    assert_eq!(image.compile(&["--image-id", "image 2"]).status.code(), Some(1));
    assert_eq!(fs::read(image.blob()).unwrap(), before);
    let beside = fs::read_dir(image.blob().parent().unwrap()).unwrap().count();
    assert_eq!(beside, 1, "nothing half-written lies beside it");
}

fn inspection_is(format: &str, ending: &str) {
    let image = Image::prepared();
    let output =
        Command::new(statec()).args(["inspect", "--format", format]).arg(image.blob()).output().unwrap();
    assert!(output.status.success());
    snapshot::assert_is(String::from_utf8(output.stdout).unwrap(), &format!("tests/ui/inspection.{ending}"));
}

fn id_comes_from_os_release() {
    let image = Image::new();
    let os_release = image.root().join("etc/os-release");
    fs::write(&os_release, "IMAGE_ID=gateway\n").unwrap();
    let output = image.compile(&["--prepare"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("--image-id"));

    fs::write(&os_release, "IMAGE_ID=gateway\nIMAGE_VERSION=\"7\"\nBUILD_ID=20260102\n").unwrap();
    assert!(image.compile(&["--prepare"]).status.success());
    let bytes = fs::read(image.blob()).unwrap();
    assert_eq!(Blob::decode(&bytes).unwrap().image().id, "gateway/7/20260102");
}

/// What preparing made for one entry is no content that another hides.
fn prepared_is_as_clean_as_before() {
    let image = Image::new();
    let nested = "version: 1\nstate:\n  /srv: {lifetime: persistent, seed: empty}\n  /srv/a/b: ephemeral\n";
    fs::write(image.path("fragments/nested.yaml"), nested).unwrap();
    for _ in 0..2 {
        let output = image.compile(&["--image-id", "1", "--prepare"]);
        assert_eq!((output.status.code(), String::from_utf8(output.stderr).unwrap().as_str()), (Some(0), ""));
    }
    fs::write(image.root().join("srv/a/c"), "").unwrap();
    let output = image.compile(&["--image-id", "1", "--prepare"]);
    assert!(String::from_utf8(output.stderr).unwrap().contains("the image's `/srv/a/c` will be hidden"));
}

fn explanation_knows_the_image() {
    let image = Image::prepared();
    let explain = ["explain", "/etc/machine-id", "fragments", "--rootfs", "image"];
    let output = Command::new(statec()).args(explain).current_dir(image.path("")).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    for line in ["type file the image", "mode 0444 the image"] {
        let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(text.lines().any(|of_text| words(of_text) == line), "{line}: {text}");
    }
}
