//! How often each line of the sources was run.

use std::collections::BTreeMap;
use std::path::Path;

/// By line, from 1.
pub(crate) type Counts = BTreeMap<u32, u64>;

/// Lines of all files, by path relative to the project.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    pub(crate) files: BTreeMap<String, Counts>,
}

/// Lines that were run, of lines that could be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Share {
    pub(crate) covered: usize,
    pub(crate) all: usize,
}

impl Share {
    pub(crate) fn of(counts: &Counts) -> Self {
        Self { covered: counts.values().filter(|&&count| count > 0).count(), all: counts.len() }
    }

    pub(crate) fn of_files(files: &[(&str, &Counts)]) -> Self {
        files.iter().map(|(_, counts)| Self::of(counts)).fold(Self::default(), Self::plus)
    }

    fn plus(self, other: Self) -> Self {
        Self { covered: self.covered + other.covered, all: self.all + other.all }
    }

    /// From 0 to 1, as Cobertura has it.
    #[expect(clippy::cast_precision_loss, reason = "no project has 2^52 lines")]
    pub(crate) fn rate(self) -> f64 {
        if self.all == 0 { 1.0 } else { self.covered as f64 / self.all as f64 }
    }
}

impl Lines {
    /// Reads what `llvm-cov export --format=lcov` prints (`geninfo(1)` has the format), of the files below `root`.
    pub(crate) fn parse_lcov(text: &str, root: &Path) -> Self {
        let mut lines = Self::default();
        let mut file: Option<&mut Counts> = None;
        for line in text.lines() {
            if let Some(path) = line.strip_prefix("SF:") {
                let inside = Path::new(path).strip_prefix(root).ok().and_then(Path::to_str);
                file = inside.map(|path| lines.files.entry(path.to_owned()).or_default());
            } else if let Some(data) = line.strip_prefix("DA:")
                && let Some(counts) = &mut file
                && let Some((number, count)) = count_of(data)
            {
                *counts.entry(number).or_default() += count;
            }
        }
        lines
    }

    /// The crates by their directories, each with its files.
    pub(crate) fn crates(&self) -> BTreeMap<&str, Vec<(&str, &Counts)>> {
        let mut crates: BTreeMap<&str, Vec<_>> = BTreeMap::new();
        for (path, counts) in &self.files {
            let name = path.split_once("/src/").map_or("", |(name, _)| name);
            crates.entry(name).or_default().push((path.as_str(), counts));
        }
        crates
    }

    pub(crate) fn share(&self) -> Share {
        self.files.values().map(Share::of).fold(Share::default(), Share::plus)
    }
}

/// "12,3": line and count.
fn count_of(data: &str) -> Option<(u32, u64)> {
    let mut fields = data.split(',');
    Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_files_of_the_project_only() {
        let text = "SF:/p/a/src/x.rs\nDA:1,5\nDA:2,0\nend_of_record\nSF:/other/y.rs\nDA:1,1\nend_of_record\n";
        let lines = Lines::parse_lcov(text, Path::new("/p"));
        assert_eq!(lines.files.keys().collect::<Vec<_>>(), ["a/src/x.rs"]);
        assert_eq!(lines.share(), Share { covered: 1, all: 2 });
        assert_eq!(lines.crates().keys().collect::<Vec<_>>(), [&"a"]);
    }
}
