//! The parameters of a kernel command line.

/// One parameter, without quotes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Parameter<'a> {
    /// What stands left of the first `=`, which is not its first byte.
    pub(crate) name: &'a [u8],
    /// What stands right of it; `None` where there is no `=`.
    pub(crate) value: Option<&'a [u8]>,
}

/// The parameters of a command line, in its order, as `next_arg()` of the kernel splits them
/// (`lib/cmdline.c`): at white space outside double quotes. Ends at `--`, behind which everything is init's.
#[derive(Clone)]
pub(crate) struct Parameters<'a> {
    rest: &'a [u8],
}

impl<'a> Parameters<'a> {
    pub(crate) fn new(line: &'a [u8]) -> Self {
        let end = line.iter().position(|byte| matches!(byte, 0 | b'\n')).unwrap_or(line.len());
        Self { rest: line.get(..end).unwrap_or_default() }
    }
}

impl<'a> Iterator for Parameters<'a> {
    type Item = Parameter<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        let start = self.rest.iter().position(|byte| !is_space(*byte))?;
        let rest = self.rest.get(start..)?;
        let mut in_quotes = false;
        let end = rest
            .iter()
            .position(|&byte| {
                in_quotes ^= byte == b'"';
                is_space(byte) && !in_quotes
            })
            .unwrap_or(rest.len());
        let (word, rest) = rest.split_at_checked(end)?;
        self.rest = rest;
        // Quotes around the whole, around the value, or left open at either end. However many there are at the start, the
        // kernel takes one away at the end.
        let (word, closes) = match word.strip_prefix(b"\"") {
            Some(word) => (word, true),
            None => (word, false),
        };
        let close = |text: &'a [u8], closes| match text.strip_suffix(b"\"") {
            Some(rest) if closes => rest,
            _ => text,
        };
        // The kernel takes an equals sign at the start for a part of the name.
        let Some(equals) = (1..word.len()).find(|&at| word.get(at) == Some(&b'=')) else {
            let name = close(word, closes);
            if name == b"--" {
                self.rest = &[];
                return None;
            }
            return Some(Parameter { name, value: None });
        };
        let (name, value) = word.split_at_checked(equals)?;
        let value = value.get(1..)?;
        let value = match value.strip_prefix(b"\"") {
            Some(value) => close(value, true),
            None => close(value, closes),
        };
        Some(Parameter { name, value: Some(value) })
    }
}

/// The kernel's `isspace()`, which knows the no-break space of Latin-1.
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r' | 0xa0)
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::string::String;
    use std::vec::Vec;

    use super::*;

    fn parse(line: &str) -> Vec<(String, Option<String>)> {
        let text = |bytes: &[u8]| String::from_utf8(bytes.into()).unwrap();
        Parameters::new(line.as_bytes()).map(|p| (text(p.name), p.value.map(text))).collect()
    }

    fn pairs<const N: usize>(pairs: [(&str, Option<&str>); N]) -> Vec<(String, Option<String>)> {
        pairs.into_iter().map(|(name, value)| (name.into(), value.map(Into::into))).collect()
    }

    #[test]
    fn splits_at_white_space() {
        assert_eq!(
            parse("  quiet\troot=/dev/sda2  ro\n"),
            pairs([("quiet", None), ("root", Some("/dev/sda2")), ("ro", None)])
        );
    }

    #[test]
    fn only_the_first_equals_sign_counts() {
        assert_eq!(parse("root=PARTLABEL=x-sys-a"), pairs([("root", Some("PARTLABEL=x-sys-a"))]));
        assert_eq!(parse("slot="), pairs([("slot", Some(""))]));
        assert_eq!(parse("=a =a=b"), pairs([("=a", None), ("=a", Some("b"))]));
    }

    #[test]
    fn quotes_hold_white_space_and_go() {
        assert_eq!(parse(r#"a="x y" b"#), pairs([("a", Some("x y")), ("b", None)]));
        assert_eq!(parse(r#""a=x y" b"#), pairs([("a", Some("x y")), ("b", None)]));
        assert_eq!(parse(r#"a="x sysota.slot=B"#), pairs([("a", Some("x sysota.slot=B"))]));
        assert_eq!(parse(r#""a="x"" b"#), pairs([("a", Some("x\"")), ("b", None)]));
    }

    #[test]
    fn what_follows_two_dashes_is_inits() {
        assert_eq!(parse("a=1 -- b=2"), pairs([("a", Some("1"))]));
        assert_eq!(parse("a=1 \"--\" b=2"), pairs([("a", Some("1"))]));
        assert_eq!(parse("a=1 --b=2"), pairs([("a", Some("1")), ("--b", Some("2"))]));
    }

    #[test]
    fn ends_at_nul_and_newline() {
        assert_eq!(parse("a\0b"), pairs([("a", None)]));
        assert_eq!(parse("a\nb"), pairs([("a", None)]));
    }

    #[test]
    fn nothing_is_nothing() {
        assert_eq!(parse(""), []);
        assert_eq!(parse(" \n"), []);
    }
}
