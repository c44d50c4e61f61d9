//! The machine's boot loader, which is what starts a slot: us. It keeps notes in the boot partition, that RAUC reads and
//! writes by the image's `boot-chooser`, which says what they mean.

use crate::boot::disk::Disk;
use crate::boot::slot::Slot;
use crate::failure::{Failure, Outcome};

/// What is thought of a slot that boots whenever no other does.
const GOOD: &str = "good";

/// What is thought of a slot before it has run.
const NEW: &str = "new";

/// What is thought of it from then on, unless somebody says that it is good.
const TRIED: &str = "tried";

/// As the device leaves the factory: with an image in slot A.
pub(super) fn install(disk: &Disk) -> Outcome {
    disk.set_boot_notes("first=A\nA=good\nB=bad\n")
}

/// The slot that boots now. If it is a new one, that was its only try.
pub(super) fn choose(disk: &Disk) -> Outcome<Slot> {
    let (slot, notes) = follow(&disk.boot_notes()?)?;
    disk.set_boot_notes(&notes)?;
    Ok(slot)
}

/// The slot that boots by these notes, and what is noted then.
fn follow(notes: &str) -> Outcome<(Slot, String)> {
    let value = |key: &str| {
        let values = notes.lines().filter_map(|line| line.split_once('='));
        values.filter(|(name, _)| *name == key).map(|(_, value)| value).next_back()
    };
    let slots = if value("first") == Some("B") { [Slot::B, Slot::A] } else { [Slot::A, Slot::B] };
    for slot in slots {
        match value(&slot.to_string()) {
            Some(GOOD) => return Ok((slot, notes.to_owned())),
            Some(NEW) => {
                let (old, new) = (format!("\n{slot}={NEW}"), format!("\n{slot}={TRIED}"));
                return Ok((slot, notes.replace(&old, &new)));
            }
            _ => {}
        }
    }
    Err(Failure::new(format!("no slot would boot:\n{notes}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tries_a_new_slot_once() {
        let (slot, notes) = follow("first=B\nA=good\nB=new\n").unwrap();
        assert_eq!((slot, notes.as_str()), (Slot::B, "first=B\nA=good\nB=tried\n"));
        let (slot, notes) = follow(&notes).unwrap();
        assert_eq!((slot, notes.as_str()), (Slot::A, "first=B\nA=good\nB=tried\n"));
    }

    #[test]
    fn boots_nothing_that_is_bad() {
        assert_eq!(follow("first=A\nA=bad\nB=good\n").unwrap().0, Slot::B);
        assert!(follow("first=A\nA=bad\nB=tried\n").is_err());
        assert!(follow("").is_err());
    }
}
