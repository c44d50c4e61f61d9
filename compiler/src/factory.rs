//! What the image holds where state is merged with the next image's, file by file: the digest of each.
//!
//! Everything is looked at through std, so that pseudo and fakeroot show owners, modes and devices as the image will have
//! them.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::FileType;
use state_schema::{Description, Digest, Entry, FactoryFile, How, Kind, Seed, StatePath, compare_paths};
use walkdir::WalkDir;

use crate::rootfs::{Found, Rootfs, factory_path};
use crate::workers;

/// The files of an image that its blob records, in the blob's order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FactoryFiles {
    /// Where each lies in the state, and what it is.
    files: Vec<(Vec<u8>, Digest)>,
}

/// The image's files could not be described.
#[derive(Debug, thiserror::Error)]
pub enum FactoryError {
    /// One could not be looked at or read.
    #[error("cannot {action} {}: {error}", path.display())]
    Read {
        /// What was to be done.
        action: &'static str,
        /// With what.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// The image does not hold what an entry is seeded from.
    #[error("cannot record what the image holds at {path} for a merge: there has to be a {wanted}", wanted = wanted.word())]
    Absent {
        /// Where.
        path: String,
        /// What has to be there.
        wanted: Kind,
    },
}

impl FactoryFiles {
    /// Describes what the image seeds the entries with that are merged. `entries` are all entries of a plan, and the image is
    /// prepared for it.
    pub fn describe<'a>(
        entries: impl Iterator<Item = Entry<'a>>,
        rootfs: &Rootfs,
    ) -> Result<Self, FactoryError> {
        let entries: Vec<_> = entries.collect();
        // What lies there is another entry's.
        let places: HashSet<&[u8]> = entries
            .iter()
            .flat_map(|entry| [entry.path, entry.state_path()])
            .map(|path| path.as_str().as_bytes())
            .collect();
        let merged = entries.iter().filter(|entry| entry.is_merged());
        let mut files = Vec::new();
        let mut inside = Vec::new();
        for entry in merged {
            files.push((entry.state_path().as_str().as_bytes().to_vec(), describe_own(entry, rootfs)?));
            if entry.kind == Kind::Directory && entry.seed == Seed::Image {
                list_inside(entry.path, &rootfs.host_path(entry.path), &places, &mut inside)?;
            }
        }
        for (file, digest) in inside.iter().zip(workers::map(&inside, |file| describe(&file.host_path))) {
            files.extend(digest?.map(|digest| (file.place.clone(), digest)));
        }
        files.sort_by(|(one, _), (other, _)| compare_paths(one, other));
        // Two symlinks may lead to one place. The first one's file is there when the second one's turn comes.
        files.dedup_by(|(one, _), (other, _)| one == other);
        Ok(Self { files })
    }

    /// The files as the blob holds them.
    pub fn iter(&self) -> impl Iterator<Item = FactoryFile<'_>> {
        self.files.iter().map(|(path, digest)| FactoryFile { path, digest })
    }
}

/// Something inside a directory that is seeded from the image.
struct Inside {
    /// Where it lies in the state.
    place: Vec<u8>,
    host_path: PathBuf,
}

/// Lists what is inside a directory of the image, without what is other entries' to take care of.
fn list_inside(
    path: StatePath<'_>,
    directory: &Path,
    places: &HashSet<&[u8]>,
    inside: &mut Vec<Inside>,
) -> Result<(), FactoryError> {
    let place = |host_path: &Path| {
        let below = host_path.strip_prefix(directory).unwrap_or(host_path);
        [path.as_str().as_bytes(), b"/", below.as_os_str().as_bytes()].concat()
    };
    // Sorted so that of several errors it is always the same one that is told.
    let found = WalkDir::new(directory).min_depth(1).sort_by_file_name().into_iter();
    for found in found.filter_entry(|found| !places.contains(&*place(found.path()))) {
        let found = found.map_err(|error| {
            let path = error.path().unwrap_or(directory).to_owned();
            FactoryError::Read { action: "look into", path, error: error.into() }
        })?;
        inside.push(Inside { place: place(found.path()), host_path: found.into_path() });
    }
    Ok(())
}

/// Describes the entry's own directory or file, with the owner and mode that it is seeded with.
fn describe_own(entry: &Entry<'_>, rootfs: &Rootfs) -> Result<Digest, FactoryError> {
    let path = match entry.how {
        How::Symlink { .. } => factory_path(entry.path),
        How::Bind | How::Overlay => entry.path.to_string(),
    };
    let absent = || FactoryError::Absent { path: path.clone(), wanted: entry.kind };
    let of_image = match entry.seed {
        Seed::Image => Some(StatePath::new(&path).map_err(|_| absent())?),
        Seed::Empty | Seed::Text(_) => None,
    };
    let new = |file_type: FileType| {
        let mode = file_type.as_raw_mode() | u32::from(entry.mode.bits());
        Description::new(mode, entry.uid, entry.gid, 0)
    };
    let description = match (entry.kind, of_image, of_image.map(|path| rootfs.look_up(path))) {
        (Kind::Directory, _, None | Some(Found::Directory(_))) => new(FileType::Directory),
        (Kind::File, _, None) => {
            let mut description = new(FileType::RegularFile);
            if let Seed::Text(text) = entry.seed {
                description.add(text.as_bytes());
            }
            description
        }
        (Kind::File, Some(path), Some(Found::File(_))) => {
            add_content(new(FileType::RegularFile), &rootfs.host_path(path))?
        }
        // The time zone, for one: what is seeded is then a symlink too.
        (Kind::File, Some(path), Some(Found::Symlink { .. })) if matches!(entry.how, How::Symlink { .. }) => {
            add_target(new(FileType::Symlink), &rootfs.host_path(path))?
        }
        _ => return Err(absent()),
    };
    Ok(description.digest())
}

/// Describes what lies at a path of the build host; `None` for a socket, which no seed has.
fn describe(path: &Path) -> Result<Option<Digest>, FactoryError> {
    let metadata = fs::symlink_metadata(path).map_err(read("look at", path))?;
    let description = Description::new(metadata.mode(), metadata.uid(), metadata.gid(), metadata.rdev());
    let description = match FileType::from_raw_mode(metadata.mode()) {
        FileType::Socket => return Ok(None),
        FileType::RegularFile => add_content(description, path)?,
        FileType::Symlink => add_target(description, path)?,
        _ => description,
    };
    Ok(Some(description.digest()))
}

fn add_content(mut description: Description, path: &Path) -> Result<Description, FactoryError> {
    let mut file = File::open(path).map_err(read("read", path))?;
    let mut chunk = [0; 1 << 14];
    loop {
        match file.read(&mut chunk) {
            Ok(0) => return Ok(description),
            Ok(length) => description.add(&chunk[..length]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(read("read", path)(error)),
        }
    }
}

fn add_target(mut description: Description, path: &Path) -> Result<Description, FactoryError> {
    let target = fs::read_link(path).map_err(read("read", path))?;
    description.add(OsStr::as_bytes(target.as_os_str()));
    Ok(description)
}

fn read(action: &'static str, path: &Path) -> impl Fn(io::Error) -> FactoryError {
    move |error| FactoryError::Read { action, path: path.to_owned(), error }
}
