//! Drivers that come with the initramfs.

use core::mem::MaybeUninit;

use rustix::fd::OwnedFd;
use rustix::fs::{OFlags, RawDir, SeekFrom};
use rustix::io::Errno;
use rustix::system::finit_module;

use crate::beneath::DIRECTORY;
use crate::failure::Failure;
use crate::file::open;
use crate::path::PathBuf;
use crate::step::Step;
use crate::text::Text;
use crate::work::{ENTRIES, is_dot};

/// Where they lie, one file each.
const DIRECTORY_OF_MODULES: &[u8] = b"/modules";

/// Tells the kernel that it has to decompress the file, which it can since Linux 5.17, if it was built to.
const COMPRESSED: i32 = 4;

/// Loads all of them, in the order of their names, which so has to be one in which each comes after those it needs. `failed` is
/// told of what cannot be loaded: whether it was needed shows when a device is missing.
pub(crate) fn load_all(failed: &mut dyn FnMut(Failure)) {
    let dir = match open(DIRECTORY_OF_MODULES, DIRECTORY) {
        Ok(dir) => dir,
        // An initramfs without modules: the kernel has its drivers built in.
        Err(Errno::NOENT) => return,
        Err(errno) => {
            return failed(Step::new("open the directory", DIRECTORY_OF_MODULES).failed("open", errno));
        }
    };
    let mut last = Text::new();
    loop {
        match next_name(&dir, &last) {
            Ok(Some(name)) => last = name,
            Ok(None) => return,
            Err(failure) => return failed(failure),
        }
        if let Err(failure) = load(last.bytes()) {
            failed(failure);
        }
    }
}

/// The first name behind `last`. There are a few of them, so each look takes all.
fn next_name(dir: &OwnedFd, last: &Text) -> Result<Option<Text>, Failure> {
    let step = Step::new("list the directory", DIRECTORY_OF_MODULES);
    step.seek(dir, SeekFrom::Start(0))?;
    let mut next: Option<Text> = None;
    let mut buffer = [MaybeUninit::uninit(); ENTRIES];
    let mut entries = RawDir::new(dir, &mut buffer);
    while let Some(entry) = entries.next() {
        let entry = entry.map_err(|errno| step.failed("getdents64", errno))?;
        let name = entry.file_name().to_bytes();
        let is_first = next.as_ref().is_none_or(|next| name < next.bytes());
        if !is_dot(name) && name > last.bytes() && is_first {
            next = Some(Text::of(name));
        }
    }
    Ok(next)
}

fn load(name: &[u8]) -> Result<(), Failure> {
    let mut path = PathBuf::new();
    let step = Step::new("load the kernel module", name);
    path.append(DIRECTORY_OF_MODULES)
        .and_then(|()| path.push(name))
        .map_err(|errno| step.failed("open", errno))?;
    let file = open(path.bytes(), OFlags::RDONLY).map_err(|errno| step.failed("open", errno))?;
    let flags = if name.ends_with(b".ko") { 0 } else { COMPRESSED };
    match finit_module(&file, c"", flags) {
        // The kernel has it already.
        Ok(()) | Err(Errno::EXIST) => Ok(()),
        Err(errno) => Err(step.failed("finit_module", errno)),
    }
}
