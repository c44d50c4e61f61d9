//! What the program is asked to do.

#[cfg(feature = "system")]
use crate::failure::Account;

/// The manual, as `--help` prints it.
#[cfg(not(feature = "system"))]
pub(crate) const HELP: &str = "\
Usage: stated apply [OPTIONS]
Makes the paths of the control blob writable, from an initramfs.
  --root DIR   the image (/)
  --data DIR   the mounted sys-data (the blob's mount point)
  --slot NAME  the slot that boots (from the kernel command line)
  --blob FILE  the control blob (usr/lib/sysota/state.blob in the root)
  --run DIR    for the report and the shared tmpfs (/run/sysota)
  --help, --version
Exit status: 0 applied; 3 applied, but with degraded or skipped entries;
4 nothing usable was applied, boot the other slot; 64 usage.
";

/// The manual, as `--help` prints it.
#[cfg(feature = "system")]
pub(crate) const HELP: &str = "\
Usage: stated COMMAND [OPTIONS]

From an initramfs:
  apply                makes the paths of the control blob writable
  init                 is the initramfs, as its /init: mounts the root of the
                       kernel command line and sys-data, applies, goes on

On the running system:
  status [--json]      tells what the boot came to, and which state there is
  check BLOB [--json]  tells whether the state fits the image of another blob
  reset [PATH...]      begins afresh, at the next boot, with the entries at and
                       beneath these paths
    --all                with all entries of the slot
    --keep PATH          but not with those at and beneath this one
    --orphans            and removes state that no entry declares
    --dry-run            only tells which they are
    --cancel             takes back what was asked for
  invalidate SLOT      tells that another image was written to the slot

Options of all:
  --root DIR   the image (/)
  --data DIR   the mounted sys-data (the blob's mount point)
  --slot NAME  the slot that boots (from the kernel command line)
  --blob FILE  the control blob (usr/lib/sysota/state.blob in the root)
  --run DIR    for the report and the shared tmpfs (/run/sysota)
  --help, --version

Exit status: 0 done; 3 done, but an entry is degraded or skipped, or `check`
found something to be lost or in conflict; 4 nothing usable was done, or the
state does not fit: boot the other slot, or do not install; 64 usage.
";

/// What the program is asked to do.
#[cfg_attr(
    feature = "system",
    expect(clippy::large_enum_variant, reason = "there is no heap, and one is used at a time")
)]
pub(crate) enum Request<'a> {
    Apply(Places<'a>),
    #[cfg(feature = "system")]
    Init,
    #[cfg(feature = "system")]
    Command(Command<'a>),
    Help,
    Version,
}

/// Where things are.
pub(crate) struct Places<'a> {
    /// Where the image is mounted.
    pub(crate) root: &'a [u8],
    /// Where sys-data is mounted.
    pub(crate) data: DataPlace<'a>,
    /// The slot that boots; `None` for what the kernel command line says.
    pub(crate) slot: Option<&'a [u8]>,
    /// The control blob; `None` for its place in the image.
    pub(crate) blob: Option<&'a [u8]>,
    /// Where the report and the shared tmpfs go.
    pub(crate) run: &'a [u8],
}

/// Where sys-data is mounted.
#[derive(Clone, Copy)]
pub(crate) enum DataPlace<'a> {
    /// At the mount point that the blob names.
    MountPoint,
    /// In this directory, which need be no mount point.
    Directory(&'a [u8]),
    /// It could not be mounted.
    #[cfg(feature = "system")]
    Nowhere(&'a Account),
}

/// A command for the running system.
#[cfg(feature = "system")]
pub(crate) struct Command<'a> {
    pub(crate) verb: Verb,
    pub(crate) places: Places<'a>,
    pub(crate) flags: Flags,
    /// What follows that is no option.
    pub(crate) operands: Words<'a>,
    /// The values of `--keep`.
    pub(crate) kept: Words<'a>,
}

/// What it does.
#[cfg(feature = "system")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    Status,
    Check,
    Reset,
    Invalidate,
}

/// Options without a value.
#[cfg(feature = "system")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is one that may be given or not")]
pub(crate) struct Flags {
    pub(crate) json: bool,
    pub(crate) all: bool,
    pub(crate) orphans: bool,
    pub(crate) dry_run: bool,
    pub(crate) cancel: bool,
}

/// How many words of a kind there may be.
#[cfg(feature = "system")]
const MAX_WORDS: usize = 128;

/// Words of one kind.
#[cfg(feature = "system")]
pub(crate) struct Words<'a> {
    words: [&'a [u8]; MAX_WORDS],
    count: usize,
}

#[cfg(feature = "system")]
impl<'a> Words<'a> {
    const fn new() -> Self {
        Self { words: [b""; MAX_WORDS], count: 0 }
    }

    fn push(&mut self, word: &'a [u8]) -> Result<(), UsageError<'a>> {
        *self.words.get_mut(self.count).ok_or(UsageError::TooMany(word))? = word;
        self.count = self.count.saturating_add(1);
        Ok(())
    }

    pub(crate) fn as_slice(&self) -> &[&'a [u8]] {
        self.words.get(..self.count).unwrap_or_default()
    }
}

/// Why the arguments are not a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UsageError<'a> {
    NoCommand,
    UnknownCommand(&'a [u8]),
    UnknownOption(&'a [u8]),
    NoValue(&'a [u8]),
    /// Of this one and what follows.
    #[cfg(feature = "system")]
    TooMany(&'a [u8]),
    /// The command does something to something, and this is not said.
    #[cfg(feature = "system")]
    NoOperand(&'static str),
}

impl<'a> Request<'a> {
    /// Reads the program's name, and the arguments that follow it.
    pub(crate) fn parse(
        name: &[u8],
        arguments: &mut dyn Iterator<Item = &'a [u8]>,
    ) -> Result<Self, UsageError<'a>> {
        // The kernel starts an initramfs by this name, with arguments that are for the image's own.
        #[cfg(feature = "system")]
        if name == crate::INIT.to_bytes() {
            return Ok(Self::Init);
        }
        #[cfg(not(feature = "system"))]
        let _ = name;
        match arguments.next() {
            None => return Err(UsageError::NoCommand),
            Some(argument) => match argument {
                b"apply" => {}
                // What `apply` of the program in the initramfs becomes; a name of its own, so that it cannot go on for ever.
                #[cfg(feature = "system")]
                b"take-over" => {}
                b"--help" => return Ok(Self::Help),
                b"--version" => return Ok(Self::Version),
                // What follows is for the image's own.
                #[cfg(feature = "system")]
                b"init" => return Ok(Self::Init),
                #[cfg(feature = "system")]
                b"status" => return Command::parse(Verb::Status, arguments),
                #[cfg(feature = "system")]
                b"check" => return Command::parse(Verb::Check, arguments),
                #[cfg(feature = "system")]
                b"reset" => return Command::parse(Verb::Reset, arguments),
                #[cfg(feature = "system")]
                b"invalidate" => return Command::parse(Verb::Invalidate, arguments),
                _ => return Err(UsageError::UnknownCommand(argument)),
            },
        }
        let mut values = Values::default();
        while let Some(argument) = arguments.next() {
            if !values.take(argument, arguments)? {
                return match argument {
                    b"--help" => Ok(Self::Help),
                    _ => Err(UsageError::UnknownOption(argument)),
                };
            }
        }
        Ok(Self::Apply(values.places()))
    }
}

#[cfg(feature = "system")]
impl<'a> Command<'a> {
    fn parse(
        verb: Verb,
        arguments: &mut dyn Iterator<Item = &'a [u8]>,
    ) -> Result<Request<'a>, UsageError<'a>> {
        let mut values = Values::default();
        let mut flags = Flags::default();
        let (mut operands, mut kept) = (Words::new(), Words::new());
        let most = match verb {
            Verb::Status => 0,
            Verb::Check | Verb::Invalidate => 1,
            Verb::Reset => MAX_WORDS,
        };
        while let Some(argument) = arguments.next() {
            if values.take(argument, arguments)? {
                continue;
            }
            let (option, value) = split(argument);
            let flag = match (verb, option) {
                (_, b"--help") => return Ok(Request::Help),
                (Verb::Status | Verb::Check, b"--json") => &mut flags.json,
                (Verb::Reset, b"--all") => &mut flags.all,
                (Verb::Reset, b"--orphans") => &mut flags.orphans,
                (Verb::Reset, b"--dry-run") => &mut flags.dry_run,
                (Verb::Reset, b"--cancel") => &mut flags.cancel,
                (Verb::Reset, b"--keep") => {
                    let value = value.or_else(|| arguments.next()).filter(|value| !value.is_empty());
                    kept.push(value.ok_or(UsageError::NoValue(argument))?)?;
                    continue;
                }
                _ if argument.starts_with(b"-") => return Err(UsageError::UnknownOption(argument)),
                _ if operands.count >= most => return Err(UsageError::TooMany(argument)),
                _ => {
                    operands.push(argument)?;
                    continue;
                }
            };
            if value.is_some() {
                return Err(UsageError::UnknownOption(argument));
            }
            *flag = true;
        }
        let is_empty = operands.as_slice().is_empty();
        match verb {
            Verb::Check if is_empty => return Err(UsageError::NoOperand("blob")),
            Verb::Invalidate if is_empty => return Err(UsageError::NoOperand("slot")),
            Verb::Reset if is_empty && !flags.all && !flags.orphans && !flags.cancel => {
                return Err(UsageError::NoOperand("path"));
            }
            _ => {}
        }
        Ok(Request::Command(Self { verb, places: values.places(), flags, operands, kept }))
    }
}

/// The options that take a value, in the order of the fields of [`Places`].
const OPTIONS: [&[u8]; 5] = [b"--root", b"--data", b"--slot", b"--blob", b"--run"];

/// Their values.
#[derive(Default)]
struct Values<'a>([Option<&'a [u8]>; OPTIONS.len()]);

impl<'a> Values<'a> {
    /// Takes `argument` if it is one of these options, with the next one if its value is there.
    #[inline(never)]
    fn take(
        &mut self,
        argument: &'a [u8],
        arguments: &mut dyn Iterator<Item = &'a [u8]>,
    ) -> Result<bool, UsageError<'a>> {
        let (option, value) = split(argument);
        let mut places = OPTIONS.iter().zip(&mut self.0);
        let Some((_, place)) = places.find(|(of, _)| **of == option) else { return Ok(false) };
        let value = value.or_else(|| arguments.next()).filter(|value| !value.is_empty());
        *place = Some(value.ok_or(UsageError::NoValue(argument))?);
        Ok(true)
    }

    fn places(self) -> Places<'a> {
        let Self([root, data, slot, blob, run]) = self;
        let data = data.map_or(DataPlace::MountPoint, DataPlace::Directory);
        Places { root: root.unwrap_or(b"/"), data, slot, blob, run: run.unwrap_or(b"/run/sysota") }
    }
}

/// `--option=value` in two.
fn split(argument: &[u8]) -> (&[u8], Option<&[u8]>) {
    let Some(at) = argument.iter().position(|&byte| byte == b'=') else { return (argument, None) };
    let (option, value) = argument.split_at_checked(at).unwrap_or_default();
    (option, value.get(1..))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse<const N: usize>(arguments: [&'static [u8]; N]) -> Result<Request<'static>, UsageError<'static>> {
        Request::parse(b"stated", &mut arguments.into_iter())
    }

    fn command<const N: usize>(arguments: [&'static [u8]; N]) -> Command<'static> {
        let Ok(Request::Command(command)) = parse(arguments) else { panic!("{arguments:?}") };
        command
    }

    #[test]
    fn options_take_their_value_in_either_form() {
        let Ok(Request::Apply(apply)) = parse([b"apply", b"--root", b"/sysroot", b"--slot=B"]) else {
            panic!()
        };
        assert_eq!((apply.root, apply.slot), (&b"/sysroot"[..], Some(&b"B"[..])));
        assert!(matches!(apply.data, DataPlace::MountPoint));
        assert_eq!(apply.run, b"/run/sysota");
    }

    #[test]
    fn an_initramfs_is_known_by_the_name_of_its_program() {
        let mut none = core::iter::empty();
        assert!(matches!(Request::parse(b"/init", &mut none), Ok(Request::Init)));
        assert!(matches!(Request::parse(b"/init", &mut [&b"single"[..]].into_iter()), Ok(Request::Init)));
        assert!(matches!(parse([b"init", b"single"]), Ok(Request::Init)));
        assert_eq!(Request::parse(b"stated", &mut none).err(), Some(UsageError::NoCommand));
    }

    #[test]
    fn commands_take_what_they_need() {
        let reset =
            command([b"reset", b"/var", b"--keep", b"/var/lib/a", b"/etc", b"--keep=/etc/b", b"--dry-run"]);
        assert_eq!(reset.operands.as_slice(), [&b"/var"[..], b"/etc"]);
        assert_eq!(reset.kept.as_slice(), [&b"/var/lib/a"[..], b"/etc/b"]);
        assert_eq!(reset.flags, Flags { dry_run: true, ..Flags::default() });
        let check = command([b"check", b"new.blob", b"--json", b"--data", b"/mnt"]);
        assert_eq!(check.verb, Verb::Check);
        assert!(matches!(check.places.data, DataPlace::Directory(b"/mnt")));
        assert_eq!(command([b"reset", b"--all"]).flags, Flags { all: true, ..Flags::default() });
    }

    #[test]
    fn whatever_it_does_not_know_is_an_error() {
        assert_eq!(parse([]).err(), Some(UsageError::NoCommand));
        assert_eq!(parse([b"mount"]).err(), Some(UsageError::UnknownCommand(b"mount")));
        assert_eq!(parse([b"apply", b"--force"]).err(), Some(UsageError::UnknownOption(b"--force")));
        assert_eq!(parse([b"apply", b"x"]).err(), Some(UsageError::UnknownOption(b"x")));
        assert_eq!(parse([b"apply", b"--root"]).err(), Some(UsageError::NoValue(b"--root")));
        assert_eq!(parse([b"apply", b"--root="]).err(), Some(UsageError::NoValue(b"--root=")));
        assert_eq!(parse([b"status", b"--all"]).err(), Some(UsageError::UnknownOption(b"--all")));
        assert_eq!(parse([b"status", b"A"]).err(), Some(UsageError::TooMany(b"A")));
        assert_eq!(parse([b"status", b"--json=yes"]).err(), Some(UsageError::UnknownOption(b"--json=yes")));
        assert_eq!(parse([b"check"]).err(), Some(UsageError::NoOperand("blob")));
        assert_eq!(parse([b"invalidate", b"A", b"B"]).err(), Some(UsageError::TooMany(b"B")));
        assert_eq!(parse([b"reset", b"--keep", b"/var"]).err(), Some(UsageError::NoOperand("path")));
    }
}
