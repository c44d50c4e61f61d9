//! Tests as a `JUnit` report, which forges show beside a change.

use std::fmt::Write as _;

use crate::test_log::{Suite, Verdict};
use crate::xml::escape;

/// The report. Single tests have no time: on stable Rust test programs do not print it.
pub(crate) fn write(suites: &[Suite]) -> String {
    let mut report = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n");
    for suite in suites.iter().filter(|suite| !suite.tests.is_empty()) {
        let (failed, skipped) = (suite.failed(), suite.ignored());
        let name = escape(&suite.name);
        let (tests, seconds) = (suite.tests.len(), escape(&suite.seconds));
        let _ = writeln!(
            report,
            "  <testsuite name=\"{name}\" tests=\"{tests}\" failures=\"{failed}\" skipped=\"{skipped}\" errors=\"0\" time=\"{seconds}\">"
        );
        for test in &suite.tests {
            let _ = write!(report, "    <testcase classname=\"{name}\" name=\"{}\"", escape(&test.name));
            let _ = match &test.verdict {
                Verdict::Passed => writeln!(report, "/>"),
                Verdict::Ignored => writeln!(report, "><skipped/></testcase>"),
                Verdict::Failed(text) => {
                    let message = escape(text.lines().next().unwrap_or("failed"));
                    let text = escape(text);
                    writeln!(report, "><failure message=\"{message}\">{text}</failure></testcase>")
                }
            };
        }
        report += "  </testsuite>\n";
    }
    report + "</testsuites>\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_log::Test;

    #[test]
    fn tells_what_failed_and_why() {
        let tests = vec![
            Test { name: "a".to_owned(), verdict: Verdict::Passed },
            Test { name: "b".to_owned(), verdict: Verdict::Failed("1 < 2\nmore\n".to_owned()) },
            Test { name: "c".to_owned(), verdict: Verdict::Ignored },
        ];
        let suite = Suite { name: "s".to_owned(), program: None, tests, seconds: "0.10".to_owned() };
        let expected = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n  \
            <testsuite name=\"s\" tests=\"3\" failures=\"1\" skipped=\"1\" errors=\"0\" time=\"0.10\">\n    \
            <testcase classname=\"s\" name=\"a\"/>\n    \
            <testcase classname=\"s\" name=\"b\"><failure message=\"1 &lt; 2\">1 &lt; 2\nmore\n</failure></testcase>\n    \
            <testcase classname=\"s\" name=\"c\"><skipped/></testcase>\n  \
            </testsuite>\n</testsuites>\n";
        assert_eq!(write(&[suite]), expected);
    }
}
