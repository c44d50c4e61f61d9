//! Going through a tree to look at it.

use core::mem::MaybeUninit;

use rustix::fd::OwnedFd;
use rustix::fs::{FileType, Mode, RawDir, ResolveFlags, SeekFrom, Stat};

use crate::ancestors::{Ancestor, Ancestors, Identity};
use crate::beneath::{DIRECTORY, file_type};
use crate::copy::Source;
use crate::failure::{Failure, Finding};
use crate::step::Step;
use crate::trail::Trail;
use crate::work::is_dot;

/// Where to go on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// Into what was looked at, if it is a directory.
    Into,
    /// Past it.
    Past,
}

/// Is shown everything on the way, with its path.
type Look<'l> = dyn FnMut(&[u8], &Stat) -> Way + 'l;

/// A directory that is open.
struct Place {
    dir: OwnedFd,
    stat: Stat,
}

/// Shows `look` what is in the directory `top`: a directory before what it holds. Paths are relative to `top`.
///
/// Without recursion and with one directory open, as a copy is made.
#[inline(never)]
pub(crate) fn walk(source: Source, top: &OwnedFd, look: &mut Look<'_>) -> Result<(), Failure> {
    let mut trail = Trail::new(source.operation, b"")?;
    let mut ancestors = Ancestors::new().map_err(|errno| trail.step().failed("mmap", errno))?;
    let mut here = Place::open(&trail.step(), top, b".", source.resolve)?;
    loop {
        if let Some((child, position)) = look_on(source, &here, &mut trail, look)? {
            let from = Identity::of(&here.stat);
            let pushed = ancestors.push(Ancestor { position, from, to: from });
            pushed.ok_or_else(|| trail.step().found(Finding::TooDeep))?;
            here = child;
            continue;
        }
        let Some(ancestor) = ancestors.pop() else { return Ok(()) };
        let step = trail.step();
        here = Place::open(&step, &here.dir, b"..", source.resolve.difference(ResolveFlags::BENEATH))?;
        if Identity::of(&here.stat) != ancestor.from {
            return Err(step.found(Finding::Changed));
        }
        step.seek(&here.dir, SeekFrom::Start(ancestor.position))?;
        trail.pop();
    }
}

/// Looks at what is left to read of a directory, up to the next directory to go into. Returns this, which the trail leads to then,
/// and where to read on after it.
#[inline(never)]
fn look_on(
    source: Source,
    here: &Place,
    trail: &mut Trail,
    look: &mut Look<'_>,
) -> Result<Option<(Place, u64)>, Failure> {
    let mut buffer = [MaybeUninit::uninit(); 4096];
    let mut entries = RawDir::new(&here.dir, &mut buffer);
    while let Some(entry) = entries.next() {
        let entry = entry.map_err(|errno| trail.step().failed("getdents64", errno))?;
        let name = entry.file_name().to_bytes();
        if is_dot(name) {
            continue;
        }
        trail.push(name);
        let step = trail.step();
        // On a running system it may be gone by now.
        if let Some(stat) = step.stat_name(&here.dir, name)?
            && look(trail.path(), &stat) == Way::Into
            && file_type(&stat) == FileType::Directory
        {
            let child = Place::open(&step, &here.dir, name, source.resolve)?;
            return Ok(Some((child, entry.next_entry_cookie())));
        }
        trail.pop();
    }
    Ok(None)
}

impl Place {
    fn open(step: &Step<'_>, dir: &OwnedFd, name: &[u8], resolve: ResolveFlags) -> Result<Self, Failure> {
        let dir = step.open(dir, name, DIRECTORY, Mode::empty(), resolve)?;
        let stat = step.stat(&dir)?;
        Ok(Self { dir, stat })
    }
}
