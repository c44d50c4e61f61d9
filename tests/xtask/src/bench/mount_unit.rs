//! systemd's units that bind directories: what mounts are compared with, in a container and in a whole boot.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::Path;

/// Writes the unit `name` into the directory `units`, which binds `source` onto `target`, and has the system want it before
/// `local-fs.target`.
pub(super) fn write(units: &Path, name: &str, source: &str, target: &str) -> io::Result<()> {
    let unit = format!(
        "[Unit]\nDefaultDependencies=no\nBefore=local-fs.target\n[Mount]\nWhat={source}\nWhere={target}\nType=none\n\
         Options=bind,nosuid,nodev\n"
    );
    fs::write(units.join(name), unit)?;
    let link = units.join("local-fs.target.wants").join(name);
    if link.symlink_metadata().is_err() {
        symlink(Path::new("..").join(name), link)?;
    }
    Ok(())
}
