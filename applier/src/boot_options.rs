//! What the kernel command line says of the boot itself.

use crate::parameters::Parameters;

/// How long a device may take to appear, in seconds, where the command line does not say: a USB disk has been seen to
/// take more than ten, and a device that is not there at all should not look as if it were dead.
const WAIT: u32 = 30;

/// The longest time that can be asked for: a day, in seconds.
const LONGEST_WAIT: u32 = 86_400;

/// What the command line says, the last of each name, as the kernel reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BootOptions<'a> {
    /// `root=`: the device that holds the image's root.
    pub(crate) root: Option<&'a [u8]>,
    /// `rootfstype=`: types to try, parted by commas; all that the kernel has, where it does not say.
    pub(crate) types: Option<&'a [u8]>,
    /// `rootflags=`: options of that file system.
    pub(crate) flags: &'a [u8],
    /// `rw`, and no `ro` after it.
    pub(crate) is_writable: bool,
    /// `init=`: the program to go on with.
    pub(crate) init: Option<&'a [u8]>,
    /// `sysota.wait=`: how long a device may take to appear, in seconds.
    pub(crate) wait: u32,
    /// `fsck.mode=`, as systemd has it.
    pub(crate) check: Check,
    /// `sysota.on-failure=`.
    pub(crate) on_failure: OnFailure,
    /// A parameter of ours with a value that it does not have.
    pub(crate) unknown: Option<Unknown<'a>>,
}

/// Whether sys-data is checked before it is mounted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Check {
    /// As its own program thinks fit.
    Auto,
    /// Even if it looks clean.
    Force,
    Skip,
}

/// What follows when the system cannot be started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OnFailure {
    /// The boot loader counts: it comes to the other slot in the end.
    Reboot,
    /// Somebody is to see the screen.
    Halt,
    /// Somebody is to look around.
    Shell,
}

/// A parameter, and the value that it does not have. It is as if it had not been given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unknown<'a> {
    pub(crate) name: &'static str,
    pub(crate) value: &'a [u8],
    /// What it could have been.
    pub(crate) known: &'static str,
}

const WAIT_NAME: &str = "sysota.wait";
const ON_FAILURE_NAME: &str = "sysota.on-failure";

impl<'a> BootOptions<'a> {
    pub(crate) fn read(parameters: Parameters<'a>) -> Self {
        let mut options = Self {
            root: None,
            types: None,
            flags: b"",
            is_writable: false,
            init: None,
            wait: WAIT,
            check: Check::Auto,
            on_failure: OnFailure::Reboot,
            unknown: None,
        };
        for parameter in parameters {
            match (parameter.name, parameter.value) {
                (b"ro", None) => options.is_writable = false,
                (b"rw", None) => options.is_writable = true,
                (b"root", Some(value)) => options.root = Some(value),
                (b"rootfstype", Some(value)) => options.types = Some(value),
                (b"rootflags", Some(value)) => options.flags = value,
                // Others read it too, and it is theirs to say what is wrong with it.
                (b"fsck.mode", Some(b"auto")) => options.check = Check::Auto,
                (b"fsck.mode", Some(b"force")) => options.check = Check::Force,
                (b"fsck.mode", Some(b"skip")) => options.check = Check::Skip,
                (b"init", Some(value)) => options.init = Some(value),
                (name, value) if name == WAIT_NAME.as_bytes() => options.read_wait(value.unwrap_or_default()),
                (name, value) if name == ON_FAILURE_NAME.as_bytes() => {
                    options.read_on_failure(value.unwrap_or_default());
                }
                _ => {}
            }
        }
        options
    }

    fn read_wait(&mut self, value: &'a [u8]) {
        let seconds = str::from_utf8(value).ok().and_then(|value| value.parse().ok());
        if let Some(seconds) = seconds.filter(|&seconds| seconds <= LONGEST_WAIT) {
            self.wait = seconds;
        } else {
            let known = "a number of seconds from 0 to 86400";
            self.unknown = Some(Unknown { name: WAIT_NAME, value, known });
        }
    }

    fn read_on_failure(&mut self, value: &'a [u8]) {
        self.on_failure = match value {
            b"reboot" => OnFailure::Reboot,
            b"halt" => OnFailure::Halt,
            b"shell" => OnFailure::Shell,
            _ => {
                let known = "reboot, halt or shell";
                self.unknown = Some(Unknown { name: ON_FAILURE_NAME, value, known });
                return;
            }
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &[u8]) -> BootOptions<'_> {
        BootOptions::read(Parameters::new(line))
    }

    #[test]
    fn the_last_of_each_name_counts() {
        let options = read(b"root=/dev/sda1 rw root=PARTLABEL=x-sys-a ro init=/bin/sh sysota.wait=5");
        assert_eq!((options.root, options.is_writable), (Some(&b"PARTLABEL=x-sys-a"[..]), false));
        assert_eq!((options.init, options.wait), (Some(&b"/bin/sh"[..]), 5));
    }

    #[test]
    fn what_is_not_said_has_its_usual_value() {
        let options = read(b"quiet");
        assert_eq!((options.root, options.types, options.flags), (None, None, &b""[..]));
        assert_eq!((options.wait, options.on_failure, options.unknown), (WAIT, OnFailure::Reboot, None));
        assert_eq!((options.check, read(b"fsck.mode=skip").check), (Check::Auto, Check::Skip));
        assert!(!options.is_writable && read(b"rw").is_writable);
    }

    #[test]
    fn a_value_that_is_not_known_is_told_and_changes_nothing() {
        for (line, name) in [
            (&b"sysota.wait=soon"[..], WAIT_NAME),
            (b"sysota.wait=-1", WAIT_NAME),
            (b"sysota.wait", WAIT_NAME),
            (b"sysota.wait=86401", WAIT_NAME),
            (b"sysota.on-failure=panic", ON_FAILURE_NAME),
        ] {
            let options = read(line);
            assert_eq!(options.unknown.map(|unknown| unknown.name), Some(name));
            assert_eq!((options.wait, options.on_failure), (WAIT, OnFailure::Reboot));
        }
        assert_eq!(read(b"sysota.on-failure=shell").on_failure, OnFailure::Shell);
    }
}
