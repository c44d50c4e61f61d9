//! Where a slot's state comes from: which boot made it, how, from what, and what it could not decide.
//!
//! The file is made together with the state and comes into its place with it, so it is there too when the power was cut
//! before anybody could be told.

use rustix::fd::OwnedFd;
use state_schema::sys_data::TRANSITION_FILE;

use crate::beneath::find_file;
use crate::failure::Failure;
use crate::number::{Digits, number};
use crate::step::Step;

const NAME: &[u8] = TRANSITION_FILE.as_bytes();

/// The number of the boot that made the state in a slot's directory. A state of which nothing says so is of a time before all
/// others.
#[inline(never)]
pub(crate) fn state_of(dir: &OwnedFd) -> Result<u64, Failure> {
    let mut digits = Digits::default();
    let Some(file) = open(dir)? else { return Ok(0) };
    Step::new("read the slot's", NAME).read_up_to(&file, &mut digits)?;
    Ok(number(&digits).unwrap_or(0))
}

/// Opens the file in a slot's directory, if there is one.
pub(crate) fn open(dir: &OwnedFd) -> Result<Option<OwnedFd>, Failure> {
    find_file(&Step::new("read the slot's", NAME), dir, NAME)
}
