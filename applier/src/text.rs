//! Short text without a heap.

use core::fmt;

use crate::memory::Page;

/// At most `N` bytes, for messages. What does not fit is cut off and marked.
#[derive(Clone, Copy)]
pub(crate) struct Text<const N: usize> {
    bytes: [u8; N],
    len: usize,
    cut: bool,
}

impl<const N: usize> Text<N> {
    pub(crate) const fn new() -> Self {
        Self { bytes: [0; N], len: 0, cut: false }
    }

    pub(crate) fn of(bytes: &[u8]) -> Self {
        let mut text = Self::new();
        text.push(bytes);
        text
    }

    #[inline(never)]
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        let free = self.bytes.get_mut(self.len..).unwrap_or_default();
        let len = bytes.len().min(free.len());
        for (place, &byte) in free.iter_mut().zip(bytes) {
            *place = byte;
        }
        self.len = self.len.saturating_add(len);
        self.cut |= len < bytes.len();
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

impl<const N: usize> fmt::Write for Text<N> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.push(text.as_bytes());
        Ok(())
    }
}

/// Readable on one line whatever the bytes are: file names come from where they come from, and this goes to
/// terminals and logs.
impl<const N: usize> fmt::Display for Text<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        printable(self.bytes(), f)?;
        if self.cut { f.write_str("...") } else { Ok(()) }
    }
}

/// A text that an error keeps, in a page of its own.
pub(crate) struct Note(Option<Page<Text<512>>>);

impl Note {
    #[inline(never)]
    pub(crate) fn of(bytes: &[u8]) -> Self {
        Self(Page::of(Text::of(bytes)).ok())
    }
}

/// The text, or dots where there was no memory for it.
impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(page) => page.get().fmt(f),
            None => f.write_str("..."),
        }
    }
}

/// Bytes shown on one line.
pub(crate) struct Printable<'a>(pub(crate) &'a [u8]);

impl fmt::Display for Printable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        printable(self.0, f)
    }
}

#[inline(never)]
fn printable(bytes: &[u8], f: &mut dyn fmt::Write) -> fmt::Result {
    fn escape(f: &mut dyn fmt::Write, prefix: &str, byte: u8) -> fmt::Result {
        f.write_str(prefix)?;
        f.write_str(Hex::of(byte).as_str())
    }
    // What is no UTF-8 somewhere is shown byte by byte.
    let text = str::from_utf8(bytes);
    let chars = text.unwrap_or_default().chars();
    for char in chars {
        if char.is_control() {
            // All are below U+0100.
            escape(f, "\\u00", u32::from(char).to_le_bytes()[0])?;
        } else {
            f.write_char(char)?;
        }
    }
    if text.is_err() {
        for &byte in bytes {
            if byte.is_ascii_graphic() { f.write_char(char::from(byte))? } else { escape(f, "\\x", byte)? }
        }
    }
    Ok(())
}

/// Two hexadecimal digits.
pub(crate) struct Hex([u8; 2]);

impl Hex {
    #[inline(never)]
    pub(crate) fn of(byte: u8) -> Self {
        let digit = |value: u8| {
            if value < 10 { b'0'.wrapping_add(value) } else { b'a'.wrapping_add(value).wrapping_sub(10) }
        };
        Self([digit(byte >> 4), digit(byte & 15)])
    }

    pub(crate) fn as_str(&self) -> &str {
        str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// A text as it is. To write a `str` itself drags in padding and alignment, which take a kilobyte.
pub(crate) struct Verbatim<'t>(pub(crate) &'t str);

impl fmt::Display for Verbatim<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::string::ToString;

    use super::*;

    #[test]
    fn cuts_what_does_not_fit_and_says_so() {
        assert_eq!(Text::<4>::of(b"abcd").to_string(), "abcd");
        assert_eq!(Text::<4>::of(b"abcde").to_string(), "abcd...");
    }

    #[test]
    fn shows_any_bytes_on_one_line() {
        assert_eq!(
            Text::<32>::of("a\n\x1b[31m\u{9b}ä".as_bytes()).to_string(),
            "a\\u000a\\u001b[31m\\u009bä"
        );
        assert_eq!(Text::<32>::of(b"a\n\xffb").to_string(), "a\\x0a\\xffb");
    }
}
