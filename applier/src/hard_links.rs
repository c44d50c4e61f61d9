//! Files with several names.

use core::ffi::CStr;

use rustix::fd::OwnedFd;
use rustix::fs::{AtFlags, Mode, Stat, linkat, renameat};
use rustix::io::Errno;

use crate::beneath::open_directory;
use crate::failure::Failure;
use crate::path::{NumberName, Room};
use crate::step::Step;
use crate::work;

/// The copies of files with several names, each under its original's device and inode in a directory for that.
///
/// A directory rather than a table: there is no heap, and it may be a million files. It lies in the top of the
/// copy itself, under a name that nothing there will get, since not every copy has another place on its file
/// system: a tmpfs is seeded from its root on.
pub(crate) struct HardLinks<'t> {
    from: &'t OwnedFd,
    to: &'t OwnedFd,
    /// Made for the first of them.
    directory: Option<(OwnedFd, NumberName)>,
}

impl<'t> HardLinks<'t> {
    /// For a copy of the directory `from` as the directory `to`, which is empty.
    pub(crate) fn new(from: &'t OwnedFd, to: &'t OwnedFd) -> Self {
        Self { from, to, directory: None }
    }

    /// Makes `name` in `dir` one more name of the file's copy, if there is one.
    pub(crate) fn link(
        &self,
        step: &Step<'_>,
        stat: &Stat,
        dir: &OwnedFd,
        name: &[u8],
    ) -> Result<bool, Failure> {
        let Some((directory, _)) = &self.directory else { return Ok(false) };
        let (mut room, mut name_room) = (Room::new(), Room::new());
        let link = name_room.terminated(name);
        let key = key(&mut room, stat);
        match linkat(directory, key, dir, link, AtFlags::empty()) {
            Ok(()) => Ok(true),
            Err(Errno::NOENT) => Ok(false),
            // The file system takes no more names: this is the one too many.
            Err(Errno::MLINK) => renameat(directory, key, dir, link)
                .map(|()| true)
                .map_err(|errno| step.failed("renameat", errno)),
            Err(errno) => Err(step.failed("linkat", errno)),
        }
    }

    /// Keeps `name` in `dir`, which is the file's copy, for the names to come.
    pub(crate) fn keep(
        &mut self,
        step: &Step<'_>,
        stat: &Stat,
        dir: &OwnedFd,
        name: &[u8],
    ) -> Result<(), Failure> {
        if self.directory.is_none() {
            self.directory = Some(self.make_directory(step)?);
        }
        let Some((directory, _)) = &self.directory else { return Ok(()) };
        let (mut room, mut name_room) = (Room::new(), Room::new());
        let link = name_room.terminated(name);
        let key = key(&mut room, stat);
        linkat(dir, link, directory, key, AtFlags::empty()).map_err(|errno| step.failed("linkat", errno))
    }

    /// Removes the directory.
    #[inline(never)]
    pub(crate) fn discard(self, step: &Step<'_>) -> Result<(), Failure> {
        let Some((directory, name)) = self.directory else { return Ok(()) };
        work::discard_all(&directory)?;
        step.remove(self.to, name.bytes(), AtFlags::REMOVEDIR)
    }

    fn make_directory(&self, step: &Step<'_>) -> Result<(OwnedFd, NumberName), Failure> {
        let mut number = 0_u64;
        loop {
            let name = NumberName::new(number);
            if step.stat_name(self.from, name.bytes())?.is_none() {
                step.make_directory(self.to, name.bytes(), Mode::RWXU)?;
                return Ok((open_directory(step, self.to, name.bytes())?, name));
            }
            number = number.wrapping_add(1);
        }
    }
}

/// `DEVICE-INODE` of a file.
fn key<'r>(room: &'r mut Room, stat: &Stat) -> &'r CStr {
    room.terminated(NumberName::of_two(stat.st_dev, stat.st_ino).bytes())
}
