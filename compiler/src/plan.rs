//! The policies of all paths as the target will apply them: every default filled in from the image.

use state_schema::{
    Entry, How, Kind, Lifetime, Mode, MountOptions, OnFailure, Origin, PlannedEntry, Seed, StatePath,
    StatePathBuf,
};

use crate::diagnostic::Span;
use crate::fragment;
use crate::resolve::{Resolved, Subject};
use crate::rootfs::{Access, Found, Rootfs};
use crate::source::Sources;

/// One path, with nothing left open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    path: StatePathBuf,
    kind: Kind,
    lifetime: Lifetime,
    how: fragment::How,
    /// Where a symlink points; empty for the others.
    to: String,
    seed: fragment::Seed,
    on_failure: OnFailure,
    access: Access,
    options: MountOptions,
    fragment: String,
    line: u32,
    reason: String,
}

/// All paths in mount order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    entries: Vec<Planned>,
}

/// Plans what `resolved` says, which must have been found free of errors against this image.
///
/// `prepares` says whether what the image lacks will be made in it. The plan is then the one that the prepared image
/// gives, so that compiling again changes nothing.
#[must_use]
pub fn plan(resolved: &Resolved, rootfs: &Rootfs, prepares: bool, sources: &Sources) -> Plan {
    Plan {
        entries: resolved
            .subjects
            .iter()
            .map(|subject| plan_one(subject, rootfs, prepares, sources))
            .collect(),
    }
}

fn plan_one(subject: &Subject, rootfs: &Rootfs, prepares: bool, sources: &Sources) -> Planned {
    let path = subject.state_path();
    let is_symlink = subject.how.value == fragment::How::Symlink;
    let found = subject.in_image.clone().unwrap_or(Found::Nothing);
    // Once prepared, the image holds a link at the path, and what was there lies among the factory copies.
    let is_prepared = matches!(&found, Found::Symlink { target } if subject.to.as_ref().is_some_and(|to| *to.value == **target));
    let origin = if is_symlink && is_prepared { rootfs.look_up_factory(path) } else { found };
    let access = match origin {
        Found::Directory(access) | Found::File(access) => Some(access),
        _ => None,
    };
    let will_exist = prepares && !is_symlink;
    let exists = will_exist || access.is_some() || matches!(origin, Found::Symlink { .. });
    let seed = match &subject.seed.value {
        fragment::Seed::Image if !exists => fragment::Seed::Empty,
        seed => seed.clone(),
    };
    let default_mode = if subject.kind.value == Kind::File { Mode::FILE } else { Mode::DIRECTORY };
    let accounts = &rootfs.accounts;
    let (fragment, line) = place(subject.path.span, sources);
    Planned {
        path: subject.path.value.clone(),
        kind: subject.kind.value,
        lifetime: subject.schema_lifetime(),
        how: subject.how.value,
        to: subject.to.as_ref().map(|to| to.value.to_string()).unwrap_or_default(),
        seed,
        on_failure: subject.on_failure.value,
        access: Access {
            uid: id(subject.owner.as_ref().map(|owner| &owner.value), |name| accounts.user(name))
                .or(access.map(|access| access.uid))
                .unwrap_or(0),
            gid: id(subject.group.as_ref().map(|group| &group.value), |name| accounts.group(name))
                .or(access.map(|access| access.gid))
                .unwrap_or(0),
            mode: subject
                .mode
                .map(|mode| mode.value)
                .or(access.map(|access| access.mode))
                .unwrap_or(default_mode),
        },
        options: subject.options.value,
        fragment,
        line,
        reason: subject.reason.as_ref().map(|reason| reason.value.clone()).unwrap_or_default(),
    }
}

fn id(account: Option<&fragment::Account>, look_up: impl Fn(&str) -> Option<u32>) -> Option<u32> {
    match account? {
        fragment::Account::Id(id) => Some(*id),
        fragment::Account::Name(name) => look_up(name),
    }
}

fn place(span: Span, sources: &Sources) -> (String, u32) {
    let source = sources.get(span.source);
    (source.origin.clone(), source.line(span.start()))
}

impl Plan {
    /// The entries as the blob holds them, in mount order.
    pub fn entries(&self) -> impl Iterator<Item = PlannedEntry<'_>> {
        self.entries.iter().map(Planned::as_entry)
    }
}

impl Planned {
    #[expect(
        clippy::expect_used,
        reason = "an invalid path here is our own bug, and no input can bring it about"
    )]
    fn as_entry(&self) -> PlannedEntry<'_> {
        let presume_path = |path| StatePath::new(path).expect("paths are checked where fragments are read");
        let entry = Entry {
            path: self.path.as_path(),
            kind: self.kind,
            lifetime: self.lifetime,
            how: match self.how {
                fragment::How::Bind => How::Bind,
                fragment::How::Overlay => How::Overlay,
                fragment::How::Symlink => How::Symlink { to: presume_path(&self.to) },
            },
            seed: match &self.seed {
                fragment::Seed::Image => Seed::Image,
                fragment::Seed::Empty => Seed::Empty,
                fragment::Seed::Text(text) => Seed::Text(text),
            },
            on_failure: self.on_failure,
            uid: self.access.uid,
            gid: self.access.gid,
            mode: self.access.mode,
            options: self.options,
        };
        let origin = Origin { fragment: &self.fragment, line: self.line, reason: &self.reason };
        PlannedEntry { entry, origin: Some(origin) }
    }
}
