//! busybox, as the programs of a small root.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::Path;

use crate::tool;

/// Puts it into `bin` of the root, with a name for each of `applets`.
pub(super) fn install(root: &Path, applets: &[&str]) -> io::Result<()> {
    let busybox = tool::find("busybox").ok_or(io::ErrorKind::NotFound)?;
    let bin = root.join("bin");
    fs::create_dir_all(&bin)?;
    fs::copy(busybox, bin.join("busybox"))?;
    applets.iter().try_for_each(|applet| symlink("busybox", bin.join(applet)))
}
