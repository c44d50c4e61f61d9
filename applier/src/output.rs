//! What is written to a file piece by piece.

use rustix::fd::OwnedFd;
use rustix::io::Errno;

use crate::file::write_all;
use crate::show::Sink;
use crate::text::Text;

/// Text on its way to a file, through a buffer. The first error is kept, and ends the writing.
pub(crate) struct Output {
    file: Result<OwnedFd, Errno>,
    text: Text,
}

impl Output {
    pub(crate) fn new(file: Result<OwnedFd, Errno>) -> Self {
        Self { file, text: Text::new() }
    }

    /// Writes what is in the buffer, and says whether all was written so far.
    #[inline(never)]
    pub(crate) fn flush(&mut self) -> Result<(), Errno> {
        let written =
            self.file.as_ref().map_or_else(|errno| Err(*errno), |file| write_all(file, self.text.bytes()));
        self.text.clear();
        if let Err(errno) = written {
            self.file = Err(errno);
        }
        written
    }

    /// Writes what is left, and returns the file with all of it.
    #[cfg(feature = "system")]
    pub(crate) fn finish(mut self) -> Result<OwnedFd, Errno> {
        self.flush()?;
        self.file
    }
}

impl Sink for Output {
    #[inline(never)]
    fn put(&mut self, text: &[u8]) {
        let mut rest = self.text.fill(text);
        while !rest.is_empty() {
            // The last flush tells.
            let _ = self.flush();
            rest = self.text.fill(rest);
        }
    }
}
