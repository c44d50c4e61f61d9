//! The kernel's log, as good as it goes: there may be no `/dev` yet.

use rustix::fs::OFlags;
use rustix::io::IoSlice;

use crate::file::open;
use crate::show::Sink;
use crate::text::Text;

/// How much a line matters, as the kernel reads it.
pub(crate) const NOTICE: &str = "<5>";
pub(crate) const WARNING: &str = "<4>";
pub(crate) const ERROR: &str = "<3>";

/// Writes one line. Opened for each, since the kernel counts the lines of one opening and drops more than ten.
#[inline(never)]
pub(crate) fn log(priority: &str, message: &dyn Fn(&mut dyn Sink)) {
    let Ok(log) = open(b"/dev/kmsg", OFlags::WRONLY | OFlags::NONBLOCK | OFlags::NOCTTY) else { return };
    // The kernel refuses more than 1,024 bytes, and a text has fewer. What does not fit is cut off.
    let mut line = Text::new();
    line.put(priority.as_bytes());
    line.put(b"sysota: ");
    message(&mut line);
    // The end of the line beside it, since it must not be cut off: without, the kernel keeps the line back, as one
    // that may go on.
    let _ = rustix::io::writev(&log, &[IoSlice::new(line.bytes()), IoSlice::new(b"\n")]);
}
