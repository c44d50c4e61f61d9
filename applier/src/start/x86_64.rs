//! x86-64.
#![allow(unsafe_code)]

use core::arch::{asm, naked_asm};

use super::start;

/// `R_X86_64_RELATIVE`.
pub(super) const RELATIVE: usize = 8;

/// Where the kernel jumps to, with the arguments on the stack: hands stack, load address and dynamic section
/// to [`start`].
///
/// # Safety
///
/// For the kernel only.
#[unsafe(naked)]
#[unsafe(no_mangle)]
unsafe extern "C" fn _start() -> ! {
    naked_asm!(
        "xor ebp, ebp",
        "mov rdi, rsp",
        "lea rsi, [rip + __ehdr_start]",
        "lea rdx, [rip + _DYNAMIC]",
        "and rsp, -16",
        "call {start}",
        "ud2",
        ".hidden __ehdr_start",
        ".hidden _DYNAMIC",
        start = sym start,
    )
}

// The memory functions. Each is named after the one of the C library that says what it does, and under which
// conditions it may be called.

/// # Safety
///
/// As in C.
#[unsafe(naked)]
#[unsafe(no_mangle)]
unsafe extern "C" fn memcpy(to: *mut u8, from: *const u8, len: usize) -> *mut u8 {
    naked_asm!("mov rax, rdi", "mov rcx, rdx", "rep movsb", "ret")
}

/// # Safety
///
/// As in C.
#[unsafe(naked)]
#[unsafe(no_mangle)]
unsafe extern "C" fn memmove(to: *mut u8, from: *const u8, len: usize) -> *mut u8 {
    // Backwards if the target begins inside the source.
    naked_asm!(
        "mov rax, rdi",
        "mov rcx, rdx",
        "mov r8, rdi",
        "sub r8, rsi",
        "cmp r8, rdx",
        "jb 2f",
        "rep movsb",
        "ret",
        "2:",
        "lea rdi, [rdi + rdx - 1]",
        "lea rsi, [rsi + rdx - 1]",
        "std",
        "rep movsb",
        "cld",
        "ret",
    )
}

/// # Safety
///
/// As in C.
#[unsafe(naked)]
#[unsafe(no_mangle)]
unsafe extern "C" fn memset(to: *mut u8, byte: i32, len: usize) -> *mut u8 {
    naked_asm!("mov r8, rdi", "mov eax, esi", "mov rcx, rdx", "rep stosb", "mov rax, r8", "ret")
}

/// # Safety
///
/// As in C.
#[unsafe(no_mangle)]
#[inline(never)]
unsafe extern "C" fn memcmp(one: *const u8, other: *const u8, len: usize) -> i32 {
    let (one_byte, other_byte): (u32, u32);
    // SAFETY: reads `len` bytes of each, which the caller vouches for.
    unsafe {
        asm!(
            "xor eax, eax",
            "xor edx, edx",
            "test rcx, rcx",
            "jz 2f",
            "repe cmpsb",
            "movzx eax, byte ptr [rsi - 1]",
            "movzx edx, byte ptr [rdi - 1]",
            "2:",
            inout("rcx") len => _,
            inout("rsi") one => _,
            inout("rdi") other => _,
            out("eax") one_byte,
            out("edx") other_byte,
            options(nostack, readonly),
        );
    }
    one_byte.cast_signed().wrapping_sub(other_byte.cast_signed())
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
#[unsafe(naked)]
#[unsafe(no_mangle)]
unsafe extern "C" fn strlen(text: *const u8) -> usize {
    naked_asm!("xor eax, eax", "2:", "cmp byte ptr [rdi + rax], 0", "je 3f", "inc rax", "jmp 2b", "3:", "ret",)
}
