//! Fragment files as text, found and read.
//!
//! Parsing takes text; this is the one place of the front end that touches the file system.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use crate::check::{not_utf8, yaml_limit};
use crate::diagnostic::{Findings, Span};
use crate::workers;

/// Longest fragment that is read, in bytes. Fragments are written by hand; a longer file is a mistake.
pub const MAX_FILE_LEN: u64 = 1 << 20;

/// Which source, in the order of [`Sources`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceId(u32);

/// One file, as far as it is text.
#[derive(Debug)]
pub struct Source {
    /// The path as a person can open it: the argument, and below a directory the file's path in it.
    pub name: String,
    /// The path below the argument's directory: what the blob records, so that it depends on no build's paths.
    pub origin: String,
    /// All of the file. Empty where the file is no text, of which a finding then tells.
    pub text: String,
}

/// All files of a run, in the order they are read: arguments as given, a directory's files by name.
#[derive(Debug, Default)]
pub struct Sources {
    files: Vec<Source>,
}

/// A fragment file or directory could not be read.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// A file or directory could not be read.
    #[error("cannot read {path}: {error}")]
    Read {
        /// What was to be read.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// A file's name is not UTF-8 and could be printed neither in a diagnostic nor in a report.
    #[error("the name of {0:?} is not UTF-8: rename the file")]
    Name(PathBuf),
    /// Under a fragment's name lies something that can have no end.
    #[error("{} is not a regular file", .0.display())]
    NotAFile(PathBuf),
    /// There are more files than any image has packages.
    #[error("more than {} fragment files: is {} the right directory?", MAX_FILES, .0.display())]
    TooMany(PathBuf),
    /// A directory holds no fragment.
    #[error("no fragment (*.yaml) in {}", .0.display())]
    NoFragments(PathBuf),
}

/// Most files in one run.
pub const MAX_FILES: usize = 20_000;

/// A file that is to be read.
struct Listed {
    path: PathBuf,
    name: String,
    origin: String,
}

/// What a file holds.
enum Content {
    Bytes(Vec<u8>),
    /// More than [`MAX_FILE_LEN`].
    TooLong(u64),
}

impl Sources {
    /// Reads each argument: a file, or all `*.yaml` and `*.yml` below a directory.
    pub fn read(arguments: &[PathBuf], findings: &mut Findings) -> Result<Self, SourceError> {
        let mut files = Vec::new();
        for argument in arguments {
            let is_directory = fs::metadata(argument).map_err(|error| read_error(argument, error))?.is_dir();
            if is_directory {
                list_directory(argument, &mut files)?;
            } else {
                files.push(Listed::alone(argument)?);
            }
            if files.len() > MAX_FILES {
                return Err(SourceError::TooMany(argument.clone()));
            }
        }
        let contents = workers::map(&files, |file| Content::read(&file.path));
        let mut sources = Self::default();
        for (file, content) in files.into_iter().zip(contents) {
            sources.add_content(file, content?, findings);
        }
        Ok(sources)
    }

    /// Reads one more file, whatever its name.
    pub fn read_one(&mut self, path: &Path, findings: &mut Findings) -> Result<SourceId, SourceError> {
        let content = Content::read(path)?;
        Ok(self.add_content(Listed::alone(path)?, content, findings))
    }

    fn add_content(&mut self, file: Listed, content: Content, findings: &mut Findings) -> SourceId {
        let Listed { name, origin, .. } = file;
        match content {
            Content::Bytes(bytes) => self.add_bytes(name, origin, bytes, findings),
            Content::TooLong(length) => {
                let source = self.add(name, origin, String::new());
                findings.add(yaml_limit::file_len(Span::start_of(source), length));
                source
            }
        }
    }

    /// Adds a file from memory; a finding tells where it is no text.
    pub fn add_bytes(
        &mut self,
        name: String,
        origin: String,
        bytes: Vec<u8>,
        findings: &mut Findings,
    ) -> SourceId {
        match String::from_utf8(bytes) {
            Ok(text) => self.add(name, origin, text),
            Err(error) => {
                // Each wrong byte becomes one that is right, so that every place in the text stays where it was.
                let at = error.utf8_error().valid_up_to();
                let byte = error.as_bytes().get(at).copied().unwrap_or_default();
                let text = error
                    .as_bytes()
                    .iter()
                    .map(|&b| if b.is_ascii() { char::from(b) } else { '?' })
                    .collect();
                let source = self.add(name, origin, text);
                findings.add(not_utf8::finding(Span::new(source, at, at + 1), byte));
                source
            }
        }
    }

    fn add(&mut self, name: String, origin: String, text: String) -> SourceId {
        // MAX_FILES is far below what the number holds.
        let id = SourceId(u32::try_from(self.files.len()).unwrap_or(u32::MAX));
        self.files.push(Source { name, origin, text });
        id
    }

    /// The file of an id that this value gave out.
    #[must_use]
    pub fn get(&self, id: SourceId) -> &Source {
        &self.files[id.0 as usize]
    }

    /// All files with their ids.
    pub fn iter(&self) -> impl Iterator<Item = (SourceId, &Source)> {
        (0_u32..).map(SourceId).zip(&self.files)
    }

    /// How many files there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// Whether there is no file.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }
}

impl Source {
    /// The line, from 1, that the byte lies in.
    #[must_use]
    pub fn line(&self, byte: usize) -> u32 {
        let before = self.text.get(..byte).unwrap_or(&self.text);
        // MAX_FILE_LEN is far below what the number holds.
        u32::try_from(before.bytes().filter(|&byte| byte == b'\n').count() + 1).unwrap_or(u32::MAX)
    }

    /// The column, from 1 and in characters, of the byte.
    #[must_use]
    pub fn column(&self, byte: usize) -> usize {
        column_after(self.text.get(..byte).unwrap_or(&self.text))
    }
}

/// The column, from 1 and in characters, of what follows a file's beginning. A byte order mark is none of them: no editor
/// shows it.
pub(crate) fn column_after(beginning: &str) -> usize {
    let line = beginning.rsplit('\n').next().unwrap_or_default();
    line.strip_prefix('\u{feff}').unwrap_or(line).chars().count() + 1
}

impl Listed {
    fn new(path: &Path, origin: &Path) -> Result<Self, SourceError> {
        let named =
            |path: &Path| path.to_str().map(str::to_owned).ok_or_else(|| SourceError::Name(path.to_owned()));
        Ok(Self { path: path.to_owned(), name: named(path)?, origin: named(origin)? })
    }

    /// A file that was named itself.
    fn alone(path: &Path) -> Result<Self, SourceError> {
        Self::new(path, path.file_name().map_or(path, Path::new))
    }
}

/// Adds all fragments below a directory, by name.
fn list_directory(directory: &Path, files: &mut Vec<Listed>) -> Result<(), SourceError> {
    let before = files.len();
    for found in WalkDir::new(directory).sort_by_file_name() {
        let found = found.map_err(|error| {
            let path = error.path().unwrap_or(directory).to_owned();
            SourceError::Read { path, error: error.into() }
        })?;
        let (path, kind) = (found.path(), found.file_type());
        let is_fragment = path.extension().is_some_and(|ending| ending == "yaml" || ending == "yml");
        if !is_fragment || kind.is_dir() {
            continue;
        }
        // Opening a FIFO waits for somebody to write into it, and nobody asked for this one by its name.
        let is_file = kind.is_file()
            || kind.is_symlink() && fs::metadata(path).map_err(|error| read_error(path, error))?.is_file();
        if !is_file {
            return Err(SourceError::NotAFile(path.to_owned()));
        }
        if files.len() >= MAX_FILES {
            return Err(SourceError::TooMany(directory.to_owned()));
        }
        files.push(Listed::new(path, path.strip_prefix(directory).unwrap_or(path))?);
    }
    if files.len() == before {
        return Err(SourceError::NoFragments(directory.to_owned()));
    }
    Ok(())
}

impl Content {
    fn read(path: &Path) -> Result<Self, SourceError> {
        let read = || -> io::Result<Self> {
            let file = File::open(path)?;
            let length = file.metadata()?.len();
            let mut bytes = Vec::with_capacity(usize::try_from(length.min(MAX_FILE_LEN)).unwrap_or_default());
            // What is no regular file has no length beforehand, and may have no end.
            (&file).take(MAX_FILE_LEN + 1).read_to_end(&mut bytes)?;
            let read = bytes.len() as u64;
            Ok(if read > MAX_FILE_LEN { Self::TooLong(length.max(read)) } else { Self::Bytes(bytes) })
        };
        read().map_err(|error| read_error(path, error))
    }
}

fn read_error(path: &Path, error: io::Error) -> SourceError {
    SourceError::Read { path: path.to_owned(), error }
}
