//! An image, its data partition, and boots of it.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use serde_json::Value;
use state_schema::{
    BLOB_PATH, Entry, How, Image, Kind, Lifetime, Mode, MountOptions, OnFailure, OnSysDataFailure, OnUpdate,
    PROGRAM_PATH, Persistence, PlannedEntry, Scope, Seed, SlotName, SlotRule, StatePath, SysData, encode,
};
use statec::factory::FactoryFiles;
use statec::rootfs::Rootfs;

use crate::namespace::{stated, system};

/// An image in a directory, bound read-only to where it boots, and a data partition in memory. Made in the
/// working directory of a case, in its namespaces.
pub struct Scene {
    directory: PathBuf,
    /// The directory of the image that boots next.
    image_directory: &'static str,
    /// The image's id, for its next blob.
    pub image_id: &'static str,
    /// What the image wants when sys-data cannot be used, for its next blob.
    pub on_sys_data_failure: OnSysDataFailure,
}

/// What one run of the program came to.
pub struct Applied {
    /// The exit status.
    pub status: i32,
    /// What it wrote to standard error.
    pub stderr: String,
    /// The report, if there is one from this run.
    pub report: Value,
}

/// Everything about a file that a test may want to compare: type and permissions, owner, group, size, content.
pub type Snapshot = BTreeMap<PathBuf, (u32, u32, u32, Vec<u8>)>;

impl Scene {
    /// An empty image with slots A and B, started for slot A.
    ///
    /// # Panics
    ///
    /// When it cannot be made.
    #[must_use]
    pub fn new() -> Self {
        Self::in_directory("scene")
    }

    /// The same in a directory of this name, for a case with more than one.
    ///
    /// # Panics
    ///
    /// When it cannot be made.
    #[must_use]
    pub fn in_directory(name: &str) -> Self {
        Self::at(&std::env::current_dir().expect("a working directory").join(name))
    }

    /// The same at a path where nothing is yet.
    ///
    /// # Panics
    ///
    /// When it cannot be made.
    #[must_use]
    pub fn at(directory: &Path) -> Self {
        let directory = directory.to_owned();
        fs::create_dir(&directory).expect("mkdir");
        let mut scene = Self {
            directory,
            image_directory: "image",
            image_id: "image-1",
            on_sys_data_failure: OnSysDataFailure::Degrade,
        };
        for name in ["root", "data", "run"] {
            fs::create_dir(scene.directory.join(name)).expect("mkdir");
        }
        scene.use_image("image-1");
        mount_tmpfs(&scene.data(""));
        scene.start();
        scene.command_line("quiet sysota.slot=A");
        scene
    }

    /// Makes the image with this id the one that boots next, which is empty the first time.
    ///
    /// # Panics
    ///
    /// When it cannot be made.
    pub fn use_image(&mut self, id: &'static str) {
        self.image_directory = id;
        self.image_id = id;
        let top = self.image("");
        if !top.exists() {
            fs::create_dir(&top).expect("mkdir");
            // Whatever the builder's umask: an image's directories are everybody's to look at.
            fs::set_permissions(&top, fs::Permissions::from_mode(0o755)).expect("chmod");
            self.add_program();
        }
    }

    /// A path of the image, writable, as its builder sees it.
    #[must_use]
    pub fn image(&self, path: &str) -> PathBuf {
        self.directory.join(self.image_directory).join(path.trim_start_matches('/'))
    }

    /// A path of the image as the running system sees it.
    #[must_use]
    pub fn root(&self, path: &str) -> PathBuf {
        self.directory.join("root").join(path.trim_start_matches('/'))
    }

    /// A path of sys-data.
    #[must_use]
    pub fn data(&self, path: &str) -> PathBuf {
        self.directory.join("data").join(path)
    }

    /// A path beside all of this.
    #[must_use]
    pub fn beside(&self, name: &str) -> PathBuf {
        self.directory.with_file_name(name)
    }

    /// A path of the run directory.
    #[must_use]
    pub fn run(&self, path: &str) -> PathBuf {
        self.directory.join("run").join(path)
    }

    /// Puts a file into the image, with the directories above it.
    ///
    /// # Panics
    ///
    /// When it cannot be written.
    pub fn add_file(&self, path: &str, content: &str) {
        self.add_directory(path.rsplit_once('/').expect("an absolute path").0);
        fs::write(self.image(path), content).expect("a file of the image");
    }

    /// Puts the program into the image that a build puts there.
    ///
    /// # Panics
    ///
    /// When it cannot be copied.
    pub fn add_program(&self) {
        self.add_file(PROGRAM_PATH, "");
        fs::copy(system(), self.image(PROGRAM_PATH)).expect("a copy of the program");
    }

    /// Puts a directory into the image.
    ///
    /// # Panics
    ///
    /// When it cannot be made.
    pub fn add_directory(&self, path: &str) {
        fs::create_dir_all(self.image(path)).expect("a directory of the image");
    }

    /// Writes the blob of these entries into the image.
    ///
    /// # Panics
    ///
    /// When they are no plan.
    pub fn plan(&self, entries: &[Entry<'_>]) {
        self.add_file(BLOB_PATH, "");
        fs::write(self.image(BLOB_PATH), self.blob(entries, &["A", "B"])).expect("the blob");
    }

    /// The blob of these entries, with what the image holds now where they are merged.
    ///
    /// # Panics
    ///
    /// When they are no plan, or the image has nothing to seed them with.
    #[must_use]
    pub fn blob(&self, entries: &[Entry<'_>], slots: &[&str]) -> Vec<u8> {
        let mut entries = entries.to_vec();
        entries.sort_by_key(|entry| entry.path);
        let rootfs = Rootfs::open(&self.image("")).expect("an image");
        let factory_files =
            FactoryFiles::describe(entries.iter().copied(), &rootfs).expect("the image's files");
        let slots: Vec<_> = slots.iter().map(|slot| SlotName::new(slot).expect("a slot's name")).collect();
        let mount_point = self.data("");
        let mount_point = mount_point.to_str().expect("UTF-8").trim_end_matches('/');
        encode(
            Image { id: self.image_id, on_sys_data_failure: self.on_sys_data_failure },
            SysData {
                device: "PARTLABEL=x-sys-data",
                fstype: "tmpfs",
                options: "",
                mount_point: StatePath::new(mount_point).expect("a path"),
            },
            &slots,
            &[
                SlotRule { parameter: "sysota.slot", prefix: "", suffix: "" },
                SlotRule { parameter: "root", prefix: "PARTLABEL=x-sys-", suffix: "" },
            ],
            entries.into_iter().map(|entry| PlannedEntry { entry, origin: None }),
            factory_files.iter(),
        )
        .expect("a plan")
    }

    /// Makes the kernel command line say this.
    ///
    /// # Panics
    ///
    /// When it cannot be replaced.
    pub fn command_line(&self, line: &str) {
        let file = self.directory.join("cmdline");
        let is_bound = file.exists();
        fs::write(&file, format!("{line}\n")).expect("a command line");
        if !is_bound {
            // Later scenes of a case cover the earlier ones' here, as they do not exist side by side.
            bind(&file, Path::new("/proc/cmdline"));
        }
    }

    /// Runs `stated apply` with what every boot has.
    ///
    /// # Panics
    ///
    /// When it does not run.
    #[must_use]
    pub fn apply(&self) -> Applied {
        self.apply_with::<&str>(&[])
    }

    /// Runs `stated apply` with more arguments.
    ///
    /// # Panics
    ///
    /// When it does not run, or ends by a signal.
    #[must_use]
    pub fn apply_with<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Applied {
        let output = self.command().args(arguments).output().expect("stated runs");
        let stderr = String::from_utf8(output.stderr).expect("UTF-8");
        let status = output.status.code().unwrap_or_else(|| panic!("{}: {stderr}", output.status));
        self.applied(status, stderr)
    }

    /// The command that every boot runs. What an earlier run reported is removed.
    #[must_use]
    pub fn command(&self) -> Command {
        let _ = fs::remove_file(self.run("report.json"));
        let mut command = stated();
        command.arg("apply");
        command.arg("--root").arg(self.root("")).arg("--run").arg(self.run(""));
        command
    }

    /// What a run came to that ended so.
    ///
    /// # Panics
    ///
    /// When its report is not JSON.
    #[must_use]
    pub fn applied(&self, status: i32, stderr: String) -> Applied {
        let report = fs::read(self.run("report.json"))
            .map_or(Value::Null, |json| serde_json::from_slice(&json).expect("the report is JSON"));
        Applied { status, stderr, report }
    }

    /// Ends the boot and starts the next one: all mounts and the run directory are gone, sys-data stays.
    ///
    /// # Panics
    ///
    /// When something cannot be unmounted.
    pub fn reboot(&self) {
        self.end();
        self.start();
    }

    fn end(&self) {
        for place in ["root", "run"] {
            umount2(&self.directory.join(place), MntFlags::MNT_DETACH).expect("umount");
        }
    }

    /// The same, and boots the image with this id once.
    ///
    /// # Panics
    ///
    /// When something cannot be unmounted, or there is no such image.
    pub fn reboot_image(&self, id: &str) {
        self.end();
        self.start_image(&self.directory.join(id));
    }

    fn start(&self) {
        self.start_image(&self.image(""));
    }

    fn start_image(&self, image: &Path) {
        let root = self.root("");
        bind(image, &root);
        let flags = MsFlags::MS_REMOUNT | MsFlags::MS_BIND | MsFlags::MS_RDONLY;
        mount(None::<&str>, &root, None::<&str>, flags, None::<&str>).expect("a read-only root");
        mount_tmpfs(&self.run(""));
    }

    /// The lines of mountinfo that concern this scene, without the mounts' ids.
    ///
    /// # Panics
    ///
    /// When mountinfo cannot be read.
    #[must_use]
    pub fn mounts(&self) -> Vec<Mount> {
        let place = self.directory.to_str().expect("UTF-8");
        let all = fs::read_to_string("/proc/self/mountinfo").expect("mountinfo");
        all.lines().map(Mount::parse).filter(|mount| mount.place.starts_with(place)).collect()
    }

    /// The topmost mount at a path of the running system.
    ///
    /// # Panics
    ///
    /// When there is none.
    #[must_use]
    pub fn mount_at(&self, path: &str) -> Mount {
        let place = self.root(path);
        let mut mounts = self.mounts();
        mounts.retain(|mount| Path::new(&mount.place) == place);
        mounts.pop().unwrap_or_else(|| panic!("nothing is mounted at {path}"))
    }

    /// Everything on sys-data but the log, which grows with each boot.
    ///
    /// # Panics
    ///
    /// When it cannot be read.
    #[must_use]
    pub fn snapshot_without_log(&self) -> Snapshot {
        let mut snapshot = self.snapshot();
        snapshot.remove(&self.data("common/boots"));
        snapshot
    }

    /// Everything on sys-data.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        snapshot_of(&self.data(""))
    }
}

impl Default for Scene {
    fn default() -> Self {
        Self::new()
    }
}

/// A line of mountinfo.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// Where it is.
    pub place: String,
    /// What of its file system it shows.
    pub root: String,
    /// Its own options.
    pub options: String,
    /// Its file system's type, source and options.
    pub file_system: String,
}

impl Mount {
    /// Reads a line, without the ids of mount and parent.
    ///
    /// # Panics
    ///
    /// When it is none.
    #[must_use]
    pub fn parse(line: &str) -> Self {
        let (mount, file_system) = line.split_once(" - ").expect("a dash");
        let mut fields = mount.split(' ').skip(3);
        let mut next = || fields.next().expect("a field").to_owned();
        let (root, place, options) = (next(), next(), next());
        Self { place, root, options, file_system: file_system.to_owned() }
    }

    /// Whether one of its own options is this.
    #[must_use]
    pub fn has(&self, option: &str) -> bool {
        self.options.split(',').any(|other| other == option)
    }
}

impl Applied {
    /// Fails unless the run ended with this status.
    ///
    /// # Panics
    ///
    /// When it did not.
    #[must_use]
    pub fn expect(self, status: i32) -> Self {
        let Self { status: was, stderr, report } = &self;
        assert_eq!(*was, status, "status; stderr: {stderr}\nreport: {report:#}");
        assert!(report.is_null() || report["status"] == status, "the report says otherwise: {report:#}");
        self
    }

    /// What the report says about an entry.
    ///
    /// # Panics
    ///
    /// When it says nothing.
    #[must_use]
    pub fn entry(&self, path: &str) -> &Value {
        let entries = self.report["entries"].as_array().expect("entries");
        let found: Vec<_> = entries.iter().filter(|entry| entry["path"] == path).collect();
        let [entry] = found[..] else { panic!("{} entries for {path}: {:#}", found.len(), self.report) };
        entry
    }

    /// Fails unless the entry has this outcome.
    ///
    /// # Panics
    ///
    /// When it has not.
    pub fn expect_outcome(&self, path: &str, outcome: &str) {
        assert_eq!(self.entry(path)["outcome"], outcome, "{path}: {:#}\n{}", self.report, self.stderr);
    }
}

/// An ephemeral directory, bound, seeded from the image.
///
/// # Panics
///
/// When `path` is none of a plan.
#[must_use]
pub fn directory(path: &'static str) -> Entry<'static> {
    Entry {
        path: StatePath::new(path).expect("a path"),
        kind: Kind::Directory,
        lifetime: Lifetime::Ephemeral { size: None },
        how: How::Bind,
        seed: Seed::Image,
        on_failure: OnFailure::Degrade,
        uid: 0,
        gid: 0,
        mode: Mode::DIRECTORY,
        options: MountOptions::DEFAULT,
    }
}

/// An ephemeral file, bound, seeded from the image.
#[must_use]
pub fn file(path: &'static str) -> Entry<'static> {
    Entry { kind: Kind::File, mode: Mode::FILE, ..directory(path) }
}

/// The entry, but kept on sys-data, in its slot.
#[must_use]
pub fn persistent(entry: Entry<'static>) -> Entry<'static> {
    persistent_in(Scope::Slot, entry)
}

/// The entry, but kept on sys-data, for all slots.
#[must_use]
pub fn common(entry: Entry<'static>) -> Entry<'static> {
    persistent_in(Scope::Common, entry)
}

/// The entry, but kept on sys-data, in its slot, and treated so by an update.
#[must_use]
pub fn updated(on_update: OnUpdate, entry: Entry<'static>) -> Entry<'static> {
    Entry { lifetime: Lifetime::Persistent(Persistence { scope: Scope::Slot, on_update }), ..entry }
}

fn persistent_in(scope: Scope, entry: Entry<'static>) -> Entry<'static> {
    Entry { lifetime: Lifetime::Persistent(Persistence { scope, on_update: OnUpdate::Carry }), ..entry }
}

/// Binds `from` to `to`.
///
/// # Panics
///
/// When the kernel does not.
pub fn bind(from: &Path, to: &Path) {
    mount(Some(from), to, None::<&str>, MsFlags::MS_BIND, None::<&str>).expect("a bind mount");
}

/// Mounts a tmpfs.
///
/// # Panics
///
/// When the kernel does not.
pub fn mount_tmpfs(at: &Path) {
    mount(Some("tests"), at, Some("tmpfs"), MsFlags::empty(), Some("mode=0755")).expect("a tmpfs");
}

/// Everything at and below a path.
///
/// # Panics
///
/// When it cannot be read.
#[must_use]
pub fn snapshot_of(path: &Path) -> Snapshot {
    let mut snapshot = Snapshot::new();
    add_to_snapshot(path, &mut snapshot);
    snapshot
}

fn add_to_snapshot(path: &Path, snapshot: &mut Snapshot) {
    let metadata = fs::symlink_metadata(path).expect("stat");
    let content = if metadata.is_file() {
        fs::read(path).expect("a file")
    } else if metadata.is_symlink() {
        fs::read_link(path).expect("a link").into_os_string().into_encoded_bytes()
    } else {
        Vec::new()
    };
    snapshot.insert(path.to_owned(), (metadata.mode(), metadata.uid(), metadata.gid(), content));
    if metadata.is_dir() {
        for entry in fs::read_dir(path).expect("a directory") {
            add_to_snapshot(&entry.expect("an entry").path(), snapshot);
        }
    }
}
