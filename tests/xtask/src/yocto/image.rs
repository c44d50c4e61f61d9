//! The tar archive of an image, and what has to be in it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::call;
use crate::failure::{Failure, OrFail as _, Outcome};
use crate::task::Task;

/// Users and groups of the test images, as their /etc/passwd numbers them.
const ROOT: &str = "0/0";
const WRITER: &str = "990/991";

const BLOB: &str = "./usr/lib/sysota/state.blob";

/// Members that an image has to have: mode, owner and name, with the target of a symlink, as tar lists them.
const MEMBERS: [(&str, &str, &str); 9] = [
    ("-rw-r--r--", ROOT, BLOB),
    ("-rwxr-xr-x", ROOT, "./usr/sbin/stated"),
    // Mount points that no package has.
    ("drwxr-x---", WRITER, "./var/lib/writer/"),
    ("drwxr-xr-x", ROOT, "./var/cache/writer/"),
    ("drwxr-xr-x", ROOT, "./etcrw/"),
    // A file that is replaced by rename, and what it was.
    ("lrwxrwxrwx", ROOT, "./etc/hostname -> /etcrw/hostname"),
    ("-rw-r--r--", ROOT, "./usr/share/factory/etc/hostname"),
    // A mount point that a package has keeps its owner and mode.
    ("drwxrwxrwt", ROOT, "./tmp/"),
    ("drwxr-xr-x", ROOT, "./etc/writer/"),
];

/// The archive.
#[derive(Debug)]
pub(super) struct Image {
    archive: PathBuf,
    members: Vec<Member>,
}

/// One file of it.
#[derive(Debug, PartialEq, Eq)]
struct Member {
    mode: String,
    owner: String,
    /// With the target, if it is a symlink.
    name: String,
}

impl Image {
    pub(super) fn open(archive: PathBuf) -> Outcome<Self> {
        let listing = tar(&archive, &["--list", "--verbose", "--numeric-owner"])?;
        let listing = String::from_utf8_lossy(&listing);
        let members =
            listing.lines().map(|line| member(line).ok_or_else(|| strange(line))).collect::<Outcome<_>>()?;
        Ok(Self { archive, members })
    }

    /// Fails if the image has no blob.
    pub(super) fn require_blob(&self) -> Outcome {
        if self.members.iter().any(|member| member.name == BLOB) {
            return Ok(());
        }
        Err(Failure::new(format!("{} has no {BLOB}", self.archive.display())))
    }

    /// A file's content.
    fn read(&self, name: &str) -> Outcome<String> {
        Ok(String::from_utf8_lossy(&tar(&self.archive, &["--extract", "--to-stdout", name])?).into_owned())
    }

    /// Unpacks the archive, with its owners; what was at `root` before is gone.
    pub(super) fn unpack(&self, root: &Path, task: &mut Task<'_>, log: &Path) -> Outcome {
        if root.exists() {
            fs::remove_dir_all(root).or_fail(|| format!("remove {}", root.display()))?;
        }
        fs::create_dir_all(root).or_fail(|| format!("create {}", root.display()))?;
        let mut tar = Command::new("tar");
        tar.args(["--extract", "--preserve-permissions", "--numeric-owner"]);
        task.run(tar.arg("--directory").arg(root).arg("--file").arg(&self.archive), log)
    }
}

/// Looks for what every promise of the image class comes to. `builder` is a user and group that nothing may belong to.
/// Returns how many members the image has.
pub(super) fn check(image: &Image, builder: u32) -> Outcome<usize> {
    let stranger = builder.to_string();
    for member in &image.members {
        if member.owner.split('/').any(|id| id == stranger) {
            return Err(Failure::new(format!("{} belongs to the builder", member.name)));
        }
        if member.name.contains("/sysota/state.d") {
            return Err(Failure::new(format!("{} is left of the fragments", member.name)));
        }
    }
    for (mode, owner, name) in MEMBERS {
        let wanted = Member { mode: mode.to_owned(), owner: owner.to_owned(), name: name.to_owned() };
        if !image.members.contains(&wanted) {
            let found = image.members.iter().find(|member| member.name == name);
            return Err(Failure::new(format!("the image should have {wanted:?}, and has {found:?}")));
        }
    }
    let fstab = image.read("./etc/fstab")?;
    let is_read_only =
        |line: &str| line.starts_with("/dev/root") && line.split_whitespace().nth(3) == Some("ro");
    if !fstab.lines().any(is_read_only) {
        return Err(Failure::with_output("the root is not read-only", fstab));
    }
    Ok(image.members.len())
}

/// A line of the listing: "drwxr-xr-x 0/0  0 2018-03-09 12:34 ./boot/".
fn member(line: &str) -> Option<Member> {
    let mut rest = line;
    let mut field = || {
        let (field, after) = rest.trim_start().split_once(' ')?;
        rest = after;
        Some(field)
    };
    let (mode, owner) = (field()?.to_owned(), field()?.to_owned());
    // Size, date and time.
    for _ in 0..3 {
        field()?;
    }
    Some(Member { mode, owner, name: rest.to_owned() })
}

fn strange(line: &str) -> Failure {
    Failure::new(format!("tar lists something strange: {line}"))
}

fn tar(archive: &Path, arguments: &[&str]) -> Outcome<Vec<u8>> {
    call::expect(Command::new("tar").arg("--file").arg(archive).args(arguments), &[])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_tar_lists() {
        let line = "lrwxrwxrwx 0/0               0 2018-03-09 12:34 ./etc/hostname -> /etcrw/hostname";
        let found = member(line).unwrap();
        assert_eq!(found.mode, "lrwxrwxrwx");
        assert_eq!(found.owner, "0/0");
        assert_eq!(found.name, "./etc/hostname -> /etcrw/hostname");
        assert_eq!(member("drwxr-xr-x 0/0"), None);
    }
}
