//! Checking a file system before it is mounted, by its own program, which mends what a lost power supply leaves.

use core::ffi::CStr;

use rustix::process::WaitStatus;

use crate::boot_options::Check;
use crate::child::{Command, was_not_run};
use crate::failure::{Failure, Finding};
use crate::file::{self, Root};
use crate::path::{PathBuf, Room};
use crate::step::Step;

/// What the program of a type of file systems is called, before the type.
const PROGRAM: &[u8] = b"/sbin/fsck.";

/// In the exit status of these programs: damage is left. `fsck(8)`.
const LEFT: i32 = 4;

/// Checks `device`, which holds a file system of type `fstype`, by the initramfs's program or else the image's, if there is one.
/// Damage that is left is an error; a program that fails is none, since mounting tells.
pub(crate) fn check(device: &[u8], fstype: &[u8], mode: Check, root: &[u8]) -> Result<(), Failure> {
    if mode == Check::Skip {
        return Ok(());
    }
    let step = Step::new("use the file system on", device);
    let mut program = PathBuf::new();
    let is_name = program.append(PROGRAM).and_then(|()| program.append(fstype)).is_ok();
    if !is_name || fstype.contains(&b'/') {
        return Ok(());
    }
    let place = if file::read(program.bytes()).is_ok() {
        None
    } else if Root::open(root)?.read(program.bytes()).is_ok() {
        Some(root)
    } else {
        return Ok(());
    };
    let (mut path, mut name) = (Room::new(), Room::new());
    let (path, name) = (path.terminated(program.bytes()), name.terminated(device));
    let (usual, forced): ([&CStr; 3], [&CStr; 4]) = ([path, c"-a", name], [path, c"-a", c"-f", name]);
    let words = if mode == Check::Force { &forced[..] } else { &usual[..] };
    match (Command { words, root: place, has_terminal: false }.run()) {
        Ok(status) if !was_not_run(status) && left_damage(status) => Err(step.found(Finding::NotRepaired)),
        _ => Ok(()),
    }
}

fn left_damage(status: WaitStatus) -> bool {
    status.exit_status().is_some_and(|status| status & LEFT != 0)
}
