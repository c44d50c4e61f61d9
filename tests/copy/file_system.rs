//! File systems of their own for cases.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use state_tests::scene::{Scene, bind};

/// A kind of file system.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum FileSystem {
    Btrfs,
    Ext4,
    Tmpfs,
    Xfs,
}

impl FileSystem {
    fn name(self) -> &'static str {
        match self {
            Self::Btrfs => "btrfs",
            Self::Ext4 => "ext4",
            Self::Tmpfs => "tmpfs",
            Self::Xfs => "xfs",
        }
    }

    /// Longest target of a symlink, in bytes.
    pub(crate) fn longest_target(self) -> usize {
        if self == Self::Xfs { 1023 } else { 4095 }
    }

    /// Makes one and mounts it at a new directory in the working directory. It ends with the namespace, and the
    /// loop device with it.
    pub(crate) fn mount(self) -> PathBuf {
        let place = std::env::current_dir().unwrap().join(self.name());
        fs::create_dir(&place).unwrap();
        // Whoever reads a file would change its time of access, and with it what a copy has to be like.
        let mut mount = Command::new("mount");
        if self == Self::Tmpfs {
            mount.args(["-t", "tmpfs", "-o", "noatime,size=2g", "tests"]);
        } else {
            let image = place.with_extension("img");
            fs::File::create(&image).unwrap().set_len(2 << 30).unwrap();
            run(Command::new(format!("mkfs.{}", self.name())).arg("-q").arg(&image));
            mount.args(["-o", "loop,noatime"]).arg(&image);
        }
        run(mount.arg(&place));
        place
    }
}

/// A scene with its image on one file system, its sys-data on another or the same.
pub(crate) fn scene_on(image: &Path, data: &Path) -> Scene {
    let scene = Scene::new();
    for (on, name, place) in [(image, "image", scene.image("")), (data, "data", scene.data(""))] {
        fs::create_dir(on.join(name)).unwrap();
        bind(&on.join(name), &place);
    }
    // The image is another, empty one.
    scene.add_program();
    // For the new image.
    scene.reboot();
    scene
}

/// Runs a program which has to succeed.
pub(crate) fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}: {stderr}", output.status);
    String::from_utf8_lossy(&output.stdout).into_owned()
}
