//! Symlinks of the image that lead to state.

use rustix::fd::OwnedFd;
use rustix::fs::AtFlags;
use state_schema::{Entry, FACTORY_DIR, How, Seed, StatePath};

use crate::beneath::split;
use crate::failure::{Failure, Finding};
use crate::file::Root;
use crate::path::PathBuf;
use crate::plan::Item;
use crate::seed::Seeder;
use crate::step::Step;

const LINK: &str = "provide what the symlink leads to:";

/// Name of a file that is not complete yet, in the directory which it is for.
const UNFINISHED: &[u8] = b".sysota-unfinished";

/// Seeds the file that the entry's symlink leads to, if it is missing, and says whether it was.
///
/// Whatever lies there is left alone: programs replace it as they like, by a symlink even (the time zone).
#[inline(never)]
pub(crate) fn make(
    root: &Root,
    seeder: &Seeder<'_, '_>,
    item: &Item<'_>,
    to: StatePath<'_>,
    is_in_directory: bool,
) -> Result<bool, Failure> {
    let path = item.entry.path.as_str().as_bytes();
    let step = Step::new(LINK, path);
    let mut bytes = [0; 4096];
    let target = seeder.factory().read_link(&step, path, &mut bytes)?;
    if !target.is_some_and(|target| leads_to(item.entry.path, target, to)) {
        return Err(step.found(Finding::OtherLink));
    }
    let step = Step::new(LINK, to.as_str().as_bytes());
    if !is_in_directory {
        return Err(step.found(Finding::NotInADirectory));
    }
    let (parents, name) = split(to.relative().as_bytes());
    let dir = &root.ensure_directory(parents)?;
    if step.stat_name(dir, name)?.is_some() {
        return Ok(false);
    }
    step.remove(dir, UNFINISHED, AtFlags::empty())?;
    let built = build(seeder, &item.entry, dir, UNFINISHED)
        .and_then(|file| step.sync(file.as_ref().unwrap_or(dir)))
        .and_then(|()| step.rename(dir, UNFINISHED, dir, name));
    // If it cannot be removed now, the next boot does it.
    built
        .map(|()| true)
        .map_err(|failure| failure.clean_up(|| step.remove(dir, UNFINISHED, AtFlags::empty())))
}

/// Makes `name` in `dir` what the image has as the first content of a file entry. Returns the file, unless it is a symlink,
/// which cannot be synced itself.
#[inline(never)]
pub(crate) fn build(
    seeder: &Seeder<'_, '_>,
    entry: &Entry<'_>,
    dir: &OwnedFd,
    name: &[u8],
) -> Result<Option<OwnedFd>, Failure> {
    let path = entry.path.as_str().as_bytes();
    let step = Step::new(LINK, path);
    let mut place = PathBuf::new();
    let is_link = matches!(entry.how, How::Symlink { .. });
    let above = if is_link { FACTORY_DIR.as_bytes() } else { b"" };
    let appended = place.append(above).and_then(|()| place.append(path));
    appended.map_err(|errno| step.failed("openat2", errno))?;
    // Where the image has a symlink (the time zone), the file's first content is one too.
    if is_link && entry.seed == Seed::Image {
        let step = Step::new("open the image's", place.bytes());
        let mut bytes = [0; 4096];
        if let Some(target) = seeder.factory().read_link(&step, place.bytes(), &mut bytes)? {
            step.make_link(target, dir, name)?;
            step.change_owner(dir, name, entry.uid, entry.gid)?;
            return Ok(None);
        }
    }
    seeder.build_file(entry, dir, name, place.bytes()).map(Some)
}

/// Whether a symlink at `path` with this `target` leads to `to`, going by the names alone.
fn leads_to(path: StatePath<'_>, target: &[u8], to: StatePath<'_>) -> bool {
    let mut place = PathBuf::new();
    let starts_at_root = target.starts_with(b"/");
    (starts_at_root || walk(&mut place, split(path.relative().as_bytes()).0))
        && walk(&mut place, target)
        && place.bytes() == to.relative().as_bytes()
}

/// Goes from `place` along `path`; whether that is not too far.
fn walk(place: &mut PathBuf, path: &[u8]) -> bool {
    path.split(|&byte| byte == b'/').all(|name| match name {
        b"" | b"." => true,
        b".." => {
            place.pop();
            true
        }
        name => place.push(name).is_ok(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_leads_to_its_state_in_either_form() {
        let [path, to] = ["/etc/hostname", "/etcrw/hostname"].map(|path| StatePath::new(path).unwrap());
        for target in ["/etcrw/hostname", "../etcrw/hostname", "..//./etcrw/hostname", "../../etcrw/hostname"]
        {
            assert!(leads_to(path, target.as_bytes(), to), "{target}");
        }
        for target in ["etcrw/hostname", "/etcrw", "/etcrw/hostname2", "../etc/hostname", ""] {
            assert!(!leads_to(path, target.as_bytes(), to), "{target}");
        }
    }
}
