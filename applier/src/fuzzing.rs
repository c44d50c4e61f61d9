//! What the project's fuzz targets reach of this crate, and nobody else: it is there with the feature `fuzzing` only.

use state_schema::{Blob, SlotName};

use crate::parameters::Parameters;
use crate::run::{Process, say};
use crate::show::Show as _;
use crate::slot;

/// Name and value of each parameter of a kernel command line, without quotes.
pub fn parameters(line: &[u8]) -> impl Iterator<Item = (&[u8], Option<&[u8]>)> {
    Parameters::new(line).map(|parameter| (parameter.name, parameter.value))
}

/// The slot that a kernel command line names by the rules of an image. The process is told why it names none.
pub fn choose_slot<'a>(blob: &Blob<'a>, line: &[u8], process: &mut dyn Process) -> Option<SlotName<'a>> {
    match slot::choose_by(blob, &Parameters::new(line)) {
        Ok(slot) => Some(slot),
        Err(error) => {
            say(process, |line| error.show(line));
            None
        }
    }
}
