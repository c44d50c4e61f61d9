//! Paths as the kernel takes them.

use core::ffi::CStr;

use rustix::io::Errno;

/// Bytes that the kernel takes for a path, with the terminating NUL: `PATH_MAX`.
const MAX: usize = 4096;

/// A path with its terminating NUL, on the stack.
///
/// # Invariants
///
/// `len < MAX`, no NUL before `len`, nothing but NUL from there on.
pub(crate) struct PathBuf {
    bytes: [u8; MAX],
    len: usize,
}

impl PathBuf {
    pub(crate) const fn new() -> Self {
        Self { bytes: [0; MAX], len: 0 }
    }

    /// Takes `bytes` to the end.
    #[inline(never)]
    pub(crate) fn append(&mut self, bytes: &[u8]) -> Result<(), Errno> {
        if bytes.contains(&0) {
            return Err(Errno::INVAL);
        }
        let end = self.len.checked_add(bytes.len()).filter(|&end| end < MAX).ok_or(Errno::NAMETOOLONG)?;
        self.bytes.get_mut(self.len..end).ok_or(Errno::NAMETOOLONG)?.copy_from_slice(bytes);
        self.len = end;
        Ok(())
    }

    /// Takes one more name to the end and returns what [`Self::truncate`] needs to drop it.
    #[inline(never)]
    pub(crate) fn push(&mut self, name: &[u8]) -> Result<usize, Errno> {
        let before = self.len;
        if before != 0 && self.bytes().last() != Some(&b'/') {
            self.append(b"/")?;
        }
        match self.append(name) {
            Ok(()) => Ok(before),
            Err(errno) => {
                self.truncate(before);
                Err(errno)
            }
        }
    }

    /// Drops what was appended since the length was `len`.
    #[inline(never)]
    pub(crate) fn truncate(&mut self, len: usize) {
        if let Some(dropped) = self.bytes.get_mut(len..self.len) {
            dropped.fill(0);
            self.len = len;
        }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }

    #[inline(never)]
    pub(crate) fn as_c_str(&self) -> &CStr {
        CStr::from_bytes_until_nul(&self.bytes).unwrap_or_default()
    }
}

/// The decimal digits of a number as a file name.
pub(crate) struct NumberName {
    bytes: [u8; 21],
    start: usize,
}

impl NumberName {
    #[inline(never)]
    pub(crate) fn new(mut number: u64) -> Self {
        let mut bytes = [0; 21];
        let mut start = 20_usize;
        loop {
            start = start.saturating_sub(1);
            if let (Some(place), Ok(digit)) = (bytes.get_mut(start), u8::try_from(number % 10)) {
                *place = b'0'.saturating_add(digit);
            }
            number /= 10;
            if number == 0 {
                return Self { bytes, start };
            }
        }
    }

    #[inline(never)]
    pub(crate) fn as_c_str(&self) -> &CStr {
        let bytes = self.bytes.get(self.start..).unwrap_or_default();
        CStr::from_bytes_until_nul(bytes).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_grows_and_shrinks_by_names() {
        let mut path = PathBuf::new();
        path.append(b"etc").unwrap();
        let before = path.push(b"ssh").unwrap();
        assert_eq!(path.as_c_str(), c"etc/ssh");
        path.truncate(before);
        assert_eq!(path.as_c_str(), c"etc");
    }

    #[test]
    fn a_path_too_long_is_an_error() {
        let mut path = PathBuf::new();
        for _ in 0..16 {
            path.push(&[b'n'; 254]).unwrap();
        }
        let before = path.bytes().len();
        assert_eq!(path.push(&[b'n'; 254]), Err(Errno::NAMETOOLONG));
        assert_eq!(path.bytes().len(), before);
    }

    #[test]
    fn numbers_are_decimal() {
        assert_eq!(NumberName::new(0).as_c_str(), c"0");
        assert_eq!(NumberName::new(u64::MAX).as_c_str(), c"18446744073709551615");
    }
}
