//! Tests and coverage in short, as Markdown for a forge's page about a run.

use std::fmt::Write as _;

use crate::lines::{Lines, Share};
use crate::test_log::{Suite, Verdict};

/// Two tables, and what failed.
pub(crate) fn write(suites: &[Suite], lines: &Lines) -> String {
    let mut page = String::from("| tests | passed | failed | ignored |\n| --- | --: | --: | --: |\n");
    for suite in suites.iter().filter(|suite| !suite.tests.is_empty()) {
        let (passed, failed, ignored) = (suite.passed(), suite.failed(), suite.ignored());
        let _ = writeln!(page, "| {} | {passed} | {failed} | {ignored} |", suite.name);
    }
    for suite in suites {
        for test in suite.tests.iter().filter(|test| matches!(test.verdict, Verdict::Failed(_))) {
            let _ = write!(page, "\n- failed: `{}` of {}", test.name, suite.name);
        }
    }
    page += "\n\n| crate | lines | covered | |\n| --- | --: | --: | --: |\n";
    let of_crates = lines.crates().into_iter().map(|(name, files)| (name, Share::of_files(&files)));
    for (name, share) in of_crates.chain([("all", lines.share())]) {
        let percent = share.rate() * 100.0;
        let _ = writeln!(page, "| {name} | {} | {} | {percent:.1} % |", share.all, share.covered);
    }
    page
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::test_log::Test;

    #[test]
    fn names_what_failed_and_adds_up() {
        let test = |name: &str, verdict| Test { name: name.to_owned(), verdict };
        let tests = vec![test("a", Verdict::Passed), test("b", Verdict::Failed("why".to_owned()))];
        let suite = Suite { name: "ui".to_owned(), tests, ..Suite::default() };
        let lines = Lines::parse_lcov("SF:/p/a/src/x.rs\nDA:1,5\nDA:2,0\nend_of_record\n", Path::new("/p"));
        let expected = "| tests | passed | failed | ignored |\n| --- | --: | --: | --: |\n| ui | 1 | 1 | 0 |\n\
            \n- failed: `b` of ui\n\
            \n| crate | lines | covered | |\n| --- | --: | --: | --: |\n| a | 2 | 1 | 50.0 % |\n| all | 2 | 1 | 50.0 % |\n";
        assert_eq!(write(&[suite], &lines), expected);
    }
}
