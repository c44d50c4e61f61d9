//! One path and what becomes of it.
//!
//! The order of enum variants and struct fields is the wire format: variants may be added at an end, and any
//! other change is a new format version.

use core::fmt;

use serde::Serialize;

use crate::StatePath;
use crate::fields::{Fields, FromFields};

/// One path of the image with its resolved policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Entry<'a> {
    /// The path that becomes writable.
    pub path: StatePath<'a>,
    /// What lies there.
    pub kind: Kind,
    /// How long writes to it last.
    pub lifetime: Lifetime,
    /// By which means it becomes writable.
    pub how: How<'a>,
    /// Its first content.
    pub seed: Seed<'a>,
    /// What follows when it cannot be made writable.
    pub on_failure: OnFailure,
    /// Owner it is seeded with.
    pub uid: u32,
    /// Group it is seeded with.
    pub gid: u32,
    /// Permissions it is seeded with.
    pub mode: Mode,
    /// Attributes of its mount.
    pub options: MountOptions,
}

impl<'a> Entry<'a> {
    /// Where its state lies in the tree of its store: for a symlink where that points to, else at its own path.
    #[must_use]
    pub fn state_path(&self) -> StatePath<'a> {
        match self.how {
            How::Symlink { to } => to,
            How::Bind | How::Overlay => self.path,
        }
    }

    /// Whether a new image's files are merged with its state, one by one, so that the blob records what the image has.
    ///
    /// An overlay needs none of that: what was not changed is not in its state, and so is the new image's.
    #[must_use]
    pub fn is_merged(&self) -> bool {
        let merges = Persistence { scope: Scope::Slot, on_update: OnUpdate::Merge };
        self.lifetime == Lifetime::Persistent(merges) && self.how != How::Overlay
    }
}

/// What lies at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Kind {
    /// A directory with all that it holds.
    Directory,
    /// A single regular file.
    File,
}

impl Kind {
    /// The word for it, in fragments as in messages.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Directory => "directory",
            Self::File => "file",
        }
    }
}

/// How long writes to an entry last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Lifetime {
    /// Lost at reboot: kept in memory.
    Ephemeral {
        /// Bytes that the entry's own tmpfs holds; `None` for the tmpfs which all such entries share.
        size: Option<u64>,
    },
    /// Kept on sys-data.
    Persistent(Persistence),
}

/// Where on sys-data a persistent entry lives, and what a new image does to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Persistence {
    /// Whether the state belongs to a slot.
    pub scope: Scope,
    /// What a transition to another image does.
    pub on_update: OnUpdate,
}

/// Whether persistent state belongs to a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Scope {
    /// Each slot has its own; going back to the old slot goes back to the old state.
    Slot,
    /// One for all slots: never copied, reverted or reset.
    Common,
}

impl Scope {
    /// The word for it, in fragments as in messages.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Slot => "slot",
            Self::Common => "common",
        }
    }
}

/// What a transition to another image does to slot state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum OnUpdate {
    /// State goes on unchanged.
    Carry,
    /// File by file: what the user did not touch follows the new image.
    Merge,
    /// Seeded afresh from the new image.
    Reset,
}

impl OnUpdate {
    /// The word for it, in fragments as in messages.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Carry => "carry",
            Self::Merge => "merge",
            Self::Reset => "reset",
        }
    }
}

/// By which means an entry becomes writable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum How<'a> {
    /// The state is bound over the path.
    Bind,
    /// An overlay: the image's directory below, the state above it.
    Overlay,
    /// The image holds a symlink at the path; the state is a file in a writable directory.
    Symlink {
        /// What the symlink points to. Lies beneath a directory entry that is bound.
        to: StatePath<'a>,
    },
}

impl How<'_> {
    /// The word for it, in fragments as in messages.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Bind => "bind",
            Self::Overlay => "overlay",
            Self::Symlink { .. } => "symlink",
        }
    }
}

/// The first content of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Seed<'a> {
    /// What the image holds at the path, or, for [`How::Symlink`], below [`FACTORY_DIR`](crate::FACTORY_DIR).
    Image,
    /// An empty directory or file.
    Empty,
    /// A file with this text.
    Text(&'a str),
}

/// What follows when an entry cannot be made writable as planned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum OnFailure {
    /// The boot of this slot has failed.
    Fail,
    /// The entry is made ephemeral, so that the system runs, and is reported as degraded.
    Degrade,
    /// The path is left as the image has it, and is reported as skipped.
    Skip,
}

/// Permissions: the twelve bits of `chmod(2)`.
///
/// # Invariants
///
/// At most `0o7777`.
#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Mode(u16);

impl Mode {
    /// A directory's permissions where neither the fragment nor the image says any.
    pub const DIRECTORY: Self = Self(0o755);
    /// A file's permissions where neither the fragment nor the image says any.
    pub const FILE: Self = Self(0o644);

    /// Checks that `bits` are permissions only.
    pub fn new(bits: u16) -> Result<Self, UnknownBits> {
        if bits > 0o7777 { Err(UnknownBits) } else { Ok(Self(bits)) }
    }

    /// The twelve bits.
    #[must_use]
    pub fn bits(self) -> u16 {
        self.0
    }
}

/// Four octal digits, as `chmod(1)` takes them.
impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04o}", self.0)
    }
}

impl fmt::Debug for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A number has bits that its type does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownBits;

impl fmt::Display for UnknownBits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("unknown bits")
    }
}

impl core::error::Error for UnknownBits {}

bitflags::bitflags! {
    /// Attributes of a mount, each named after its option of `mount(8)`.
    ///
    /// The numbers are the format's own; they are not the kernel's `MOUNT_ATTR_*`.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
    pub struct MountOptions: u8 {
        /// Set-user-ID and set-group-ID bits and file capabilities have no effect.
        const NOSUID = 1 << 0;
        /// Device nodes cannot be opened.
        const NODEV = 1 << 1;
        /// No program can be executed.
        const NOEXEC = 1 << 2;
        /// Symlinks are not followed.
        const NOSYMFOLLOW = 1 << 3;
        /// Access times are not updated.
        const NOATIME = 1 << 4;
    }
}

impl MountOptions {
    /// What an entry gets when its fragment lifts nothing: state is data, neither privilege nor device.
    pub const DEFAULT: Self = Self::NOSUID.union(Self::NODEV);

    /// Each option with the word that sets it and the word that lifts it, in bit order.
    pub const WORDS: [(Self, &'static str, &'static str); 5] = [
        (Self::NOSUID, "nosuid", "suid"),
        (Self::NODEV, "nodev", "dev"),
        (Self::NOEXEC, "noexec", "exec"),
        (Self::NOSYMFOLLOW, "nosymfollow", "symfollow"),
        (Self::NOATIME, "noatime", "atime"),
    ];
}

impl Serialize for MountOptions {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(self.bits())
    }
}

impl<'a> FromFields<'a> for Entry<'a> {
    #[inline(never)]
    fn from_fields(fields: &mut Fields<'a>) -> Self {
        Self {
            path: fields.path(),
            kind: fields.one_of(Kind::Directory, [Kind::File]),
            lifetime: Lifetime::from_fields(fields),
            how: How::from_fields(fields),
            seed: Seed::from_fields(fields),
            on_failure: fields.one_of(OnFailure::Fail, [OnFailure::Degrade, OnFailure::Skip]),
            uid: fields.number32(),
            gid: fields.number32(),
            mode: Mode::from_fields(fields),
            options: MountOptions::from_fields(fields),
        }
    }
}

impl FromFields<'_> for Lifetime {
    fn from_fields(fields: &mut Fields<'_>) -> Self {
        match fields.number32() {
            0 => Self::Ephemeral {
                size: match fields.byte() {
                    0 => None,
                    1 => Some(fields.number()),
                    _ => {
                        fields.refuse();
                        None
                    }
                },
            },
            variant => {
                if variant != 1 {
                    fields.refuse();
                }
                Self::Persistent(Persistence {
                    scope: fields.one_of(Scope::Slot, [Scope::Common]),
                    on_update: fields.one_of(OnUpdate::Carry, [OnUpdate::Merge, OnUpdate::Reset]),
                })
            }
        }
    }
}

impl<'a> FromFields<'a> for How<'a> {
    fn from_fields(fields: &mut Fields<'a>) -> Self {
        match fields.number32() {
            0 => Self::Bind,
            1 => Self::Overlay,
            2 => Self::Symlink { to: fields.path() },
            _ => {
                fields.refuse();
                Self::Bind
            }
        }
    }
}

impl<'a> FromFields<'a> for Seed<'a> {
    fn from_fields(fields: &mut Fields<'a>) -> Self {
        match fields.number32() {
            0 => Self::Image,
            1 => Self::Empty,
            2 => Self::Text(fields.text()),
            _ => {
                fields.refuse();
                Self::Empty
            }
        }
    }
}

impl FromFields<'_> for Mode {
    fn from_fields(fields: &mut Fields<'_>) -> Self {
        u16::try_from(fields.number32()).ok().and_then(|bits| Self::new(bits).ok()).unwrap_or_else(|| {
            fields.refuse();
            Self(0)
        })
    }
}

impl FromFields<'_> for MountOptions {
    fn from_fields(fields: &mut Fields<'_>) -> Self {
        Self::from_bits(fields.byte()).unwrap_or_else(|| {
            fields.refuse();
            Self::empty()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mode_is_permissions_only() {
        assert_eq!(Mode::new(0o7777).map(Mode::bits), Ok(0o7777));
        assert_eq!(Mode::new(0o10000), Err(UnknownBits));
    }

    #[test]
    fn the_table_of_words_names_every_option_once() {
        let all = MountOptions::WORDS.iter().fold(MountOptions::empty(), |seen, &(option, on, off)| {
            assert!(!seen.intersects(option));
            assert_eq!(on.strip_prefix("no"), Some(off));
            seen | option
        });
        assert_eq!(all, MountOptions::all());
    }
}
