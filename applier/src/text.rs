//! Short text without a heap.

use crate::memory::Page;
use crate::show::{Show, Sink, put_printable};

/// Longest text that is kept, in bytes.
const MAX: usize = 512;

/// A text for messages. What does not fit is cut off and marked.
#[derive(Clone, Copy)]
pub(crate) struct Text {
    bytes: [u8; MAX],
    len: usize,
    cut: bool,
}

impl Text {
    pub(crate) const fn new() -> Self {
        Self { bytes: [0; MAX], len: 0, cut: false }
    }

    #[inline(never)]
    pub(crate) fn of(bytes: &[u8]) -> Self {
        let mut text = Self::new();
        text.push(bytes);
        text
    }

    /// Takes an item, of `parts` one after the other, to what is a list.
    #[cfg(feature = "system")]
    #[inline(never)]
    pub(crate) fn list(&mut self, parts: &[&[u8]]) {
        if !self.is_empty() {
            self.push(b", ");
        }
        for part in parts {
            self.push(part);
        }
    }

    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.cut |= !self.fill(bytes).is_empty();
    }

    /// Takes as much as fits, and returns the rest.
    #[inline(never)]
    pub(crate) fn fill<'b>(&mut self, bytes: &'b [u8]) -> &'b [u8] {
        let free = self.bytes.get_mut(self.len..).unwrap_or_default();
        let len = bytes.len().min(free.len());
        for (place, &byte) in free.iter_mut().zip(bytes) {
            *place = byte;
        }
        self.len = self.len.saturating_add(len);
        bytes.get(len..).unwrap_or_default()
    }

    /// Begins anew.
    pub(crate) fn clear(&mut self) {
        self.len = 0;
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    #[inline(never)]
    pub(crate) fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

impl Sink for Text {
    fn put(&mut self, text: &[u8]) {
        self.push(text);
    }
}

impl Show for Text {
    fn show(&self, to: &mut dyn Sink) {
        put_printable(to, self.bytes());
        if self.cut {
            to.put(b"...");
        }
    }
}

/// A text that an error keeps, in a page of its own.
pub(crate) struct Note(Option<Page<Text>>);

impl Note {
    pub(crate) fn of(bytes: &[u8]) -> Self {
        Self::keep(&Text::of(bytes))
    }

    #[inline(never)]
    pub(crate) fn keep(text: &Text) -> Self {
        Self(Page::of(*text).ok())
    }
}

/// A program ends soon after an error. The fuzzer does not.
#[cfg(feature = "fuzzing")]
impl Drop for Note {
    fn drop(&mut self) {
        if let Some(page) = self.0.take() {
            page.give_back();
        }
    }
}

/// The text, or dots where there was no memory for it.
impl Show for Note {
    fn show(&self, to: &mut dyn Sink) {
        match &self.0 {
            Some(page) => page.get().show(to),
            None => to.put(b"..."),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::show::tests::shown;

    #[test]
    fn cuts_what_does_not_fit_and_says_so() {
        let mut text = Text::of(&[b'a'; MAX]);
        assert_eq!(shown(&text), "a".repeat(MAX));
        text.push(b"b");
        assert_eq!(shown(&text), "a".repeat(MAX) + "...");
    }
}
