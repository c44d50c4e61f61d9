//! The kernel command line.

use crate::failure::{Failure, Finding};
use crate::file;
use crate::parameters::Parameters;
use crate::step::Step;

/// Longest command line that is read, in bytes: twice the longest of any architecture, since a boot
/// configuration adds to it.
const MAX: usize = 8192;

/// Where the kernel shows it.
const PLACE: &[u8] = b"/proc/cmdline";

/// The kernel command line.
pub(crate) struct Cmdline {
    bytes: [u8; MAX],
    len: usize,
}

impl Cmdline {
    pub(crate) fn read() -> Result<Self, Failure> {
        let step = Step::new("read the kernel command line", PLACE);
        let mut bytes = [0; MAX];
        let file = file::read(PLACE).map_err(|errno| step.failed("open", errno))?;
        let len = step.read_up_to(&file, &mut bytes)?;
        if len == MAX { Err(step.found(Finding::TooLarge)) } else { Ok(Self { bytes, len }) }
    }

    /// What stands for one that cannot be read.
    #[cfg(feature = "system")]
    pub(crate) fn unknown() -> Self {
        Self { bytes: [0; MAX], len: 0 }
    }

    /// As the kernel shows it, without the end of the line.
    #[cfg(feature = "system")]
    pub(crate) fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default().trim_ascii_end()
    }

    pub(crate) fn parameters(&self) -> Parameters<'_> {
        Parameters::new(self.bytes.get(..self.len).unwrap_or_default())
    }
}
