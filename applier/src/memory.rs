//! Memory from the kernel: for blobs, whose size is not known beforehand, and for what is seldom and large.
#![allow(unsafe_code)]

use core::ffi::c_void;
use core::ptr::{self, NonNull};
use core::slice;
use core::sync::atomic::{AtomicPtr, Ordering};

use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mmap, mmap_anonymous, munmap};
use state_schema::{Keeper, STRIDE};

/// Bytes of our own that are only read, given back on drop.
///
/// # Invariants
///
/// `start` begins a private mapping of `len > 0` bytes that nothing else of the program refers to: of memory, or, if
/// `is_file`, of a file that nobody writes to while it is mapped.
pub(crate) struct Mapping {
    start: NonNull<u8>,
    len: usize,
    is_file: bool,
}

// SAFETY: what all threads read and none writes can be read by any of them.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// The first `len` bytes of a file, which stay in it until they are read.
    ///
    /// The kernel maps sixteen pages where one is touched, but no more than the neighbours that it takes for one
    /// mapping. Every second stride is advised otherwise, so that all are mappings of their own.
    pub(crate) fn of_file(file: &OwnedFd, len: usize) -> Result<Self, Errno> {
        // SAFETY: a new mapping at an address that the kernel chooses overlaps nothing.
        let start = unsafe { mmap(ptr::null_mut(), len, ProtFlags::READ, MapFlags::PRIVATE, file, 0) }?;
        let mapping = Self { start: NonNull::new(start).ok_or(Errno::NOMEM)?.cast(), len, is_file: true };
        let mut at = 0_usize;
        while at < len {
            mapping.advise(at, STRIDE.min(len.saturating_sub(at)), Advice::Random);
            at = at.saturating_add(2 * STRIDE);
        }
        Ok(mapping)
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        // SAFETY: by the invariant these bytes are mapped, initialised (by the kernel), and do not change as long as
        // `self` lives.
        unsafe { slice::from_raw_parts(self.start.as_ptr(), self.len) }
    }

    /// Tells the kernel about `len` bytes from `at` on, which are in the mapping. It may not listen.
    fn advise(&self, at: usize, len: usize, advice: Advice) {
        // SAFETY: by the invariant the range is ours. Neither advice that is given changes what can be read there:
        // pages of a file that were not written to come back as they were.
        let _ = unsafe { madvise(self.start.as_ptr().wrapping_add(at).cast(), len, advice) };
    }
}

impl Keeper for Mapping {
    fn put_away(&self) {
        // Memory would come back as zeroes.
        if self.is_file {
            self.advise(0, self.len, Advice::LinuxDontNeed);
        }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: by the invariant the range is ours alone, and no reference into it outlives `self`. Failing
        // to unmap leaves the bytes mapped, which is harmless.
        let _ = unsafe { munmap(self.start.as_ptr().cast(), self.len) };
    }
}

/// Zeroed bytes of our own, given back on drop.
///
/// # Invariants
///
/// It is a mapping of memory, not of a file.
pub(crate) struct Memory(Mapping);

impl Memory {
    /// `len` zeroed bytes.
    #[inline(never)]
    pub(crate) fn of_len(len: usize) -> Result<Self, Errno> {
        Ok(Self(Mapping { start: map(len)?.cast(), len, is_file: false }))
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        self.0.bytes()
    }

    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: as for `bytes`, and memory can be written to; `&mut self` keeps every other reference away.
        unsafe { slice::from_raw_parts_mut(self.0.start.as_ptr(), self.0.len) }
    }

    /// The same, never to be changed any more.
    #[cfg(feature = "system")]
    pub(crate) fn freeze(self) -> Mapping {
        self.0
    }
}

fn map(len: usize) -> Result<NonNull<c_void>, Errno> {
    // SAFETY: a new anonymous mapping at an address that the kernel chooses overlaps nothing.
    let start = unsafe {
        mmap_anonymous(ptr::null_mut(), len, ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE)
    }?;
    NonNull::new(start).ok_or(Errno::NOMEM)
}

/// A value in pages of its own. They stay until the process ends, unless they are given back: code that drops them
/// wherever a result may hold one would be code for nothing, since most are told right before the end.
///
/// # Invariants
///
/// The pointer begins a private anonymous mapping of `size_of::<T>()` bytes that holds a `T` and that nothing
/// else refers to.
pub(crate) struct Page<T: Copy>(NonNull<T>);

impl<T: Copy> Page<T> {
    #[inline(never)]
    pub(crate) fn of(value: T) -> Result<Self, Errno> {
        const { assert!(align_of::<T>() <= 4096 && size_of::<T>() > 0) };
        let place = map(size_of::<T>())?.cast::<T>();
        // SAFETY: the mapping is new, large enough, and aligned to a page.
        unsafe { place.write(value) };
        Ok(Self(place))
    }

    pub(crate) fn get(&self) -> &T {
        // SAFETY: by the invariant it points to a `T`, which changes no more and lives as long as `self`.
        unsafe { self.0.as_ref() }
    }

    /// Gives the pages back to the kernel.
    pub(crate) fn give_back(self) {
        // SAFETY: by the invariant the range is ours alone, and no reference into it outlives `self`. A `T`
        // that is `Copy` has nothing to drop. Failing to unmap is harmless.
        let _ = unsafe { munmap(self.0.as_ptr().cast(), size_of::<T>()) };
    }
}

/// A place for a [`Page`] that all of the program shares.
///
/// # Invariants
///
/// The pointer is null, or that of a page which belongs to nobody else: it is only ever swapped, so that each page
/// has one owner, the place or who took it out, whatever other threads do.
pub(crate) struct Kept<T: Copy + Send>(AtomicPtr<T>);

impl<T: Copy + Send> Kept<T> {
    pub(crate) const fn new() -> Self {
        Self(AtomicPtr::new(ptr::null_mut()))
    }

    /// Puts `page` in the place, or nothing. What was there is given back to the kernel.
    #[inline(never)]
    pub(crate) fn put(&self, page: Option<Page<T>>) {
        if let Some(page) = self.swap(page.map_or(ptr::null_mut(), |page| page.0.as_ptr())) {
            page.give_back();
        }
    }

    /// Takes out what is there, which is the caller's from here on.
    pub(crate) fn take(&self) -> Option<Page<T>> {
        self.swap(ptr::null_mut())
    }

    fn swap(&self, new: *mut T) -> Option<Page<T>> {
        // The owner of a page sees what was written to it before it was put here.
        NonNull::new(self.0.swap(new, Ordering::AcqRel)).map(Page)
    }
}
