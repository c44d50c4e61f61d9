//! What an image mounts by itself.

use std::collections::BTreeMap;

use state_schema::StatePath;

/// Mount points with the file that says so.
#[derive(Debug, Default)]
pub struct Mounts {
    by_path: BTreeMap<String, String>,
}

impl Mounts {
    /// Adds what an `fstab(5)` mounts at boot. `file` is its own path.
    pub(crate) fn add_fstab(&mut self, file: &str, text: &str) {
        for line in text.lines().map(str::trim).filter(|line| !line.starts_with('#')) {
            let mut fields = line.split_ascii_whitespace();
            let (Some(_), Some(place)) = (fields.next(), fields.next()) else { continue };
            let options = fields.nth(1).unwrap_or_default();
            if !options.split(',').any(|option| option == "noauto") {
                self.add(&decode_fstab(place), file);
            }
        }
    }

    /// Adds a mount unit. Its name is its mount point, escaped as by `systemd-escape --path`.
    pub(crate) fn add_unit(&mut self, name: &str) {
        if let Some(place) = unescape_unit(name) {
            self.add(&place, name);
        }
    }

    fn add(&mut self, place: &str, by: &str) {
        if StatePath::new(place).is_ok() {
            self.by_path.entry(place.to_owned()).or_insert_with(|| by.to_owned());
        }
    }

    /// The file by which `path` is mounted.
    #[must_use]
    pub fn by(&self, path: StatePath<'_>) -> Option<&str> {
        self.by_path.get(path.as_str()).map(String::as_str)
    }
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
        let by = |path| mounts.by(StatePath::new(path).unwrap());
        assert_eq!(
            (by("/data"), by("/b c"), by("/d"), by("/no")),
            (Some("/etc/fstab"), Some("/etc/fstab"), None, None)
        );
    }
}
