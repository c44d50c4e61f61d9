//! Fragments to one policy per path.
//!
//! Several fragments may name a path. Each field is decided by those who state it; two who state different
//! values are a conflict. What nobody states has the language's default.

use std::collections::BTreeMap;

use state_schema::{Kind, MountOptions, OnFailure, OnUpdate, Scope, StatePath};

use crate::check::conflict;
use crate::diagnostic::{Findings, Span, Spanned};
use crate::fragment::{Account, Declaration, Fields, Fragment, How, Lifetime, Seed};
use crate::rootfs::{Found, Rootfs};

/// A value and who decided it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decided<T> {
    /// The value.
    pub value: T,
    /// Where it is written; `None` where it is the language's default.
    pub by: Option<Span>,
}

impl<T> Decided<T> {
    fn or(declared: Option<Spanned<T>>, default: T) -> Self {
        match declared {
            Some(Spanned { value, span }) => Self { value, by: Some(span) },
            None => Self { value: default, by: None },
        }
    }
}

/// One path with everything that is declared about it.
#[derive(Debug)]
pub struct Subject {
    /// The path, where it was declared first.
    pub path: Spanned<String>,
    /// How long writes last.
    pub lifetime: Spanned<Lifetime>,
    /// Whether the state belongs to a slot.
    pub scope: Decided<Scope>,
    /// What lies at the path: as declared, else as the declaration implies, else as in the image, else a directory.
    pub kind: Decided<Kind>,
    /// By which means the path becomes writable.
    pub how: Decided<How>,
    /// Where a symlink points.
    pub to: Option<Spanned<String>>,
    /// The first content.
    pub seed: Decided<Seed>,
    /// What a new image does to the state.
    pub on_update: Decided<OnUpdate>,
    /// What follows when the path cannot be made writable.
    pub on_failure: Decided<OnFailure>,
    /// Owner of the first content; `None`: the image's, else root.
    pub owner: Option<Spanned<Account>>,
    /// Group of the first content; `None`: the image's, else root.
    pub group: Option<Spanned<Account>>,
    /// Permissions of the first content; `None`: the image's, else the default of the kind.
    pub mode: Option<Spanned<state_schema::Mode>>,
    /// Attributes of the mount.
    pub options: Decided<MountOptions>,
    /// Bytes of a tmpfs of its own.
    pub size: Option<Spanned<u64>>,
    /// Why the path is declared.
    pub reason: Option<Spanned<String>>,
    /// What the image holds at the path; `None` where no image was given.
    pub in_image: Option<Found>,
}

impl Subject {
    /// The path, which the fragment's reader has checked.
    ///
    /// # Panics
    ///
    /// Never: [`Declaration::path`] is valid.
    #[must_use]
    pub fn state_path(&self) -> StatePath<'_> {
        presume_path(&self.path.value)
    }
}

/// The policies of all paths, in mount order.
#[derive(Debug)]
pub struct Resolved {
    /// Strictly in the order of [`StatePath`].
    pub subjects: Vec<Subject>,
}

impl Resolved {
    /// The subject of the deepest declared path that `path` lies strictly beneath.
    #[must_use]
    pub fn nearest_above(&self, path: StatePath<'_>) -> Option<&Subject> {
        let mut above = path.parent();
        while let Some(directory) = above {
            if let Ok(at) = self.subjects.binary_search_by(|subject| subject.state_path().cmp(&directory)) {
                return self.subjects.get(at);
            }
            above = directory.parent();
        }
        None
    }
}

/// Joins what all fragments say about each path.
pub fn resolve(fragments: Vec<Fragment>, rootfs: Option<&Rootfs>, findings: &mut Findings) -> Resolved {
    let mut by_path: BTreeMap<String, Vec<Declaration>> = BTreeMap::new();
    for declaration in fragments.into_iter().flat_map(|fragment| fragment.declarations) {
        by_path.entry(declaration.path.value.clone()).or_default().push(declaration);
    }
    let mut subjects: Vec<Subject> = by_path
        .into_values()
        .filter_map(|declarations| {
            let (path, fields) = join(declarations, findings)?;
            let in_image = rootfs.map(|rootfs| rootfs.look_up(presume_path(&path.value)));
            decide(path, fields, in_image)
        })
        .collect();
    subjects.sort_by(|a, b| a.state_path().cmp(&b.state_path()));
    Resolved { subjects }
}

/// All declarations of a path as one; a field that two state differently is the first's, and a finding.
fn join(declarations: Vec<Declaration>, findings: &mut Findings) -> Option<(Spanned<String>, Fields)> {
    let mut declarations = declarations.into_iter();
    let Declaration { path, mut fields } = declarations.next()?;
    for Declaration { fields: other, .. } in declarations {
        let mut join = Join { path: &path.value, findings };
        join.field("lifetime", &mut fields.lifetime, other.lifetime);
        join.field("scope", &mut fields.scope, other.scope);
        join.field("type", &mut fields.kind, other.kind);
        join.field("how", &mut fields.how, other.how);
        join.field("to", &mut fields.to, other.to);
        join.field("seed", &mut fields.seed, other.seed);
        join.field("on-update", &mut fields.on_update, other.on_update);
        join.field("on-failure", &mut fields.on_failure, other.on_failure);
        join.field("owner", &mut fields.owner, other.owner);
        join.field("group", &mut fields.group, other.group);
        join.field("mode", &mut fields.mode, other.mode);
        join.field("options", &mut fields.options, other.options);
        join.field("size", &mut fields.size, other.size);
        // Two packages may have different reasons for the same wish.
        fields.reason = fields.reason.take().or(other.reason);
    }
    Some((path, fields))
}

struct Join<'a> {
    path: &'a str,
    findings: &'a mut Findings,
}

impl Join<'_> {
    fn field<T: PartialEq>(&mut self, key: &str, first: &mut Option<Spanned<T>>, other: Option<Spanned<T>>) {
        match (first.as_ref(), other) {
            (None, other) => *first = other,
            (Some(first), Some(other)) if first.value != other.value => {
                self.findings.add(conflict::finding(self.path, key, first.span, other.span));
            }
            (Some(_), _) => {}
        }
    }
}

/// Fills in what nobody states. `None` where no lifetime could be read, of which a finding tells.
fn decide(path: Spanned<String>, fields: Fields, in_image: Option<Found>) -> Option<Subject> {
    let how = Decided::or(fields.how, How::Bind);
    let is_text = matches!(fields.seed, Some(Spanned { value: Seed::Text(_), .. }));
    let implied = match &in_image {
        _ if how.value == How::Symlink || is_text => Kind::File,
        Some(Found::File(_)) => Kind::File,
        _ => Kind::Directory,
    };
    Some(Subject {
        path,
        lifetime: fields.lifetime?,
        scope: Decided::or(fields.scope, Scope::Slot),
        kind: Decided::or(fields.kind, implied),
        how,
        to: fields.to,
        seed: Decided::or(fields.seed, Seed::Image),
        on_update: Decided::or(fields.on_update, OnUpdate::Carry),
        on_failure: Decided::or(fields.on_failure, OnFailure::Degrade),
        owner: fields.owner,
        group: fields.group,
        mode: fields.mode,
        options: Decided::or(fields.options, MountOptions::DEFAULT),
        size: fields.size,
        reason: fields.reason,
        in_image,
    })
}

/// A path that was checked where it was read.
#[expect(
    clippy::expect_used,
    reason = "an invalid path here is our own bug, and no input can bring it about"
)]
fn presume_path(path: &str) -> StatePath<'_> {
    StatePath::new(path).expect("paths are checked where fragments are read")
}
