//! Names of errors. `rustix` shows numbers, and people search for names.

use rustix::io::Errno;

use crate::path::NumberName;
use crate::show::{Show, Sink};

/// The errors that the calls of this program document, as a line each: number and name. One text, since a
/// table of texts would take three times the space in relocations.
const NAMES: &str = "\
1 EPERM
2 ENOENT
5 EIO
9 EBADF
12 ENOMEM
13 EACCES
16 EBUSY
17 EEXIST
18 EXDEV
19 ENODEV
20 ENOTDIR
21 EISDIR
22 EINVAL
23 ENFILE
24 EMFILE
27 EFBIG
28 ENOSPC
30 EROFS
31 EMLINK
34 ERANGE
36 ENAMETOOLONG
38 ENOSYS
39 ENOTEMPTY
40 ELOOP
61 ENODATA
74 EBADMSG
75 EOVERFLOW
95 EOPNOTSUPP
116 ESTALE
117 EUCLEAN
122 EDQUOT
";

/// An error as name and number.
pub(crate) struct Named(pub(crate) Errno);

impl Show for Named {
    fn show(&self, to: &mut dyn Sink) {
        let number = NumberName::new(self.0.raw_os_error().unsigned_abs().into());
        let number = number.bytes();
        let name = NAMES
            .as_bytes()
            .split(|&byte| byte == b'\n')
            .find_map(|line| line.strip_prefix(number)?.strip_prefix(b" "))
            .unwrap_or(b"error");
        to.put(name);
        to.put(b" (");
        to.put(number);
        to.put(b")");
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use super::*;
    use crate::show::tests::shown;

    #[test]
    fn numbers_are_those_of_the_kernel() {
        use linux_raw_sys::errno as nr;
        for (number, name) in [
            (nr::EPERM, "EPERM"),
            (nr::ENOENT, "ENOENT"),
            (nr::EIO, "EIO"),
            (nr::EBADF, "EBADF"),
            (nr::ENOMEM, "ENOMEM"),
            (nr::EACCES, "EACCES"),
            (nr::EBUSY, "EBUSY"),
            (nr::EEXIST, "EEXIST"),
            (nr::EXDEV, "EXDEV"),
            (nr::ENODEV, "ENODEV"),
            (nr::ENOTDIR, "ENOTDIR"),
            (nr::EISDIR, "EISDIR"),
            (nr::EINVAL, "EINVAL"),
            (nr::ENFILE, "ENFILE"),
            (nr::EMFILE, "EMFILE"),
            (nr::EFBIG, "EFBIG"),
            (nr::ENOSPC, "ENOSPC"),
            (nr::EROFS, "EROFS"),
            (nr::EMLINK, "EMLINK"),
            (nr::ERANGE, "ERANGE"),
            (nr::ENAMETOOLONG, "ENAMETOOLONG"),
            (nr::ENOSYS, "ENOSYS"),
            (nr::ENOTEMPTY, "ENOTEMPTY"),
            (nr::ELOOP, "ELOOP"),
            (nr::ENODATA, "ENODATA"),
            (nr::EBADMSG, "EBADMSG"),
            (nr::EOVERFLOW, "EOVERFLOW"),
            (nr::EOPNOTSUPP, "EOPNOTSUPP"),
            (nr::ESTALE, "ESTALE"),
            (nr::EUCLEAN, "EUCLEAN"),
            (nr::EDQUOT, "EDQUOT"),
        ] {
            let number = i32::try_from(number).unwrap();
            let text = shown(&Named(Errno::from_raw_os_error(number)));
            assert_eq!(text, std::format!("{name} ({number})"));
        }
    }

    #[test]
    fn shows_name_and_number() {
        assert_eq!(shown(&Named(Errno::NOSPC)), "ENOSPC (28)");
        assert_eq!(shown(&Named(Errno::from_raw_os_error(4000))), "error (4000)");
    }
}
