//! Fragments to one policy per path.
//!
//! Several fragments may name a path. Each field is decided by those who state it; two who state different values are a
//! conflict. The image's policy may drop a path and replace single fields. What nobody states has the language's default.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use state_schema::{Kind, MountOptions, OnFailure, OnUpdate, Persistence, Scope, StatePath, StatePathBuf};

use crate::check::{conflict, override_of_nothing, remove_of_nothing};
use crate::diagnostic::{Findings, Span, Spanned};
use crate::fragment::{Account, Declaration, Fields, Fragment, How, Lifetime, Merge, Seed};
use crate::policy::Policy;
use crate::rootfs::{Found, Rootfs};
use crate::workers;

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

/// A field that the image's policy decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overridden {
    /// The field's key.
    pub key: &'static str,
    /// Where the policy says so.
    pub by: Span,
    /// Where a fragment says otherwise; `None` where none says anything.
    pub instead_of: Option<Span>,
}

/// A field that a fragment states, and an earlier one as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repeated {
    /// The field's key.
    pub key: &'static str,
    /// Where it is stated again.
    pub at: Span,
    /// Whether both say the same.
    pub agrees: bool,
}

/// A path that the image's policy removed.
#[derive(Debug)]
pub struct Removed {
    /// The path, where the policy names it.
    pub path: Spanned<StatePathBuf>,
    /// Where it is declared.
    pub declared: Vec<Span>,
}

/// One path with everything that is declared about it.
#[derive(Debug)]
pub struct Subject {
    /// The path, where it was declared first.
    pub path: Spanned<StatePathBuf>,
    /// Where it is declared again.
    pub also_declared: Vec<Span>,
    /// How long writes last.
    pub lifetime: Spanned<Lifetime>,
    /// Whether the state belongs to a slot.
    pub scope: Decided<Scope>,
    /// What lies at the path: as declared, else as the declaration implies, else as in the image, else a directory.
    pub kind: Decided<Kind>,
    /// By which means the path becomes writable.
    pub how: Decided<How>,
    /// Where a symlink points.
    pub to: Option<Spanned<StatePathBuf>>,
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
    /// What the image's policy has changed.
    pub overridden: Vec<Overridden>,
    /// What fragments state although an earlier one does.
    pub repeated: Vec<Repeated>,
    /// What the image holds at the path; `None` where no image was given.
    pub in_image: Option<Found>,
    nesting: Nesting,
}

/// Where a subject stands among the others. Looked up once, since most checks ask for it.
#[derive(Clone, Copy, Debug, Default)]
struct Nesting {
    /// The number of the nearest one that this one lies beneath.
    above: Option<usize>,
    /// The numbers of those that lie beneath this one.
    beneath: (usize, usize),
}

impl Subject {
    /// The path.
    #[must_use]
    pub fn state_path(&self) -> StatePath<'_> {
        self.path.value.as_path()
    }

    /// How long writes last, as the blob says it.
    #[must_use]
    pub fn schema_lifetime(&self) -> state_schema::Lifetime {
        match self.lifetime.value {
            Lifetime::Ephemeral => {
                state_schema::Lifetime::Ephemeral { size: self.size.map(|size| size.value) }
            }
            Lifetime::Persistent => {
                let (scope, on_update) = (self.scope.value, self.on_update.value);
                state_schema::Lifetime::Persistent(Persistence { scope, on_update })
            }
        }
    }
}

/// The policies of all paths, in mount order.
#[derive(Debug)]
pub struct Resolved {
    /// Strictly in the order of [`StatePath`].
    pub subjects: Vec<Subject>,
    /// What the image's policy removed.
    pub removed: Vec<Removed>,
}

impl Resolved {
    fn new(mut subjects: Vec<Subject>, removed: Vec<Removed>) -> Self {
        let mut open: Vec<usize> = Vec::new();
        for number in 0..=subjects.len() {
            // In mount order, whatever lies beneath a path follows it without a gap.
            while let Some(&above) = open.last()
                && subjects
                    .get(number)
                    .is_none_or(|subject| !subject.state_path().is_beneath(subjects[above].state_path()))
            {
                subjects[above].nesting.beneath = (above + 1, number);
                open.pop();
            }
            if let Some(subject) = subjects.get_mut(number) {
                subject.nesting.above = open.last().copied();
                open.push(number);
            }
        }
        Self { subjects, removed }
    }

    /// The subject of `path` itself.
    #[must_use]
    pub fn get(&self, path: StatePath<'_>) -> Option<&Subject> {
        let at = self.subjects.binary_search_by(|subject| subject.state_path().cmp(&path)).ok()?;
        self.subjects.get(at)
    }

    /// The deepest of those that `subject`, one of these, lies beneath.
    #[must_use]
    pub fn above(&self, subject: &Subject) -> Option<&Subject> {
        self.subjects.get(subject.nesting.above?)
    }

    /// Tells of places beneath `subject`, one of these, whether they are declared as well.
    pub fn declared_beneath(&self, subject: &Subject) -> impl Fn(&str) -> bool + '_ {
        let (start, end) = subject.nesting.beneath;
        let beneath = self.subjects.get(start..end).unwrap_or_default();
        let find =
            move |place: StatePath<'_>| beneath.binary_search_by(|subject| subject.state_path().cmp(&place));
        // Most have nothing beneath them, and many places are asked for.
        move |place| !beneath.is_empty() && StatePath::new(place).is_ok_and(|place| find(place).is_ok())
    }

    /// The subject of the deepest declared path that `path` lies strictly beneath.
    #[must_use]
    pub fn nearest_above(&self, path: StatePath<'_>) -> Option<&Subject> {
        let mut above = path.parent();
        while let Some(directory) = above {
            if let Some(subject) = self.get(directory) {
                return Some(subject);
            }
            above = directory.parent();
        }
        None
    }
}

/// Joins what all fragments and the policy say about each path.
pub fn resolve(
    fragments: Vec<Fragment>,
    policy: Policy,
    rootfs: Option<&Rootfs>,
    findings: &mut Findings,
) -> Resolved {
    let mut by_path: BTreeMap<StatePathBuf, Vec<Declaration>> = BTreeMap::new();
    let of_fragments = fragments.into_iter().flat_map(|fragment| fragment.declarations);
    for declaration in of_fragments.chain(policy.declarations) {
        match by_path.entry(declaration.path.value.clone()) {
            // Most paths are declared once, and a vector that grows sets room aside for four.
            Entry::Vacant(place) => {
                place.insert(vec![declaration]);
            }
            Entry::Occupied(mut place) => place.get_mut().push(declaration),
        }
    }
    let mut removed = Vec::new();
    for path in policy.removals {
        match by_path.remove(&path.value) {
            None => findings.add(remove_of_nothing::finding(&path, by_path.keys().map(|path| &**path))),
            Some(declarations) => {
                let declared = declarations.iter().map(|declaration| declaration.path.span).collect();
                removed.push(Removed { path, declared });
            }
        }
    }
    let mut overrides: BTreeMap<StatePathBuf, Declaration> = BTreeMap::new();
    for declaration in policy.overrides {
        if by_path.contains_key(&declaration.path.value) {
            overrides.insert(declaration.path.value.clone(), declaration);
        } else {
            findings.add(override_of_nothing::finding(&declaration.path, by_path.keys().map(|path| &**path)));
        }
    }
    // The map's order is the mount order.
    let of_paths: Vec<_> = by_path
        .into_iter()
        .map(|(path, declarations)| (overrides.remove(&path), path, declarations))
        .collect();
    let decided = workers::map(of_paths, |(overriding, path, declarations)| {
        let mut of_path = Findings::default();
        let in_image = rootfs.map(|rootfs| rootfs.look_up(path.as_path()));
        let joined = join(declarations, overriding, &mut of_path);
        // Boxed until it has its place, for subjects are large.
        (joined.and_then(|joined| decide(joined, in_image)).map(Box::new), of_path)
    });
    let mut subjects = Vec::with_capacity(decided.len());
    for (subject, of_path) in decided {
        subjects.extend(subject.map(|subject| *subject));
        findings.append(of_path);
    }
    Resolved::new(subjects, removed)
}

/// What all declarations of a path say together.
struct Joined {
    path: Spanned<StatePathBuf>,
    also_declared: Vec<Span>,
    fields: Box<Fields>,
    overridden: Vec<Overridden>,
    repeated: Vec<Repeated>,
}

/// Joins the declarations of a path, then lets the image's override replace what it names. A field that two declarations
/// state differently is a finding, unless the override decides it.
fn join(
    declarations: Vec<Declaration>,
    overriding: Option<Declaration>,
    findings: &mut Findings,
) -> Option<Joined> {
    let mut declarations = declarations.into_iter();
    let Declaration { path, mut fields } = declarations.next()?;
    let mut join = Join { disagreements: Vec::new(), repeated: Vec::new() };
    let mut also_declared = Vec::new();
    for Declaration { path, fields: other } in declarations {
        also_declared.push(path.span);
        fields.merge(*other, &mut join);
    }
    let mut replace = Replace { overridden: Vec::new() };
    if let Some(Declaration { fields: other, .. }) = overriding {
        fields.merge(*other, &mut replace);
    }
    for (key, first, second) in join.disagreements {
        if !replace.overridden.iter().any(|overridden| overridden.key == key) {
            findings.add(conflict::finding(&path.value, key, first, second));
        }
    }
    let (overridden, repeated) = (replace.overridden, join.repeated);
    Some(Joined { path, also_declared, fields, overridden, repeated })
}

/// What only one says holds; of what two say, the first.
struct Join {
    disagreements: Vec<(&'static str, Span, Span)>,
    repeated: Vec<Repeated>,
}

impl Merge for Join {
    fn field<T: PartialEq>(
        &mut self,
        key: &'static str,
        mine: &mut Option<Spanned<T>>,
        other: Option<Spanned<T>>,
    ) {
        match (mine.as_ref(), other) {
            (None, other) => *mine = other,
            (Some(mine), Some(other)) => {
                let agrees = mine.value == other.value;
                // Two packages may have different reasons for the same wish.
                if !agrees && key != "reason" {
                    self.disagreements.push((key, mine.span, other.span));
                }
                self.repeated.push(Repeated { key, at: other.span, agrees });
            }
            (Some(_), None) => {}
        }
    }
}

/// What the image says holds.
struct Replace {
    overridden: Vec<Overridden>,
}

impl Merge for Replace {
    fn field<T: PartialEq>(
        &mut self,
        key: &'static str,
        mine: &mut Option<Spanned<T>>,
        other: Option<Spanned<T>>,
    ) {
        let Some(other) = other else { return };
        let instead_of = mine.as_ref().map(|mine| mine.span);
        self.overridden.push(Overridden { key, by: other.span, instead_of });
        *mine = Some(other);
    }
}

/// Fills in what nobody states. `None` where no lifetime could be read, of which a finding tells.
fn decide(joined: Joined, in_image: Option<Found>) -> Option<Subject> {
    let Joined { path, also_declared, fields, overridden, repeated } = joined;
    let how = Decided::or(fields.how, How::Bind);
    let is_text = matches!(fields.seed, Some(Spanned { value: Seed::Text(_), .. }));
    let implied = match &in_image {
        _ if how.value == How::Symlink || is_text => Kind::File,
        Some(Found::File(_)) => Kind::File,
        _ => Kind::Directory,
    };
    Some(Subject {
        path,
        also_declared,
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
        overridden,
        repeated,
        in_image,
        nesting: Nesting::default(),
    })
}
