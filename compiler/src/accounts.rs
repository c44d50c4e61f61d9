//! The image's users and groups.

use std::collections::BTreeMap;

/// Names and numbers from an image's `passwd` and `group`.
#[derive(Debug, Default)]
pub struct Accounts {
    users: BTreeMap<String, u32>,
    groups: BTreeMap<String, u32>,
}

impl Accounts {
    /// Reads `passwd(5)` and `group(5)`; an absent file has no names. As in glibc, of two lines with one name the
    /// first counts, and a line that is none is passed over.
    #[must_use]
    pub fn parse(passwd: Option<&str>, group: Option<&str>) -> Self {
        Self { users: names(passwd.unwrap_or_default()), groups: names(group.unwrap_or_default()) }
    }

    /// The number of a user.
    #[must_use]
    pub fn user(&self, name: &str) -> Option<u32> {
        self.users.get(name).copied()
    }

    /// The number of a group.
    #[must_use]
    pub fn group(&self, name: &str) -> Option<u32> {
        self.groups.get(name).copied()
    }

    /// All names of users, sorted.
    pub fn user_names(&self) -> impl Iterator<Item = &str> {
        self.users.keys().map(String::as_str)
    }

    /// All names of groups, sorted.
    pub fn group_names(&self) -> impl Iterator<Item = &str> {
        self.groups.keys().map(String::as_str)
    }
}

fn names(file: &str) -> BTreeMap<String, u32> {
    let mut names = BTreeMap::new();
    for line in file.lines() {
        let mut fields = line.split(':');
        let (name, id) = (fields.next(), fields.nth(1));
        if let (Some(name), Some(Ok(id))) = (name, id.map(str::parse)) {
            names.entry(name.to_owned()).or_insert(id);
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_the_first_of_a_name_and_passes_over_what_is_no_line() {
        let passwd = "root:x:0:0:root:/root:/bin/sh\n\n+nis\nsshd:x:105:65534::/run/sshd:/bin/false\nsshd:x:9:9::/:\nx:x:y:\n";
        let accounts = Accounts::parse(Some(passwd), None);
        assert_eq!(accounts.user("sshd"), Some(105));
        assert_eq!(accounts.user("x"), None);
        assert_eq!(accounts.group("root"), None);
        assert_eq!(accounts.user_names().collect::<Vec<_>>(), ["root", "sshd"]);
    }
}
