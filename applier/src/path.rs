//! Paths as bytes, and as the kernel takes them.
#![allow(unsafe_code)]

use core::ffi::CStr;
use core::mem::MaybeUninit;
use core::slice;

use rustix::fd::{AsRawFd as _, OwnedFd};
use rustix::io::Errno;

/// Bytes that the kernel takes for a path, with the terminating NUL: `PATH_MAX`.
const MAX: usize = 4096;

/// Room for one path with its terminating NUL, on the stack of the system call that takes it: everybody else passes
/// bytes. Not zeroed, which would take as long as some calls do.
pub(crate) struct Room([MaybeUninit<u8>; MAX + 1]);

impl Room {
    pub(crate) const fn new() -> Self {
        Self([MaybeUninit::uninit(); MAX + 1])
    }

    /// `path` with its terminating NUL. What is none, too long or with a NUL inside, becomes one that the kernel
    /// refuses as too long, so that there is one error less to pass on at each call.
    #[inline(never)]
    pub(crate) fn terminated(&mut self, path: &[u8]) -> &CStr {
        let Self(room) = self;
        let is_path = path.len() < MAX && path.iter().all(|&byte| byte != 0);
        let len = if is_path { path.len() } else { MAX };
        for (at, place) in room.iter_mut().take(len).enumerate() {
            place.write(path.get(at).copied().filter(|_| is_path).unwrap_or(b'/'));
        }
        if let Some(end) = room.get_mut(len) {
            end.write(0);
        }
        // SAFETY: `len` is at most `MAX`, so `room` has as many bytes and one more, and each of them was written
        // above: none of the first `len` is NUL, the last one is.
        unsafe {
            CStr::from_bytes_with_nul_unchecked(slice::from_raw_parts(
                room.as_ptr().cast(),
                len.saturating_add(1),
            ))
        }
    }
}

/// A path that is put together, name by name.
///
/// # Invariants
///
/// `len < MAX`.
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
        let end = self.len.checked_add(bytes.len()).filter(|&end| end < MAX).ok_or(Errno::NAMETOOLONG)?;
        self.bytes.get_mut(self.len..end).ok_or(Errno::NAMETOOLONG)?.copy_from_slice(bytes);
        self.len = end;
        Ok(())
    }

    /// Takes one more name to the end.
    #[inline(never)]
    pub(crate) fn push(&mut self, name: &[u8]) -> Result<(), Errno> {
        let before = self.len;
        if before != 0 && self.bytes().last() != Some(&b'/') {
            self.append(b"/")?;
        }
        self.append(name).inspect_err(|_| self.len = before)
    }

    /// Begins anew with `path`, which is no longer than a path of a blob.
    #[cfg(feature = "system")]
    pub(crate) fn set(&mut self, path: &[u8]) {
        self.len = 0;
        let _ = self.append(path);
    }

    /// Drops what lies behind the first `len` bytes.
    #[cfg(feature = "system")]
    pub(crate) fn truncate(&mut self, len: usize) {
        self.len = self.len.min(len);
    }

    /// Drops the last name, if there is one.
    #[inline(never)]
    pub(crate) fn pop(&mut self) {
        self.len = self.bytes().iter().rposition(|&byte| byte == b'/').unwrap_or(0);
    }

    #[inline(never)]
    pub(crate) fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

/// A short path that is made of numbers.
pub(crate) struct NumberName {
    bytes: [u8; 48],
    /// It stands at the end of `bytes`.
    start: usize,
}

impl NumberName {
    /// The decimal digits of a number.
    pub(crate) fn new(number: u64) -> Self {
        let mut name = Self { bytes: [0; 48], start: 48 };
        name.prepend_number(number);
        name
    }

    /// Two numbers with a dash between them.
    pub(crate) fn of_two(one: u64, other: u64) -> Self {
        let mut name = Self::new(other);
        name.prepend(b"-");
        name.prepend_number(one);
        name
    }

    /// What names an opened file to calls which take paths only. Needs `/proc`.
    pub(crate) fn of_descriptor(fd: &OwnedFd) -> Self {
        let mut name = Self::new(fd.as_raw_fd().unsigned_abs().into());
        name.prepend(b"/proc/self/fd/");
        name
    }

    /// Two numbers of 20 digits and what stands beside them leave room.
    #[inline(never)]
    fn prepend(&mut self, bytes: &[u8]) {
        let start = self.start.saturating_sub(bytes.len());
        if let Some(place) = self.bytes.get_mut(start..self.start) {
            place.copy_from_slice(bytes);
            self.start = start;
        }
    }

    #[inline(never)]
    fn prepend_number(&mut self, mut number: u64) {
        loop {
            let digit = u8::try_from(number % 10).unwrap_or(0);
            self.prepend(&[b'0'.saturating_add(digit)]);
            number /= 10;
            if number == 0 {
                return;
            }
        }
    }

    #[inline(never)]
    pub(crate) fn bytes(&self) -> &[u8] {
        self.bytes.get(self.start..).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_grows_and_shrinks_by_names() {
        let mut path = PathBuf::new();
        path.append(b"etc").unwrap();
        path.push(b"ssh").unwrap();
        assert_eq!(path.bytes(), b"etc/ssh");
        path.pop();
        assert_eq!(path.bytes(), b"etc");
        path.pop();
        assert_eq!(path.bytes(), b"");
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
    fn the_kernel_gets_what_can_be_a_path() {
        let mut room = Room::new();
        assert_eq!(room.terminated(b"etc/ssh"), c"etc/ssh");
        assert_eq!(room.terminated(b""), c"");
        assert_eq!(room.terminated(&[b'n'; MAX - 1]).count_bytes(), MAX - 1);
    }

    #[test]
    #[cfg_attr(miri, ignore = "asks the kernel")]
    fn the_kernel_refuses_what_cannot_be_one() {
        for path in [&b"/\0"[..], &[b'/'; MAX], &[b'/'; 2 * MAX]] {
            assert_eq!(rustix::fs::stat(Room::new().terminated(path)).err(), Some(Errno::NAMETOOLONG));
        }
    }

    #[test]
    fn numbers_are_decimal() {
        assert_eq!(NumberName::new(0).bytes(), b"0");
        assert_eq!(NumberName::new(u64::MAX).bytes(), b"18446744073709551615");
        assert_eq!(
            NumberName::of_two(u64::MAX, u64::MAX).bytes(),
            b"18446744073709551615-18446744073709551615"
        );
    }
}
