//! `stated`: the ordinary program, or, with the feature `initrd`, the freestanding one.

#![cfg_attr(feature = "initrd", no_std, no_main)]

#[cfg(feature = "initrd")]
mod start;

#[cfg(not(any(feature = "initrd", feature = "system")))]
compile_error!("only the freestanding program comes without the feature `system`");

#[cfg(not(feature = "initrd"))]
mod ordinary {
    use std::env::args_os;
    use std::ffi::{CStr, OsStr};
    use std::io::{Write as _, stderr, stdout};
    use std::os::unix::ffi::OsStrExt as _;
    use std::os::unix::process::CommandExt as _;
    use std::process::Command;

    use rustix::io::Errno;

    /// The standard streams. Who closed them does not want to be told.
    pub(crate) struct Streams;

    impl stated::Process for Streams {
        fn output(&mut self, bytes: &[u8]) {
            let _ = stdout().write_all(bytes);
        }

        fn error(&mut self, bytes: &[u8]) {
            let _ = stderr().write_all(bytes);
        }

        fn execute(&mut self, program: &CStr) -> Errno {
            let mut command = Command::new(OsStr::from_bytes(program.to_bytes()));
            let is_command = args_os().next().is_none_or(|name| name.as_bytes() != stated::INIT.to_bytes());
            let error = command.args(args_os().skip(1 + usize::from(is_command))).exec();
            error.raw_os_error().map_or(Errno::NOEXEC, Errno::from_raw_os_error)
        }
    }
}

#[cfg(not(feature = "initrd"))]
fn main() -> std::process::ExitCode {
    use std::ffi::CString;
    use std::os::unix::ffi::OsStringExt as _;

    let arguments: Vec<CString> =
        std::env::args_os().filter_map(|argument| CString::new(argument.into_vec()).ok()).collect();
    stated::run(arguments.iter().map(CString::as_c_str), &mut ordinary::Streams).into()
}
