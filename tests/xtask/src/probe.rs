//! Writing to a path of a system and looking for it later.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use state_schema::{Entry, How, Kind, Lifetime, OnUpdate, Persistence, Scope};

use crate::sight::Promise;

/// A path, what is promised about it, and how programs write there.
#[derive(Clone, Debug)]
pub(crate) struct Probe {
    pub(crate) path: String,
    pub(crate) promise: Promise,
    manner: Manner,
}

/// How programs write to a path.
#[derive(Clone, Debug)]
enum Manner {
    /// They make a file in it.
    InDirectory,
    /// They write into the file.
    InPlace,
    /// They write another file and rename it over this one.
    ByRename {
        /// The file that the path is a symlink to.
        file: String,
    },
}

impl Probe {
    /// The probe of a declared path.
    pub(crate) fn of(entry: &Entry<'_>) -> Self {
        let promise = match entry.lifetime {
            Lifetime::Ephemeral { .. } => Promise::Ephemeral,
            Lifetime::Persistent(Persistence { scope: Scope::Common, .. }) => Promise::Common,
            Lifetime::Persistent(Persistence { on_update: OnUpdate::Reset, .. }) => Promise::Reset,
            Lifetime::Persistent(_) => Promise::Slot,
        };
        let manner = match (entry.how, entry.kind) {
            (How::Symlink { to }, _) => Manner::ByRename { file: to.as_str().to_owned() },
            (_, Kind::Directory) => Manner::InDirectory,
            (_, Kind::File) => Manner::InPlace,
        };
        Self { path: entry.path.as_str().to_owned(), promise, manner }
    }

    /// The probe of a directory that nobody declared.
    pub(crate) fn of_undeclared(path: &str) -> Self {
        Self { path: path.to_owned(), promise: Promise::ReadOnly, manner: Manner::InDirectory }
    }

    /// Writes `note` as a program would.
    pub(crate) fn write(&self, root: &Path, note: &str) -> io::Result<()> {
        let place = self.place(root);
        match self.manner {
            Manner::InDirectory => fs::write(place, note),
            // Without creating it: a mount point that is missing must not look like a file that is writable.
            Manner::InPlace => {
                OpenOptions::new().write(true).truncate(true).open(place)?.write_all(note.as_bytes())
            }
            Manner::ByRename { .. } => {
                let new = place.with_extension("new");
                fs::write(&new, note)?;
                fs::rename(new, place)
            }
        }
    }

    /// What is at the note's place; `None` where that is nothing, or what the path had before any write.
    pub(crate) fn read(&self, root: &Path) -> io::Result<Option<String>> {
        if let Manner::ByRename { file } = &self.manner {
            // An absolute link of the image, which would lead out of it if it were followed from here.
            let link = fs::read_link(below(root, &self.path))?;
            if link != Path::new(file) {
                return Ok(Some(format!("a link to {}", link.display())));
            }
        }
        match fs::read_to_string(self.place(root)) {
            Ok(text) if text.starts_with("written in slot") || matches!(self.manner, Manner::InDirectory) => {
                Ok(Some(text))
            }
            Ok(_) => Ok(None),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The file that is written and read.
    fn place(&self, root: &Path) -> PathBuf {
        match &self.manner {
            Manner::InDirectory => below(root, &self.path).join("demo-note"),
            Manner::InPlace => below(root, &self.path),
            Manner::ByRename { file } => below(root, file),
        }
    }
}

fn below(root: &Path, path: &str) -> PathBuf {
    root.join(path.trim_start_matches('/'))
}
