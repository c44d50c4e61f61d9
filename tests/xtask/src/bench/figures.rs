//! What was measured, as a table for people and for the documentation.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::time::Duration;

use super::usage::Series;
use crate::failure::{Failure, OrFail as _, Outcome};

/// Around what this program has written of a subject into a page.
fn marks(subject: &str) -> [String; 2] {
    [
        format!("<!-- {subject}: written by `cargo xtask bench --write` -->"),
        format!("<!-- end of {subject} -->"),
    ]
}

/// What was found out about a subject.
#[derive(Debug, Default)]
pub(crate) struct Figures(String);

impl Figures {
    /// A table of what programs cost on one image.
    pub(crate) fn add_costs(&mut self, title: &str, rows: &[(&str, &Series)]) {
        let mut table = format!(
            "{title}:\n\n| command | best | median | runs | CPU time | peak memory |\n| --- | --: | --: | --: | --: | --: |\n"
        );
        for (command, series) in rows {
            let (best, median, cpu) = (show(series.best()), show(series.median()), show(series.cpu()));
            let (runs, memory) = (series.runs(), mebibytes(series.memory()));
            let _ = writeln!(table, "| {command} | {best} | {median} | {runs} | {cpu} | {memory} |");
        }
        self.add(&table);
    }

    /// A table of targets: what, how much it is, and whether that is good enough.
    pub(crate) fn add_targets(&mut self, rows: &[Target]) {
        let mut table = String::from("| target | measured | |\n| --- | --: | --- |\n");
        for Target { what, measured, is_met } in rows {
            let verdict = if *is_met { "met" } else { "**missed**" };
            let _ = writeln!(table, "| {what} | {measured} | {verdict} |");
        }
        self.add(&table);
    }

    /// A table of any columns, the first of which is text and the others numbers.
    pub(crate) fn add_table(&mut self, title: &str, head: &[String], rows: &[Vec<String>]) {
        let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
        let numbers = " --: |".repeat(head.len().saturating_sub(1));
        let rows: String = rows.iter().map(|row| line(row)).collect();
        self.add(&format!("{title}:\n\n{}| --- |{numbers}\n{rows}", line(head)));
    }

    /// A paragraph.
    pub(crate) fn add(&mut self, text: &str) {
        if !self.0.is_empty() {
            self.0.push('\n');
        }
        self.0 += text.trim_end();
        self.0.push('\n');
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Puts the figures into the page at `path`, between the marks of their subject.
    pub(crate) fn write_into(&self, path: &Path, subject: &str) -> Outcome {
        let page = fs::read_to_string(path).or_fail(|| format!("read {}", path.display()))?;
        let page = replace_marked(&page, subject, &self.0).ok_or_else(|| {
            Failure::new(format!("{} has no lines {}", path.display(), marks(subject).join(" and ")))
        })?;
        fs::write(path, page).or_fail(|| format!("write {}", path.display()))
    }
}

/// Something that is promised about costs.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) what: String,
    pub(crate) measured: String,
    pub(crate) is_met: bool,
}

/// The page with another text between its marks; `None` without marks.
fn replace_marked(page: &str, subject: &str, text: &str) -> Option<String> {
    let [begin, end] = marks(subject);
    let (before, rest) = page.split_once(&begin)?;
    let (_, after) = rest.split_once(&end)?;
    Some(format!("{before}{begin}\n\n{text}\n{end}{after}"))
}

/// Milliseconds, or seconds where that is long.
pub(crate) fn show(time: Duration) -> String {
    if time >= Duration::from_secs(10) {
        format!("{:.1} s", time.as_secs_f64())
    } else {
        format!("{:.0} ms", time.as_secs_f64() * 1e3)
    }
}

/// Milliseconds with two decimals: for what takes few of them.
pub(crate) fn show_precisely(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1e3)
}

/// Bytes, as mebibytes with one decimal.
pub(crate) fn mebibytes(bytes: u64) -> String {
    let tenths = (bytes * 10 + (1 << 19)) >> 20;
    format!("{}.{} MiB", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replaces_what_is_between_the_marks_and_nothing_else() {
        let [begin, end] = marks("copying");
        let [other, other_end] = marks("statec");
        let rest = format!("between\n{other}\nother\n{other_end}\nafter\n");
        let page = format!("before\n{begin}\nold\n{end}\n{rest}");
        let new = replace_marked(&page, "copying", "new\n").unwrap();
        assert_eq!(new, format!("before\n{begin}\n\nnew\n\n{end}\n{rest}"));
        assert_eq!(replace_marked(&new, "copying", "new\n").unwrap(), new);
        assert_eq!(replace_marked("no marks", "copying", "new"), None);
    }

    #[test]
    fn rounds_for_people() {
        assert_eq!(mebibytes(3 << 20), "3.0 MiB");
        assert_eq!(mebibytes((3 << 20) + (1 << 19)), "3.5 MiB");
        assert_eq!(show(Duration::from_micros(1499)), "1 ms");
        assert_eq!(show(Duration::from_millis(12345)), "12.3 s");
        assert_eq!(show_precisely(Duration::from_micros(1499)), "1.50 ms");
    }
}
