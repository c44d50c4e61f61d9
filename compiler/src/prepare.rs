//! What a plan needs in the image and a package did not bring: mount points, symlinks and factory copies.
//!
//! Everything is made through std, so that pseudo and fakeroot see it, and only where [`Rootfs::look_up`] found
//! the way free of links. Preparing a prepared image changes nothing.

use std::fs::{self, DirBuilder, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt, chown, lchown, symlink};
use std::path::{Path, PathBuf};

use state_schema::{Entry, How, Kind, Mode, StatePath};

use crate::plan::Plan;
use crate::rootfs::{Access, Found, Rootfs, factory_path};

/// The image could not be prepared.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    /// Something could not be made.
    #[error("cannot {action} {}: {error}", path.display())]
    Make {
        /// What was to be done.
        action: &'static str,
        /// With what.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// The way to a path that the plan needs is blocked.
    #[error("cannot make {path} in the image: {blocker} is in the way")]
    Blocked {
        /// The path.
        path: String,
        /// What stands there.
        blocker: String,
    },
}

/// Makes what the image lacks.
pub fn prepare(plan: &Plan, rootfs: &Rootfs) -> Result<(), PrepareError> {
    for planned in plan.entries() {
        match planned.entry.how {
            How::Bind | How::Overlay => make_mount_point(&planned.entry, rootfs)?,
            How::Symlink { to } => make_symlink(planned.entry.path, to, rootfs)?,
        }
    }
    Ok(())
}

/// The mount point has the entry's own owner and mode: should the mount fail, nothing is opened up.
fn make_mount_point(entry: &Entry<'_>, rootfs: &Rootfs) -> Result<(), PrepareError> {
    if rootfs.look_up(entry.path) != Found::Nothing {
        return Ok(());
    }
    make_parents(entry.path, rootfs)?;
    let place = rootfs.host_path(entry.path);
    match entry.kind {
        Kind::Directory => DirBuilder::new().mode(0o700).create(&place).map_err(make("create", &place))?,
        Kind::File => {
            OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(&place)
                .map_err(make("create", &place))?;
        }
    }
    give(&place, Access { uid: entry.uid, gid: entry.gid, mode: entry.mode })
}

fn make_symlink(path: StatePath<'_>, to: StatePath<'_>, rootfs: &Rootfs) -> Result<(), PrepareError> {
    let place = rootfs.host_path(path);
    match rootfs.look_up(path) {
        Found::Symlink { target } if target == to.as_str() => return Ok(()),
        Found::Nothing => make_parents(path, rootfs)?,
        Found::File(_) | Found::Symlink { .. } => {
            let factory = factory_path(path);
            // A path that is at its longest already has no room for the prefix.
            let factory = StatePath::new(&factory).map_err(|fault| PrepareError::Blocked {
                path: factory.clone(),
                blocker: fault.to_string(),
            })?;
            if let Found::Directory(_) | Found::Special(_) = rootfs.look_up(factory) {
                return Err(blocked(factory.as_str(), factory.as_str()));
            }
            make_parents(factory, rootfs)?;
            let copy = rootfs.host_path(factory);
            // A rename keeps all that belongs to the file, and there is no moment without it.
            fs::rename(&place, &copy).map_err(make("move to the factory copies:", &place))?;
        }
        _ => return Err(blocked(path.as_str(), path.as_str())),
    }
    symlink(to.as_str(), &place).map_err(make("create", &place))?;
    lchown(&place, Some(0), Some(0)).map_err(make("set the owner of", &place))
}

/// Makes the directories above a path, owned by root and open to all as an image's are.
fn make_parents(path: StatePath<'_>, rootfs: &Rootfs) -> Result<(), PrepareError> {
    let Some(parent) = path.parent() else { return Ok(()) };
    match rootfs.look_up(parent) {
        Found::Directory(_) => Ok(()),
        Found::Nothing => {
            make_parents(parent, rootfs)?;
            let place = rootfs.host_path(parent);
            DirBuilder::new().mode(0o700).create(&place).map_err(make("create", &place))?;
            give(&place, Access { uid: 0, gid: 0, mode: Mode::DIRECTORY })
        }
        Found::BehindSymlink { ancestor, .. } | Found::BehindFile { ancestor } => {
            Err(blocked(path.as_str(), &ancestor))
        }
        _ => Err(blocked(path.as_str(), parent.as_str())),
    }
}

/// Sets owner and mode, the owner first: chown(2) clears set-ID bits.
fn give(place: &Path, access: Access) -> Result<(), PrepareError> {
    chown(place, Some(access.uid), Some(access.gid)).map_err(make("set the owner of", place))?;
    let permissions = Permissions::from_mode(u32::from(access.mode.bits()));
    fs::set_permissions(place, permissions).map_err(make("set the mode of", place))
}

fn make(action: &'static str, path: &Path) -> impl Fn(io::Error) -> PrepareError {
    move |error| PrepareError::Make { action, path: path.to_owned(), error }
}

fn blocked(path: &str, blocker: &str) -> PrepareError {
    PrepareError::Blocked { path: path.to_owned(), blocker: blocker.to_owned() }
}
