//! Coverage as a Cobertura report, which forges show beside the lines of a change.

use std::fmt::Write as _;

use crate::lines::{Lines, Share};
use crate::xml::escape;

/// The report: a package for each crate, a class for each file. Branches, complexity and methods are not measured, and as
/// the same sources and tests are to give the same report, it does not say when it was made.
pub(crate) fn write(lines: &Lines) -> String {
    let total = lines.share();
    let mut report = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <coverage line-rate=\"{:.4}\" branch-rate=\"0\" lines-covered=\"{}\" lines-valid=\"{}\" branches-covered=\"0\" \
         branches-valid=\"0\" complexity=\"0\" version=\"1\" timestamp=\"0\">\n  \
         <sources><source>.</source></sources>\n  <packages>\n",
        total.rate(),
        total.covered,
        total.all
    );
    for (name, files) in lines.crates() {
        let share = Share::of_files(&files);
        let _ = writeln!(
            report,
            "    <package name=\"{}\" line-rate=\"{:.4}\" branch-rate=\"0\" complexity=\"0\">\n      <classes>",
            escape(name),
            share.rate()
        );
        for (path, counts) in files {
            let path = escape(path);
            let rate = Share::of(counts).rate();
            let _ = writeln!(
                report,
                "        <class name=\"{path}\" filename=\"{path}\" line-rate=\"{rate:.4}\" branch-rate=\"0\" complexity=\"0\">\n          \
                 <methods/>\n          <lines>"
            );
            for (number, count) in counts {
                let _ = writeln!(report, "            <line number=\"{number}\" hits=\"{count}\"/>");
            }
            report += "          </lines>\n        </class>\n";
        }
        report += "      </classes>\n    </package>\n";
    }
    report + "  </packages>\n</coverage>\n"
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// What each element must have by Cobertura's `coverage-04.dtd`.
    const REQUIRED: [(&str, &[&str]); 4] = [
        (
            "coverage",
            &[
                "line-rate",
                "branch-rate",
                "lines-covered",
                "lines-valid",
                "branches-covered",
                "branches-valid",
                "complexity",
                "version",
                "timestamp",
            ],
        ),
        ("package", &["name", "line-rate", "branch-rate", "complexity"]),
        ("class", &["name", "filename", "line-rate", "branch-rate", "complexity"]),
        ("line", &["number", "hits"]),
    ];

    const LCOV: &str =
        "SF:/p/a/src/x.rs\nDA:1,5\nDA:2,0\nend_of_record\nSF:/p/b/src/y.rs\nDA:7,1\nend_of_record\n";

    #[test]
    fn has_the_lines_of_each_file() {
        let report = write(&Lines::parse_lcov(LCOV, Path::new("/p")));
        let words: Vec<&str> = report.split_whitespace().collect();
        for part in [
            "<coverage line-rate=\"0.6667\" branch-rate=\"0\" lines-covered=\"2\" lines-valid=\"3\"",
            "<package name=\"a\" line-rate=\"0.5000\"",
            "<class name=\"a/src/x.rs\" filename=\"a/src/x.rs\" line-rate=\"0.5000\"",
            "<line number=\"1\" hits=\"5\"/> <line number=\"2\" hits=\"0\"/> </lines> </class> </classes> </package>",
            "<package name=\"b\" line-rate=\"1.0000\"",
            "<line number=\"7\" hits=\"1\"/> </lines> </class> </classes> </package> </packages> </coverage>",
        ] {
            assert!(words.join(" ").contains(part), "{part}:\n{report}");
        }
    }

    #[test]
    fn elements_have_what_the_dtd_requires() {
        let report = write(&Lines::parse_lcov(LCOV, Path::new("/p")));
        for (element, attributes) in REQUIRED {
            let tags: Vec<&str> = report
                .split(&format!("<{element} "))
                .skip(1)
                .filter_map(|rest| Some(rest.split_once('>')?.0))
                .collect();
            assert!(!tags.is_empty(), "{element}");
            for tag in tags {
                for attribute in attributes {
                    assert!(format!(" {tag}").contains(&format!(" {attribute}=\"")), "{attribute} in {tag}");
                }
            }
        }
        // Required content, in this order.
        let at = |tag: &str| report.find(tag).unwrap();
        assert!(at("<sources>") < at("<packages>") && at("<packages>") < at("<classes>"));
        assert_eq!(report.matches("<methods/>").count(), report.matches("<class ").count());
    }
}
