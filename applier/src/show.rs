//! Putting messages together, without `core::fmt`: what that needs for a number or a width takes kilobytes,
//! and each piece of text may fail there, which is never so here.

use crate::path::NumberName;

/// Takes text, piece by piece. What goes wrong with it is for the taker to keep.
pub(crate) trait Sink {
    /// Takes one piece.
    fn put(&mut self, text: &[u8]);
}

/// What can be said on one line.
pub(crate) trait Show {
    /// Puts the text of `self` to what `to` has.
    fn show(&self, to: &mut dyn Sink);
}

/// Puts the decimal digits of `number`.
pub(crate) fn put_number(to: &mut dyn Sink, number: u64) {
    to.put(NumberName::new(number).bytes());
}

/// Puts `byte` as the end of an escape, two hexadecimal digits, after its `prefix`.
#[inline(never)]
pub(crate) fn put_escape(to: &mut dyn Sink, prefix: &[u8], byte: u8) {
    let digit = |value: u8| {
        if value < 10 { b'0'.wrapping_add(value) } else { b'a'.wrapping_add(value).wrapping_sub(10) }
    };
    to.put(prefix);
    to.put(&[digit(byte >> 4), digit(byte & 15)]);
}

/// Puts any bytes so that they are readable on one line: file names come from where they come from, and this
/// goes to terminals and logs.
#[inline(never)]
pub(crate) fn put_printable(to: &mut dyn Sink, bytes: &[u8]) {
    // What is no UTF-8 somewhere is shown byte by byte.
    let is_text = str::from_utf8(bytes).is_ok();
    let mut rest = bytes;
    while let [byte, behind @ ..] = rest {
        rest = behind;
        match (*byte, behind) {
            // The control characters that are not ASCII, U+0080 to U+009F.
            (0xc2, [second @ ..=0x9f, behind @ ..]) if is_text => {
                rest = behind;
                put_escape(to, b"\\u00", *second);
            }
            (byte, _) if is_text && byte.is_ascii_control() => put_escape(to, b"\\u00", byte),
            (byte, _) if is_text || byte.is_ascii_graphic() => to.put(&[byte]),
            (byte, _) => put_escape(to, b"\\x", byte),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    extern crate std;

    use std::string::String;
    use std::vec::Vec;

    use super::*;

    impl Sink for Vec<u8> {
        fn put(&mut self, text: &[u8]) {
            self.extend_from_slice(text);
        }
    }

    /// What `of` says.
    pub(crate) fn shown(of: &dyn Show) -> String {
        let mut text = Vec::new();
        of.show(&mut text);
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn shows_any_bytes_on_one_line() {
        for (bytes, text) in [
            ("a\n\x1b[31m\u{9b}ä\u{a0}".as_bytes(), "a\\u000a\\u001b[31m\\u009bä\u{a0}"),
            (b"a\n\xffb", "a\\x0a\\xffb"),
            ("ä".as_bytes(), "ä"),
        ] {
            let mut shown = Vec::new();
            put_printable(&mut shown, bytes);
            assert_eq!(String::from_utf8(shown).unwrap(), text);
        }
    }
}
