//! What the compiler calls for copies, fills and comparisons, a byte at a time: nothing large goes through these.
//!
//! Each is named after the function of the C library that says what it does, and under which conditions it may be
//! called. All accesses are volatile: of others the compiler would make a call of the very function. A byte that is
//! copied may be no value at all (padding), hence `MaybeUninit`.
#![allow(unsafe_code)]

use core::mem::MaybeUninit;

type Byte = MaybeUninit<u8>;

/// # Safety
///
/// As in C.
#[unsafe(no_mangle)]
unsafe extern "C" fn memcpy(to: *mut Byte, from: *const Byte, len: usize) -> *mut Byte {
    for at in 0..len {
        // SAFETY: the caller vouches for `len` bytes of each.
        unsafe { to.add(at).write_volatile(from.add(at).read_volatile()) };
    }
    to
}

/// # Safety
///
/// As in C.
#[unsafe(no_mangle)]
unsafe extern "C" fn memmove(to: *mut Byte, from: *const Byte, len: usize) -> *mut Byte {
    // Backwards if the target begins inside the source.
    if to.addr().wrapping_sub(from.addr()) >= len {
        // SAFETY: the same conditions; going forwards, no byte is overwritten that is still to be read.
        return unsafe { memcpy(to, from, len) };
    }
    for at in (0..len).rev() {
        // SAFETY: the caller vouches for `len` bytes of each.
        unsafe { to.add(at).write_volatile(from.add(at).read_volatile()) };
    }
    to
}

/// # Safety
///
/// As in C.
#[unsafe(no_mangle)]
unsafe extern "C" fn memset(to: *mut u8, byte: i32, len: usize) -> *mut u8 {
    for at in 0..len {
        // SAFETY: the caller vouches for `len` bytes.
        unsafe { to.add(at).write_volatile(byte.to_le_bytes()[0]) };
    }
    to
}

/// # Safety
///
/// As in C.
#[unsafe(no_mangle)]
unsafe extern "C" fn memcmp(one: *const u8, other: *const u8, len: usize) -> i32 {
    for at in 0..len {
        // SAFETY: the caller vouches for `len` bytes of each.
        let (one, other) = unsafe { (one.add(at).read_volatile(), other.add(at).read_volatile()) };
        if one != other {
            return i32::from(one).wrapping_sub(i32::from(other));
        }
    }
    0
}

/// # Safety
///
/// As in C.
#[unsafe(no_mangle)]
unsafe extern "C" fn bcmp(one: *const u8, other: *const u8, len: usize) -> i32 {
    // SAFETY: the same conditions.
    unsafe { memcmp(one, other, len) }
}

/// # Safety
///
/// As in C.
#[unsafe(no_mangle)]
unsafe extern "C" fn strlen(text: *const u8) -> usize {
    let mut len = 0_usize;
    // SAFETY: the caller vouches for all bytes up to the NUL.
    while unsafe { text.add(len).read_volatile() } != 0 {
        len = len.wrapping_add(1);
    }
    len
}
