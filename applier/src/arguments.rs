//! What the program is asked to do.

/// The manual, as `--help` prints it.
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

/// What the program is asked to do.
pub(crate) enum Request<'a> {
    Apply(Apply<'a>),
    Help,
    Version,
}

/// The options of `apply`.
pub(crate) struct Apply<'a> {
    /// Where the image is mounted.
    pub(crate) root: &'a [u8],
    /// Where sys-data is mounted; `None` for the mount point that the blob names.
    pub(crate) data: Option<&'a [u8]>,
    /// The slot that boots; `None` for what the kernel command line says.
    pub(crate) slot: Option<&'a [u8]>,
    /// The control blob; `None` for its place in the image.
    pub(crate) blob: Option<&'a [u8]>,
    /// Where the report and the shared tmpfs go.
    pub(crate) run: &'a [u8],
}

/// Why the arguments are not a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UsageError<'a> {
    NoCommand,
    UnknownCommand(&'a [u8]),
    UnknownOption(&'a [u8]),
    NoValue(&'a [u8]),
}

impl<'a> Request<'a> {
    /// Reads the arguments that follow the program's name.
    pub(crate) fn parse(arguments: &mut dyn Iterator<Item = &'a [u8]>) -> Result<Self, UsageError<'a>> {
        match arguments.next() {
            None => return Err(UsageError::NoCommand),
            Some(argument) => match argument {
                b"apply" => {}
                b"--help" => return Ok(Self::Help),
                b"--version" => return Ok(Self::Version),
                _ => return Err(UsageError::UnknownCommand(argument)),
            },
        }
        let mut values = [None; OPTIONS.len()];
        while let Some(argument) = arguments.next() {
            let (option, value) = split(argument);
            let Some(place) =
                OPTIONS.iter().zip(&mut values).find_map(|(of, place)| (*of == option).then_some(place))
            else {
                return match argument {
                    b"--help" => Ok(Self::Help),
                    _ => Err(UsageError::UnknownOption(argument)),
                };
            };
            let value = value.or_else(|| arguments.next()).filter(|value| !value.is_empty());
            *place = Some(value.ok_or(UsageError::NoValue(argument))?);
        }
        let [root, data, slot, blob, run] = values;
        let (root, run) = (root.unwrap_or(b"/"), run.unwrap_or(b"/run/sysota"));
        Ok(Self::Apply(Apply { root, data, slot, blob, run }))
    }
}

/// The options that take a value, in the order of [`Apply`]'s fields.
const OPTIONS: [&[u8]; 5] = [b"--root", b"--data", b"--slot", b"--blob", b"--run"];

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
        Request::parse(&mut arguments.into_iter())
    }

    #[test]
    fn options_take_their_value_in_either_form() {
        let Ok(Request::Apply(apply)) = parse([b"apply", b"--root", b"/sysroot", b"--slot=B"]) else {
            panic!()
        };
        assert_eq!((apply.root, apply.slot, apply.data), (&b"/sysroot"[..], Some(&b"B"[..]), None));
        assert_eq!(apply.run, b"/run/sysota");
    }

    #[test]
    fn whatever_it_does_not_know_is_an_error() {
        assert_eq!(parse([]).err(), Some(UsageError::NoCommand));
        assert_eq!(parse([b"mount"]).err(), Some(UsageError::UnknownCommand(b"mount")));
        assert_eq!(parse([b"apply", b"--force"]).err(), Some(UsageError::UnknownOption(b"--force")));
        assert_eq!(parse([b"apply", b"x"]).err(), Some(UsageError::UnknownOption(b"x")));
        assert_eq!(parse([b"apply", b"--root"]).err(), Some(UsageError::NoValue(b"--root")));
        assert_eq!(parse([b"apply", b"--root="]).err(), Some(UsageError::NoValue(b"--root=")));
    }
}
