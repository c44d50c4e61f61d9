//! One start of an image, and what has to be seen on its console.

use std::path::Path;
use std::process::Command;

use crate::boot::disk::Disk;
use crate::boot::slot::Slot;
use crate::call;
use crate::failure::{Failure, Outcome};

/// How much of the console is shown when something else was seen, in lines.
const LAST_WORDS: usize = 40;

/// What every line that the image prints begins with.
const OF_IMAGE: &str = "image: ";

/// The kernel's last word before it starts again.
const RESTARTED: &str = "reboot: Restarting system";

/// What is started, and under which circumstances.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Start {
    First,
    Second,
    Spoilt,
    WithoutSysData,
}

impl Start {
    /// In the order in which they follow each other on one disk.
    pub(super) const ALL: [Self; 4] = [Self::First, Self::Second, Self::Spoilt, Self::WithoutSysData];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Second => "second",
            Self::Spoilt => "spoilt",
            Self::WithoutSysData => "without-sys-data",
        }
    }

    pub(super) fn title(self) -> &'static str {
        match self {
            Self::First => "first boot",
            Self::Second => "boot again",
            Self::Spoilt => "boot a spoilt blob",
            Self::WithoutSysData => "boot without sys-data",
        }
    }

    /// What was seen when its check has passed.
    pub(super) fn promise(self) -> &'static str {
        match self {
            Self::First => "status 0, all entries are as planned",
            Self::Second => "status 0, what was written is there",
            Self::Spoilt => "status 4, the slot is not booted",
            Self::WithoutSysData => "status 3, the image runs and says so",
        }
    }

    pub(super) fn slot(self) -> Slot {
        match self {
            Self::Spoilt => Slot::B,
            Self::First | Self::Second | Self::WithoutSysData => Slot::A,
        }
    }

    /// What has to be on the console.
    fn wanted(self) -> &'static [&'static str] {
        match self {
            Self::First => &[
                "image: runs as 1",
                "\"event\": \"first-boot\"",
                "\"status\": 0",
                "image: boots 1, in the overlay 1",
                "image: status: 3 entries, 0 of them not as planned",
                "image: ends",
            ],
            Self::Second => &[
                "image: runs as 1",
                "\"event\": \"same\"",
                "\"status\": 0",
                "image: boots 2, in the overlay 2",
                "image: ends",
            ],
            Self::Spoilt => &["the blob is damaged", RESTARTED],
            Self::WithoutSysData => &[
                "image: runs as 1",
                "\"event\": \"degraded\"",
                "\"status\": 3",
                "image: boots 1, in the overlay 1",
                "image: ends",
            ],
        }
    }

    /// Makes the circumstances.
    pub(super) fn prepare(self, disk: &Disk) -> Outcome {
        if self == Self::WithoutSysData {
            // Under another name, it is not the one that the image has.
            let mut sfdisk = Command::new("sfdisk");
            call::expect(
                sfdisk.arg("--quiet").arg("--part-label").arg(disk.file()).args(["4", "other"]),
                &[],
            )?;
        }
        Ok(())
    }

    /// Fails if `seen`, which lies in the file `console`, is not what it has to be.
    pub(super) fn check(self, seen: &str, console: &Path) -> Outcome {
        let missing = self.wanted().iter().find(|wanted| !seen.contains(**wanted));
        let what = match missing {
            Some(missing) => format!("{missing:?} was not seen"),
            None if self == Self::Spoilt && seen.contains(OF_IMAGE) => "the image was started".to_owned(),
            None => return Ok(()),
        };
        Err(Failure::with_output(
            format!("{what}; the console's log is {}", console.display()),
            last_words(seen),
        ))
    }
}

/// The end of what a console has shown.
fn last_words(seen: &str) -> String {
    let lines: Vec<_> = seen.lines().collect();
    lines[lines.len().saturating_sub(LAST_WORDS)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(start: Start, seen: &str) -> String {
        start.check(seen, Path::new("console")).err().map_or_else(String::new, |failure| failure.to_string())
    }

    #[test]
    fn a_slot_that_is_refused_must_not_run() {
        let refused = "stated: the blob is damaged\r\nreboot: Restarting system\r\n";
        assert_eq!(check(Start::Spoilt, refused), "");
        assert!(
            check(Start::Spoilt, &format!("{OF_IMAGE}runs\r\n{refused}")).contains("the image was started")
        );
        assert!(check(Start::Spoilt, "the blob is damaged").contains("Restarting"));
    }

    #[test]
    fn what_is_not_seen_is_named() {
        assert!(check(Start::First, "image: runs as 1").contains("first-boot"));
        assert_eq!(check(Start::First, &Start::First.wanted().join("\n")), "");
    }
}
