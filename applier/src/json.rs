//! JSON.

use crate::show::{Sink, put_escape};

/// Puts what `text` puts, in quotes, and with escapes where JSON wants them.
pub(crate) fn put_string(to: &mut dyn Sink, text: impl FnOnce(&mut dyn Sink)) {
    to.put(b"\"");
    text(&mut Escaped(to));
    to.put(b"\"");
}

/// Puts a text, or `null`.
#[inline(never)]
pub(crate) fn put_name(to: &mut dyn Sink, name: Option<&[u8]>) {
    match name {
        None => to.put(b"null"),
        Some(name) => put_string(to, |to| to.put(name)),
    }
}

struct Escaped<'t>(&'t mut dyn Sink);

impl Sink for Escaped<'_> {
    #[inline(never)]
    fn put(&mut self, text: &[u8]) {
        for &byte in text {
            match byte {
                b'"' | b'\\' => self.0.put(&[b'\\', byte]),
                0..b' ' | 0x7f => put_escape(self.0, b"\\u00", byte),
                _ => self.0.put(&[byte]),
            }
        }
    }
}

/// The value behind `key`, with all that stands before it, in JSON that we wrote: of a text what is between the quotes, as it is
/// escaped.
#[cfg(feature = "system")]
pub(crate) fn member<'j>(json: &'j [u8], key: &[u8]) -> Option<&'j [u8]> {
    let at = json.windows(key.len()).position(|window| window == key)?;
    let value = json.get(at.checked_add(key.len())?..)?;
    let Some(text) = value.strip_prefix(b"\"") else {
        let end = value.iter().position(|byte| matches!(byte, b',' | b'}' | b'\n'));
        return value.get(..end.unwrap_or(value.len()));
    };
    let mut is_escaped = false;
    let end = text.iter().position(|&byte| {
        let is_end = byte == b'"' && !is_escaped;
        is_escaped = byte == b'\\' && !is_escaped;
        is_end
    });
    text.get(..end?)
}

/// Puts what was a text between quotes. What is no graphic character stays escaped.
#[cfg(feature = "system")]
pub(crate) fn put_unescaped(to: &mut dyn Sink, mut text: &[u8]) {
    while let [byte, behind @ ..] = text {
        text = behind;
        match (*byte, behind) {
            (b'\\', [byte @ (b'"' | b'\\'), behind @ ..]) => {
                to.put(&[*byte]);
                text = behind;
            }
            (byte, _) => to.put(&[byte]),
        }
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::vec::Vec;

    use super::*;

    #[test]
    fn what_was_put_is_found_again() {
        for text in [&b""[..], b"a", b"a\"b", b"\\", b"\\\"", b"a\\"] {
            let mut json = Vec::new();
            json.put(b"{\"key\": ");
            put_name(&mut json, Some(text));
            json.put(b", \"next\": 1}");
            let mut found = Vec::new();
            put_unescaped(&mut found, member(&json, b"\"key\": ").unwrap());
            assert_eq!(found, text);
            assert_eq!(member(&json, b", \"next\": "), Some(&b"1"[..]));
            assert_eq!(member(&json, b"\"other\": "), None);
        }
    }
}
