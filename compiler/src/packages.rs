//! The image's installed packages, where its package manager keeps them as text.

use std::collections::BTreeSet;

/// Where dpkg and opkg keep their databases. rpm's is binary, and left alone.
pub(crate) const STATUS_FILES: [&str; 2] = ["/var/lib/dpkg/status", "/var/lib/opkg/status"];

/// Reads a database of dpkg or opkg: the names of packages whose status ends in `installed`.
pub(crate) fn parse(status: &str) -> BTreeSet<String> {
    let mut installed = BTreeSet::new();
    for paragraph in status.split("\n\n") {
        let field = |name: &str| {
            paragraph.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':').map(str::trim))
        };
        if let (Some(name), Some(status)) = (field("Package"), field("Status"))
            && status.ends_with(" installed")
        {
            installed.insert(name.to_owned());
        }
    }
    installed
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn takes_what_is_installed() {
        let status = "Package: a\nStatus: install ok installed\nVersion: 1\n\nPackage: b\nStatus: deinstall ok config-files\n";
        assert_eq!(parse(status).into_iter().collect::<Vec<_>>(), ["a"]);
    }
}
