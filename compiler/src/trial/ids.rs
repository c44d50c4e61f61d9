//! Who exists in a namespace of users: its root is the caller, and the others are the caller's subordinate ids, as
//! `subuid(5)` gives them away.

use std::fs;
use std::io::Write as _;
use std::process::{Child, Command, Stdio, id};

use nix::unistd::{User, getegid, geteuid};

use crate::trial::namespace::NamespaceError;

/// Users or groups.
pub(super) struct Ids {
    /// The caller's own id, outside.
    caller: u32,
    /// Who gives away subordinate ids.
    registry: &'static str,
    /// The program that may declare them.
    helper: &'static str,
    /// Where they are declared.
    map: &'static str,
}

impl Ids {
    pub(super) fn users() -> Self {
        let (registry, helper, map) = ("/etc/subuid", "newuidmap", "/proc/self/uid_map");
        Self { caller: geteuid().as_raw(), registry, helper, map }
    }

    pub(super) fn groups() -> Self {
        let (registry, helper, map) = ("/etc/subgid", "newgidmap", "/proc/self/gid_map");
        Self { caller: getegid().as_raw(), registry, helper, map }
    }

    /// Starts the program that declares the caller's subordinate ids for this process, once it is told to; `None` where
    /// there are none.
    pub(super) fn ask_helper(&self) -> Option<Child> {
        let registry = fs::read_to_string(self.registry).ok()?;
        let name = User::from_uid(geteuid()).ok().flatten().map(|user| user.name);
        let (start, count) = range(&registry, name.as_deref(), geteuid().as_raw())?;
        // The shell only waits for our line: the helper itself does not.
        Command::new("sh")
            .args(["-c", "read -r _ && exec \"$@\"", "sh", self.helper])
            .args([id(), 0, self.caller, 1, 1, start, count].map(|number| number.to_string()))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .ok()
    }

    /// Declares the ids of this process's namespace: by the helper, else only root.
    pub(super) fn declare(&self, helper: Option<Child>) -> Result<(), NamespaceError> {
        if helper.is_some_and(declares) {
            return Ok(());
        }
        if self.helper == "newgidmap" {
            // Whoever may declare a group of their own could otherwise drop one that is there to exclude them.
            fs::write("/proc/self/setgroups", "deny").map_err(NamespaceError::Ids)?;
        }
        fs::write(self.map, format!("0 {} 1", self.caller)).map_err(NamespaceError::Ids)
    }
}

/// Tells the helper that the namespace is there, and whether it did its work.
fn declares(mut helper: Child) -> bool {
    let told = helper.stdin.take().is_some_and(|mut input| input.write_all(b"\n").is_ok());
    helper.wait().is_ok_and(|status| told && status.success())
}

/// The first range that `registry`, of lines `USER:START:COUNT`, gives to a user.
fn range(registry: &str, name: Option<&str>, uid: u32) -> Option<(u32, u32)> {
    let uid = uid.to_string();
    registry.lines().find_map(|line| {
        let (user, range) = line.split_once(':')?;
        let (start, count) = range.split_once(':')?;
        let is_ours = Some(user) == name || user == uid;
        let range = (start.parse().ok()?, count.trim().parse().ok()?);
        (is_ours && range.1 > 0).then_some(range)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_found_by_name_and_by_number() {
        let registry = "other:1:2\nme:100000:65536\n77:5:6\nme:9:9\n";
        assert_eq!(range(registry, Some("me"), 1000), Some((100_000, 65_536)));
        assert_eq!(range(registry, None, 77), Some((5, 6)));
        assert_eq!(range(registry, Some("m"), 7), None);
        assert_eq!(range("me:x:1\nme:1:0\nme\n", Some("me"), 1), None);
    }
}
