//! What an image recipe has put into BitBake's deploy directory.

use std::fs;
use std::path::{Path, PathBuf};

use super::image::Image;
use crate::failure::{Failure, OrFail as _, Outcome};

/// The files of one image.
#[derive(Debug)]
pub(super) struct Deployed {
    directory: PathBuf,
    stem: String,
}

impl Deployed {
    pub(super) fn new(directory: PathBuf, image: &str, machine: &str) -> Self {
        Self { directory, stem: format!("{image}-{machine}") }
    }

    /// The tree of the image.
    pub(super) fn image(&self) -> Outcome<Image> {
        Image::open(self.file("tar")?)
    }

    pub(super) fn blob(&self) -> Outcome<PathBuf> {
        self.file("state.blob")
    }

    /// The plan, as `statec inspect` writes it in JSON.
    pub(super) fn plan(&self) -> Outcome<String> {
        let path = self.file("state.json")?;
        fs::read_to_string(&path).or_fail(|| format!("read {}", path.display()))
    }

    /// The file with this extension. An image's name ends in `.rootfs`, an initramfs's does not.
    pub(super) fn file(&self, extension: &str) -> Outcome<PathBuf> {
        let names = [format!("{}.rootfs.{extension}", self.stem), format!("{}.{extension}", self.stem)];
        let mut places = names.iter().map(|name| self.directory.join(name));
        places.find(|place| Path::exists(place)).ok_or_else(|| {
            Failure::new(format!("{} has neither {} nor {}", self.directory.display(), names[0], names[1]))
        })
    }
}
