//! What an image mounts by itself.

use std::collections::BTreeMap;

use state_schema::StatePath;

/// Mount points with what mounts there.
#[derive(Debug, Default)]
pub struct Mounts {
    by_path: BTreeMap<String, Mount>,
}

/// What mounts something.
#[derive(Debug, PartialEq, Eq)]
pub struct Mount {
    /// The path of an `fstab(5)`, or the name of a unit.
    pub by: String,
    /// What a unit says must hold for it to be started, as it is written there: `Condition…=` and `Assert…=`.
    pub conditions: Vec<String>,
}

impl Mounts {
    /// Adds what an `fstab(5)` mounts at boot. `file` is its own path.
    pub(crate) fn add_fstab(&mut self, file: &str, text: &str) {
        for line in text.lines().map(str::trim).filter(|line| !line.starts_with('#')) {
            let mut fields = line.split_ascii_whitespace();
            let (Some(_), Some(place)) = (fields.next(), fields.next()) else { continue };
            let options = fields.nth(1).unwrap_or_default();
            if !options.split(',').any(|option| option == "noauto") {
                self.add(&decode_fstab(place), file, Vec::new());
            }
        }
    }

    /// Adds a mount unit with what its files say, the unit's own before its drop-ins. Its name is its mount point, escaped
    /// as by `systemd-escape --path`.
    pub(crate) fn add_unit(&mut self, name: &str, files: &[String]) {
        if let Some(place) = unescape_unit(name) {
            self.add(&place, name, conditions(files));
        }
    }

    fn add(&mut self, place: &str, by: &str, conditions: Vec<String>) {
        if StatePath::new(place).is_err() {
            return;
        }
        let mount = self.by_path.entry(place.to_owned());
        let mount = mount.or_insert_with(|| Mount { by: by.to_owned(), conditions: conditions.clone() });
        // Of two that mount at one place, the one that always does is to be told of.
        if conditions.is_empty() && !mount.conditions.is_empty() {
            *mount = Mount { by: by.to_owned(), conditions };
        }
    }

    /// What mounts at `path`.
    #[must_use]
    pub fn at(&self, path: StatePath<'_>) -> Option<&Mount> {
        self.by_path.get(path.as_str())
    }
}

/// What must hold for a unit to be started. An empty one takes back all of its kind that came before (`systemd.unit(5)`).
fn conditions(files: &[String]) -> Vec<String> {
    let mut conditions: Vec<String> = Vec::new();
    for file in files {
        let mut is_in_unit = false;
        for line in file.lines().map(str::trim) {
            if line.starts_with('[') {
                is_in_unit = line == "[Unit]";
            }
            let Some(kind) = ["Condition", "Assert"].into_iter().find(|kind| line.starts_with(kind)) else {
                continue;
            };
            match line.split_once('=') {
                Some((_, "")) if is_in_unit => conditions.retain(|condition| !condition.starts_with(kind)),
                Some(_) if is_in_unit => conditions.push(line.to_owned()),
                _ => {}
            }
        }
    }
    conditions
}

/// Blanks are written as octal escapes in an fstab.
fn decode_fstab(field: &str) -> String {
    field.replace("\\040", " ").replace("\\011", "\t").replace("\\134", "\\")
}

/// The path that a unit's name stands for: `-` for `/`, `\x2d` for a byte (`systemd.unit(5)`).
fn unescape_unit(name: &str) -> Option<String> {
    let escaped = name.strip_suffix(".mount")?;
    let mut path = vec![b'/'];
    let mut bytes = escaped.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'-' => path.push(b'/'),
            b'\\' => {
                let digits = [bytes.next().filter(|&b| b == b'x')?, bytes.next()?, bytes.next()?];
                let digits = std::str::from_utf8(digits.get(1..)?).ok()?.to_owned();
                path.push(u8::from_str_radix(&digits, 16).ok()?);
            }
            byte => path.push(byte),
        }
    }
    String::from_utf8(path).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_units_are_paths() {
        assert_eq!(unescape_unit("tmp.mount").as_deref(), Some("/tmp"));
        assert_eq!(unescape_unit("var-lib-a\\x2db.mount").as_deref(), Some("/var/lib/a-b"));
        assert_eq!(unescape_unit("a\\y.mount"), None);
        assert_eq!(unescape_unit("a.service"), None);
    }

    #[test]
    fn an_fstab_names_what_is_mounted_at_boot() {
        let mut mounts = Mounts::default();
        mounts.add_fstab("/etc/fstab", "# /no\n/dev/a /data ext4 defaults 0 0\n/dev/b /b\\040c ext4\n/dev/c /d ext4 rw,noauto\nswap none swap\n");
        let by = |path| mounts.at(StatePath::new(path).unwrap()).map(|mount| mount.by.as_str());
        assert_eq!(
            (by("/data"), by("/b c"), by("/d"), by("/no")),
            (Some("/etc/fstab"), Some("/etc/fstab"), None, None)
        );
    }

    #[test]
    fn conditions_are_those_of_the_unit_that_nothing_takes_back() {
        let unit = "[Unit]\nConditionPathExists=/a\nAssertPathExists = /b\n[Mount]\nConditionPathExists=/c\n"
            .to_owned();
        let of = |files: &[&str]| {
            let files: Vec<String> = files.iter().map(|file| (*file).to_owned()).collect();
            conditions(&files)
        };
        assert_eq!(of(&[&unit]), ["ConditionPathExists=/a", "AssertPathExists = /b"]);
        assert_eq!(of(&[&unit, "[Unit]\nConditionHost=\n"]), ["AssertPathExists = /b"]);
        assert_eq!(of(&["# ConditionHost=a\nConditionHost=a\n"]), [""; 0]);
    }

    #[test]
    fn what_always_mounts_is_told_of_before_what_may() {
        let mut mounts = Mounts::default();
        mounts.add_unit("data.mount", &["[Unit]\nConditionHost=a\n".to_owned()]);
        let at = |mounts: &Mounts| {
            let mount = mounts.at(StatePath::new("/data").unwrap()).unwrap();
            (mount.by.clone(), mount.conditions.len())
        };
        assert_eq!(at(&mounts), ("data.mount".to_owned(), 1));
        mounts.add_fstab("/etc/fstab", "/dev/a /data ext4 defaults\n");
        assert_eq!(at(&mounts), ("/etc/fstab".to_owned(), 0));
    }
}
