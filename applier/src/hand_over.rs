//! Going on as the program that the image carries, which knows all that this one does not.

use state_schema::PROGRAM_PATH;

use crate::failure::Failure;
use crate::file::Root;
use crate::run::Process;
use crate::step::Step;

/// What `apply` is called for the other program. This one does not know it, so that it cannot go on for ever.
const COMMAND: &core::ffi::CStr = c"take-over";

/// Becomes the image's program, which begins all anew. Returns only if it cannot.
#[inline(never)]
pub(crate) fn hand_over(root: &Root, process: &mut dyn Process) -> Failure {
    let path = PROGRAM_PATH.as_bytes();
    let step = Step::new("hand this boot over to the image's", path);
    match root.find(path) {
        Ok(program) => step.failed("execveat", process.become_program(&program, COMMAND)),
        Err(errno) => step.failed("openat2", errno),
    }
}
