//! What one file declares, before anything is known of other files or the image.
//!
//! Every value keeps its place. A value that could not be read is absent here, of which a finding tells, so
//! that the declaration still takes part in what is checked across files.

mod lower;

pub use lower::{DECLARATION_KEYS, FILE_KEYS, lower};

use schemars::JsonSchema;
use state_schema::{Kind, MountOptions, OnFailure, OnUpdate, Scope, StatePathBuf};

use crate::diagnostic::Spanned;
use crate::schema::{self, OneOf};
use crate::source::SourceId;

/// The version of the fragment language that this crate reads.
pub const LANGUAGE_VERSION: u32 = 1;

/// One file.
#[derive(Debug)]
pub struct Fragment {
    /// The file.
    pub source: SourceId,
    /// The package that brings it along, where it says so.
    pub package: Option<Spanned<String>>,
    /// Its entries, in the order of the file.
    pub declarations: Vec<Declaration>,
}

/// What a file says about one path.
#[derive(Debug)]
pub struct Declaration {
    /// The path.
    pub path: Spanned<StatePathBuf>,
    /// Its fields, as far as the file has them. Boxed, for declarations are sorted.
    pub fields: Box<Fields>,
}

/// The fields of a declaration. `None` is what the author left open.
///
/// The documentation of the fields is what editors show: the JSON Schema is made from this type.
#[derive(Debug, Default, JsonSchema)]
#[schemars(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Fields {
    /// How long writes last: `ephemeral`, lost at reboot; `persistent`, kept on the data partition.
    #[schemars(with = "Option<OneOf<Lifetime>>")]
    pub lifetime: Option<Spanned<Lifetime>>,
    /// Whether the state belongs to a slot: `slot`, each slot has its own and a rollback brings the old state back; `common`,
    /// one for all slots. Default: `slot`.
    #[schemars(with = "Option<OneOf<Scope>>")]
    pub scope: Option<Spanned<Scope>>,
    /// What lies at the path: `directory` or `file`. Default: what the image holds there, else `directory`.
    #[schemars(rename = "type", with = "Option<OneOf<Kind>>")]
    pub kind: Option<Spanned<Kind>>,
    /// By which means the path becomes writable: `bind`, its state is bound over it; `overlay`, the image's directory stays
    /// visible below the state; `symlink`, for single files that programs replace by rename, needs `to`. Default: `bind`.
    #[schemars(with = "Option<OneOf<How>>")]
    pub how: Option<Spanned<How>>,
    /// Where the symlink points: a path in a directory that is declared as well. Only with `how: symlink`.
    #[schemars(with = "Option<schema::Path>")]
    pub to: Option<Spanned<StatePathBuf>>,
    /// The first content: `image`, what the image holds there; `empty`; `{text: "…"}`, a file with this text. Default: `image`.
    #[schemars(with = "Option<schema::SeedForm>")]
    pub seed: Option<Spanned<Seed>>,
    /// What a new image does to the state: `carry`, it goes on unchanged; `merge`, what was not changed follows the new
    /// image; `reset`, it is seeded afresh. Default: `carry`.
    #[schemars(with = "Option<OneOf<OnUpdate>>")]
    pub on_update: Option<Spanned<OnUpdate>>,
    /// What follows when the path cannot be made writable: `fail`, the boot of this slot has failed; `degrade`, it is
    /// ephemeral for this time; `skip`, it stays as the image has it. Default: `degrade`.
    #[schemars(with = "Option<OneOf<OnFailure>>")]
    pub on_failure: Option<Spanned<OnFailure>>,
    /// Owner of the first content: a name of the image, or a number. Default: the image's, else `root`.
    #[schemars(with = "Option<schema::AccountForm>")]
    pub owner: Option<Spanned<Account>>,
    /// Group of the first content: a name of the image, or a number. Default: the image's, else `root`.
    #[schemars(with = "Option<schema::AccountForm>")]
    pub group: Option<Spanned<Account>>,
    /// Permissions of the first content: three or four octal digits in quotes. Default: the image's, else `"0755"` for a
    /// directory and `"0644"` for a file.
    #[schemars(with = "Option<schema::ModeForm>")]
    pub mode: Option<Spanned<state_schema::Mode>>,
    /// Attributes of the mount: `nosuid`, `nodev`, `noexec`, `nosymfollow`, `noatime`; without the `no`, the word lifts one.
    /// `nosuid` and `nodev` are set unless lifted.
    #[schemars(with = "Option<Vec<schema::MountOption>>")]
    pub options: Option<Spanned<MountOptions>>,
    /// Limit of an ephemeral directory, which gets a tmpfs of its own: bytes, or a number with `K`, `M` or `G`.
    #[schemars(with = "Option<schema::SizeForm>")]
    pub size: Option<Spanned<u64>>,
    /// Why the path is declared, for people.
    #[schemars(with = "Option<schema::Text>")]
    pub reason: Option<Spanned<String>>,
}

/// What to do with a field that two declarations may have.
pub trait Merge {
    /// Makes `mine` what comes of both.
    fn field<T: PartialEq>(
        &mut self,
        key: &'static str,
        mine: &mut Option<Spanned<T>>,
        other: Option<Spanned<T>>,
    );
}

impl Fields {
    /// Merges another declaration of the same path into this one, field by field.
    pub fn merge(&mut self, other: Self, merge: &mut impl Merge) {
        merge.field("lifetime", &mut self.lifetime, other.lifetime);
        merge.field("scope", &mut self.scope, other.scope);
        merge.field("type", &mut self.kind, other.kind);
        merge.field("how", &mut self.how, other.how);
        merge.field("to", &mut self.to, other.to);
        merge.field("seed", &mut self.seed, other.seed);
        merge.field("on-update", &mut self.on_update, other.on_update);
        merge.field("on-failure", &mut self.on_failure, other.on_failure);
        merge.field("owner", &mut self.owner, other.owner);
        merge.field("group", &mut self.group, other.group);
        merge.field("mode", &mut self.mode, other.mode);
        merge.field("options", &mut self.options, other.options);
        merge.field("size", &mut self.size, other.size);
        merge.field("reason", &mut self.reason, other.reason);
    }
}

/// How long writes last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lifetime {
    /// Lost at reboot.
    Ephemeral,
    /// Kept on sys-data.
    Persistent,
}

/// By which means a path becomes writable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// The state is bound over the path.
    Bind,
    /// An overlay over the image's directory.
    Overlay,
    /// A symlink in the image to a file in a writable directory.
    Symlink,
}

/// The first content of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seed {
    /// What the image holds there.
    Image,
    /// Nothing.
    Empty,
    /// This text.
    Text(String),
}

/// A user or a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Account {
    /// By number.
    Id(u32),
    /// By name, to be looked up in the image.
    Name(String),
}

/// A type whose values are words of the language.
pub trait Word: Copy + PartialEq + 'static {
    /// Each word with its value, in the order in which documentation lists them.
    const WORDS: &'static [(&'static str, Self)];

    /// The word of a value.
    fn word(self) -> &'static str {
        Self::WORDS.iter().find(|(_, value)| *value == self).map_or("", |(word, _)| word)
    }
}

impl Word for Lifetime {
    const WORDS: &'static [(&'static str, Self)] =
        &[("ephemeral", Self::Ephemeral), ("persistent", Self::Persistent)];
}

impl Word for Scope {
    const WORDS: &'static [(&'static str, Self)] =
        &[(Self::Slot.word(), Self::Slot), (Self::Common.word(), Self::Common)];
}

impl Word for Kind {
    const WORDS: &'static [(&'static str, Self)] =
        &[(Self::Directory.word(), Self::Directory), (Self::File.word(), Self::File)];
}

impl Word for How {
    const WORDS: &'static [(&'static str, Self)] =
        &[("bind", Self::Bind), ("overlay", Self::Overlay), ("symlink", Self::Symlink)];
}

impl Word for OnUpdate {
    const WORDS: &'static [(&'static str, Self)] = &[
        (Self::Carry.word(), Self::Carry),
        (Self::Merge.word(), Self::Merge),
        (Self::Reset.word(), Self::Reset),
    ];
}

impl Word for OnFailure {
    const WORDS: &'static [(&'static str, Self)] =
        &[("fail", Self::Fail), ("degrade", Self::Degrade), ("skip", Self::Skip)];
}
