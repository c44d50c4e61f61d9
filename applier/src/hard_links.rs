//! Files with several names.

use core::ffi::CStr;

use rustix::fd::OwnedFd;
use rustix::fs::{AtFlags, Mode, Stat, linkat, renameat};
use rustix::io::Errno;

use crate::beneath::open_directory;
use crate::failure::Failure;
use crate::path::{NumberName, PathBuf};
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
        name: &CStr,
    ) -> Result<bool, Failure> {
        let Some((directory, _)) = &self.directory else { return Ok(false) };
        let mut buffer = PathBuf::new();
        let key = key(step, &mut buffer, stat)?;
        match linkat(directory, key, dir, name, AtFlags::empty()) {
            Ok(()) => Ok(true),
            Err(Errno::NOENT) => Ok(false),
            // The file system takes no more names: this is the one too many.
            Err(Errno::MLINK) => renameat(directory, key, dir, name)
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
        name: &CStr,
    ) -> Result<(), Failure> {
        if self.directory.is_none() {
            self.directory = Some(self.make_directory(step)?);
        }
        let Some((directory, _)) = &self.directory else { return Ok(()) };
        let mut buffer = PathBuf::new();
        let key = key(step, &mut buffer, stat)?;
        linkat(dir, name, directory, key, AtFlags::empty()).map_err(|errno| step.failed("linkat", errno))
    }

    /// Removes the directory.
    pub(crate) fn discard(self, step: &Step<'_>) -> Result<(), Failure> {
        let Some((directory, name)) = self.directory else { return Ok(()) };
        work::discard_all(&directory)?;
        step.remove(self.to, name.as_c_str(), AtFlags::REMOVEDIR)
    }

    fn make_directory(&self, step: &Step<'_>) -> Result<(OwnedFd, NumberName), Failure> {
        let mut number = 0_u64;
        loop {
            let name = NumberName::new(number);
            if step.stat_name(self.from, name.as_c_str())?.is_none() {
                step.make_directory(self.to, name.as_c_str(), Mode::RWXU)?;
                return Ok((open_directory(step, self.to, name.as_c_str())?, name));
            }
            number = number.wrapping_add(1);
        }
    }
}

/// `DEVICE-INODE` of a file.
fn key<'b>(step: &Step<'_>, buffer: &'b mut PathBuf, stat: &Stat) -> Result<&'b CStr, Failure> {
    let [device, inode] = [stat.st_dev, stat.st_ino].map(NumberName::new);
    step.path(buffer, &[device.as_c_str().to_bytes(), b"-", inode.as_c_str().to_bytes()])
}
