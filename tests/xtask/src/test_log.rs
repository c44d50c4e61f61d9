//! What `cargo test` prints, understood.

use std::path::PathBuf;

/// One program of tests, or one crate's documentation tests.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Suite {
    /// The source file, or the crate.
    pub(crate) name: String,
    /// The program; documentation tests have none.
    pub(crate) program: Option<PathBuf>,
    pub(crate) tests: Vec<Test>,
    /// Of the whole suite, in seconds, as it was printed.
    pub(crate) seconds: String,
}

/// One test.
#[derive(Debug, PartialEq)]
pub(crate) struct Test {
    pub(crate) name: String,
    pub(crate) verdict: Verdict,
}

/// What a test came to.
#[derive(Debug, PartialEq)]
pub(crate) enum Verdict {
    Passed,
    Ignored,
    /// With what it printed.
    Failed(String),
}

impl Suite {
    pub(crate) fn passed(&self) -> usize {
        self.count(|verdict| *verdict == Verdict::Passed)
    }

    pub(crate) fn failed(&self) -> usize {
        self.count(|verdict| matches!(verdict, Verdict::Failed(_)))
    }

    pub(crate) fn ignored(&self) -> usize {
        self.count(|verdict| *verdict == Verdict::Ignored)
    }

    fn count(&self, is_counted: impl Fn(&Verdict) -> bool) -> usize {
        self.tests.iter().filter(|test| is_counted(&test.verdict)).count()
    }
}

/// All suites in the output of `cargo test`, of libtest and of libtest-mimic, which print alike.
pub(crate) fn parse(output: &str) -> Vec<Suite> {
    let mut suites: Vec<Suite> = Vec::new();
    // The failed test whose output is being read.
    let mut shown: Option<String> = None;
    for line in output.lines() {
        if let Some((name, program)) = heading(line) {
            shown = None;
            suites.push(Suite { name, program, ..Suite::default() });
            continue;
        }
        let Some(suite) = suites.last_mut() else { continue };
        if let Some(seconds) = line.strip_prefix("test result: ").and_then(finished) {
            shown = None;
            seconds.clone_into(&mut suite.seconds);
        } else if let Some(name) = output_of(line) {
            shown = Some(name.to_owned());
        } else if line == "failures:" {
            // The list of names after everything that failed tests printed.
            shown = None;
        } else if let Some(name) = &shown {
            let test = suite.tests.iter_mut().find(|test| test.name == *name);
            if let Some(Test { verdict: Verdict::Failed(text), .. }) = test {
                text.push_str(line);
                text.push('\n');
            }
        } else if let Some(test) = test(line) {
            suite.tests.push(test);
        }
    }
    suites
}

/// "     Running unittests src/lib.rs (target/debug/deps/x-1)", "   Doc-tests x".
fn heading(line: &str) -> Option<(String, Option<PathBuf>)> {
    if let Some(name) = line.strip_prefix("   Doc-tests ") {
        return Some((format!("documentation of {name}"), None));
    }
    let (source, program) = line.strip_prefix("     Running ")?.strip_suffix(')')?.rsplit_once(" (")?;
    let source = source.strip_prefix("unittests ").unwrap_or(source);
    // The program's name tells the crate, which a path like src/lib.rs does not.
    let program = PathBuf::from(program);
    let name = program.file_name()?.to_string_lossy().into_owned();
    let name = name.rsplit_once('-').map_or(name.as_str(), |(name, _)| name);
    Some((format!("{name} ({source})"), Some(program)))
}

/// `test a::b ... ok`; the name may be padded.
fn test(line: &str) -> Option<Test> {
    let (name, verdict) = line.strip_prefix("test ")?.rsplit_once(" ... ")?;
    let verdict = match verdict {
        "ok" => Verdict::Passed,
        "FAILED" => Verdict::Failed(String::new()),
        other if other.starts_with("ignored") => Verdict::Ignored,
        _ => return None,
    };
    Some(Test { name: name.trim_end().to_owned(), verdict })
}

/// `---- a::b stdout ----`, and `---- a::b ----` of libtest-mimic.
fn output_of(line: &str) -> Option<&str> {
    let name = line.strip_prefix("---- ")?.strip_suffix(" ----")?;
    Some(name.strip_suffix(" stdout").unwrap_or(name))
}

/// "ok. 2 passed; 0 failed; …; finished in 0.12s"
fn finished(sum: &str) -> Option<&str> {
    sum.rsplit_once("finished in ")?.1.strip_suffix('s')
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTPUT: &str = "
     Running unittests src/lib.rs (target/debug/deps/statec-0a1b)

running 2 tests
test a::good ... ok
test a::bad  ... FAILED

failures:

---- a::bad stdout ----
thread 'a::bad' panicked at src/a.rs:1:2:
test x ... ok

failures:
    a::bad

test result: FAILED. 1 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.25s

     Running ui/main.rs (target/debug/deps/ui-0c2d)

running 1 test
test shown ... FAILED

failures:

---- shown ----
Expected other text


failures:
    shown

test result: FAILED. 0 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.50s

   Doc-tests state_schema

running 1 test
test schema/src/lib.rs - a (line 3) ... ignored

test result: ok. 0 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 1.00s
";

    #[test]
    fn understands_suites_tests_and_what_failed_tests_printed() {
        let suites = parse(OUTPUT);
        let [first, mimic, second] = suites.as_slice() else { panic!("{suites:#?}") };
        assert_eq!(first.name, "statec (src/lib.rs)");
        assert_eq!(first.program.as_deref(), Some("target/debug/deps/statec-0a1b".as_ref()));
        assert_eq!(first.seconds, "0.25");
        assert_eq!(first.tests.len(), 2);
        let Verdict::Failed(text) = &first.tests[1].verdict else { panic!("{first:#?}") };
        assert_eq!(text, "thread 'a::bad' panicked at src/a.rs:1:2:\ntest x ... ok\n\n");
        let Verdict::Failed(text) = &mimic.tests[0].verdict else { panic!("{mimic:#?}") };
        assert_eq!((mimic.name.as_str(), text.trim_end()), ("ui (ui/main.rs)", "Expected other text"));
        assert_eq!(second.name, "documentation of state_schema");
        assert_eq!(second.ignored(), 1);
    }
}
