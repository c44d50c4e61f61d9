//! Short text without a heap.

use crate::memory::Page;
use crate::show::{Show, Sink, put_printable};

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

impl<const N: usize> Sink for Text<N> {
    fn put(&mut self, text: &[u8]) {
        self.push(text);
    }
}

impl<const N: usize> Show for Text<N> {
    fn show(&self, to: &mut dyn Sink) {
        put_printable(to, self.bytes());
        if self.cut {
            to.put(b"...");
        }
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
        assert_eq!(shown(&Text::<4>::of(b"abcd")), "abcd");
        assert_eq!(shown(&Text::<4>::of(b"abcde")), "abcd...");
    }
}
