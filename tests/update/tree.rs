//! Trees in memory: what counts when files are merged.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

/// What is in a directory, by name.
pub(crate) type Children = BTreeMap<String, Node>;

/// A file with all that lies beneath it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Node {
    Directory { mode: u32, children: Children },
    File { mode: u32, content: String },
    Link { target: String },
}

impl Node {
    /// What lies at a place, if there is something.
    pub(crate) fn read(place: &Path) -> Option<Self> {
        let metadata = fs::symlink_metadata(place).ok()?;
        let mode = metadata.permissions().mode() & 0o7777;
        Some(if metadata.is_dir() {
            let entries = fs::read_dir(place).expect("a directory").map(|entry| {
                let name = entry.expect("an entry").file_name().into_string().expect("UTF-8");
                let node = Self::read(&place.join(&name)).expect("what is listed");
                (name, node)
            });
            Self::Directory { mode, children: entries.collect() }
        } else if metadata.is_symlink() {
            let target = fs::read_link(place).expect("a link").into_os_string().into_string();
            Self::Link { target: target.expect("UTF-8") }
        } else {
            Self::File { mode, content: fs::read_to_string(place).expect("a file") }
        })
    }

    /// Makes it at a place where nothing is.
    pub(crate) fn write(&self, place: &Path) {
        let mode = match self {
            Self::Directory { mode, children } => {
                fs::create_dir(place).expect("mkdir");
                for (name, child) in children {
                    child.write(&place.join(name));
                }
                mode
            }
            Self::File { mode, content } => {
                fs::write(place, content).expect("a file");
                mode
            }
            Self::Link { target } => return symlink(target, place).expect("symlink"),
        };
        fs::set_permissions(place, fs::Permissions::from_mode(*mode)).expect("chmod");
    }

    /// What it is, without what lies beneath.
    pub(crate) fn alone(&self) -> Self {
        match self {
            Self::Directory { mode, .. } => Self::Directory { mode: *mode, children: Children::new() },
            other => other.clone(),
        }
    }

    /// What lies beneath.
    pub(crate) fn children(&self) -> Option<&Children> {
        match self {
            Self::Directory { children, .. } => Some(children),
            _ => None,
        }
    }
}

/// Removes whatever lies at a place.
pub(crate) fn remove(place: &Path) {
    match fs::symlink_metadata(place) {
        Ok(metadata) if metadata.is_dir() => fs::remove_dir_all(place).expect("rm"),
        Ok(_) => fs::remove_file(place).expect("rm"),
        Err(_) => {}
    }
}
