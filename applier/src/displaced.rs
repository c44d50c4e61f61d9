//! What lies where state has to be and cannot be state, moved out of the way.

use rustix::fd::OwnedFd;
use rustix::fs::OFlags;
use rustix::io::Errno;
use state_schema::sys_data::REPLACED_DIR;
use state_schema::{Kind, StatePath};

use crate::beneath::{self, ensure_directory};
use crate::failure::{Account, Failure, Finding};
use crate::path::NumberName;
use crate::show::{Show, Sink};
use crate::step::{self, Step};
use crate::store::{PRIVATE, Store};
use crate::text::{Note, Text};

/// How many things from one path are kept in `replaced/`. A service that puts something in the way at every boot
/// is to fill neither the disk nor the directory.
const MAX_KEPT: u64 = 16;

/// Bytes of the path in a name in `replaced/`. With dot and number it stays below the 255 that a name may have.
const MAX_STEM: usize = 240;

/// Something that was moved aside.
pub(crate) struct Displaced {
    /// What kept it from being state.
    why: Account,
    /// What it is called now.
    name: Note,
}

impl Show for Displaced {
    fn show(&self, to: &mut dyn Sink) {
        self.why.show(to);
        to.put(b"; it is replaced/");
        self.name.show(to);
        to.put(b" now");
    }
}

/// What was moved aside for one entry.
#[derive(Default)]
pub(crate) struct Repairs {
    /// From where its state has to be.
    pub(crate) state: Option<Displaced>,
    /// From the way to its target, inside the state of the entry above.
    pub(crate) way: Option<Displaced>,
}

/// Moves aside what keeps `path` in `store` from being state of this kind, or from having any above it: the first
/// such thing on the way, beneath which there is nothing then. Without a kind, anything may be at the path itself.
///
/// What is moved is never opened but to look at it, and its name alone is changed, so that it does not matter what
/// it is, how much of it there is, and what becomes of it meanwhile.
pub(crate) fn clear(
    store: &Store,
    path: StatePath<'_>,
    kind: Option<Kind>,
) -> Result<Option<Displaced>, Failure> {
    let whole = path.as_str().as_bytes();
    let step = Step::new("use the state of", whole);
    let relative = path.relative().as_bytes();
    // In one step what nearly always is so: it is there, or missing, and nothing is in the way.
    let seen = beneath::open_existing(&step, store.tree(), relative, OFlags::PATH);
    if seen.is_ok_and(|found| found.is_none_or(|found| unfit(&step, &found, kind).is_none())) {
        return Ok(None);
    }
    let mut above: Option<OwnedFd> = None;
    // Past the slash that a path starts with.
    let mut end = 0_usize;
    for name in relative.split(|&byte| byte == b'/') {
        end = end.saturating_add(1).saturating_add(name.len());
        let here = whole.get(..end).unwrap_or(whole);
        let step = Step::new("use the state of", here);
        let dir = above.as_ref().unwrap_or(store.tree());
        // Nothing more that way, or something that cannot be moved, as a mount is.
        let Ok(Some(found)) = beneath::open_existing(&step, dir, name, OFlags::PATH) else { break };
        let expected = if end < whole.len() { Some(Kind::Directory) } else { kind };
        if let Some(finding) = unfit(&step, &found, expected) {
            let name = move_aside(store, here, dir, name)?;
            return Ok(Some(Displaced { why: step.found(finding).account(), name }));
        }
        above = Some(found);
    }
    Ok(None)
}

fn unfit(step: &Step<'_>, found: &OwnedFd, kind: Option<Kind>) -> Option<Finding> {
    step.look(found).ok()?.misfit(kind?)
}

#[inline(never)]
fn move_aside(store: &Store, path: &[u8], dir: &OwnedFd, name: &[u8]) -> Result<Note, Failure> {
    match keep(store, path, dir, name)? {
        Some(kept) => Ok(Note::keep(&kept)),
        None => Err(Step::new(ASIDE, path).found(Finding::TooManyKept)),
    }
}

const ASIDE: &str = "move aside what is in place of the state of";

/// Moves `name` in `dir`, which is at `path` in the store's tree, or meant to be there, to `replaced/`. Returns its new name, the
/// path with colons for slashes and a number; `None` when there are too many of this path already.
#[inline(never)]
pub(crate) fn keep(store: &Store, path: &[u8], dir: &OwnedFd, name: &[u8]) -> Result<Option<Text>, Failure> {
    let step = Step::new(ASIDE, path);
    let replaced = ensure_directory(store.base(), REPLACED_DIR.as_bytes(), PRIVATE)?;
    let path = path.get(1..).unwrap_or_default();
    let kept = path.get(..MAX_STEM).unwrap_or(path);
    for number in 0..MAX_KEPT {
        let mut to = Text::new();
        for &byte in kept {
            to.push(&[if byte == b'/' { b':' } else { byte }]);
        }
        to.push(b".");
        to.push(NumberName::new(number).bytes());
        match step::rename(dir, name, &replaced, to.bytes()) {
            Ok(()) => return Ok(Some(to)),
            Err(Errno::EXIST) => {}
            Err(errno) => return Err(step.failed("renameat2", errno)),
        }
    }
    Ok(None)
}

/// Moves aside whatever has this name beside the store's tree, if something has.
#[cfg(feature = "system")]
pub(crate) fn move_any(store: &Store, name: &[u8]) -> Result<(), Failure> {
    let step = Step::new(ASIDE, name);
    if step.stat_name(store.base(), name)?.is_none() {
        return Ok(());
    }
    let mut path = Text::of(b"/");
    path.push(name);
    if keep(store, path.bytes(), store.base(), name)?.is_none() {
        // There are enough to find out what happens. The next boot discards this one.
        step.rename(store.base(), name, store.work(), name)?;
    }
    Ok(())
}
