//! 32-bit ARM, from version 7 on.
#![allow(unsafe_code)]

use core::arch::naked_asm;

use super::start;

/// `R_ARM_RELATIVE`.
pub(super) const RELATIVE: usize = 23;

/// As on x86-64. There is no instruction that makes an address of the distance to a far symbol, so the two
/// distances lie behind the code; a read of `pc` gives the address of two instructions further on.
///
/// # Safety
///
/// For the kernel only.
#[unsafe(naked)]
#[unsafe(no_mangle)]
unsafe extern "C" fn _start() -> ! {
    naked_asm!(
        "mov fp, #0",
        "mov lr, #0",
        "mov r0, sp",
        "ldr r1, 4f",
        "2: add r1, pc, r1",
        "ldr r2, 5f",
        "3: add r2, pc, r2",
        "b {start}",
        "4: .word __ehdr_start - (2b + 8)",
        "5: .word _DYNAMIC - (3b + 8)",
        ".hidden __ehdr_start",
        ".hidden _DYNAMIC",
        start = sym start,
    )
}
