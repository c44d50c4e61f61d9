//! 64-bit RISC-V.
#![allow(unsafe_code)]

use core::arch::naked_asm;

use super::start;

/// `R_RISCV_RELATIVE`.
pub(super) const RELATIVE: usize = 3;

/// As on x86-64. The linker may make addresses relative to `gp`, so that is set first, and by instructions
/// which are not themselves made so.
///
/// # Safety
///
/// For the kernel only.
#[unsafe(naked)]
#[unsafe(no_mangle)]
unsafe extern "C" fn _start() -> ! {
    naked_asm!(
        ".option push",
        ".option norelax",
        "lla gp, __global_pointer$",
        ".option pop",
        "mv s0, zero",
        "mv ra, zero",
        "mv a0, sp",
        "lla a1, __ehdr_start",
        "lla a2, _DYNAMIC",
        "tail {start}",
        ".hidden __ehdr_start",
        ".hidden _DYNAMIC",
        start = sym start,
    )
}
