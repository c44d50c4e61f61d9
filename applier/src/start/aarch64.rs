//! AArch64.
#![allow(unsafe_code)]

use core::arch::naked_asm;

use super::start;

/// `R_AARCH64_RELATIVE`.
pub(super) const RELATIVE: usize = 1027;

/// As on x86-64.
///
/// # Safety
///
/// For the kernel only.
#[unsafe(naked)]
#[unsafe(no_mangle)]
unsafe extern "C" fn _start() -> ! {
    naked_asm!(
        "mov x29, xzr",
        "mov x30, xzr",
        "mov x0, sp",
        "adrp x1, __ehdr_start",
        "add x1, x1, :lo12:__ehdr_start",
        "adrp x2, _DYNAMIC",
        "add x2, x2, :lo12:_DYNAMIC",
        "b {start}",
        ".hidden __ehdr_start",
        ".hidden _DYNAMIC",
        start = sym start,
    )
}
