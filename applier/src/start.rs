//! What a C library would do: the entry point, relocation, memory functions, and what the compiler asks for.
//!
//! The program is linked as a static position-independent executable without start files and libraries. The
//! kernel maps it somewhere and jumps to [`_start`].
#![allow(unsafe_code)]

use core::arch::naked_asm;
use core::ffi::{CStr, c_char};
use core::panic::PanicInfo;

use stated::Console;
use syscalls::{Sysno, syscall};

/// Exit status of a bug: as a shell shows a process that aborted.
const ABORTED: usize = 134;

/// One entry of the dynamic section (`Elf64_Dyn`).
#[repr(C)]
struct Dynamic {
    tag: usize,
    value: usize,
}

/// A relocation (`Elf64_Rela`).
#[repr(C)]
struct Relocation {
    offset: usize,
    info: usize,
    addend: usize,
}

/// Tags of [`Dynamic`], from the ELF specification.
const DT_NULL: usize = 0;
const DT_RELA: usize = 7;
const DT_RELASZ: usize = 8;

/// The relocation "base plus addend", the only one that a static program of its own has.
#[cfg(target_arch = "x86_64")]
const R_RELATIVE: usize = 8;
#[cfg(target_arch = "aarch64")]
const R_RELATIVE: usize = 1027;

/// Where the kernel jumps to, with the arguments on the stack: hands stack, load address and dynamic section
/// to [`start`].
///
/// # Safety
///
/// For the kernel only.
#[cfg(target_arch = "x86_64")]
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

/// As on x86-64.
///
/// # Safety
///
/// For the kernel only.
#[cfg(target_arch = "aarch64")]
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

/// Relocates the program, then runs it with the arguments on the kernel's stack.
///
/// # Safety
///
/// `stack` is the stack pointer that the kernel passed, `base` where it loaded the program, and `dynamic` the
/// program's dynamic section. Called once, before anything that needs a relocation.
unsafe extern "C" fn start(stack: *const usize, base: usize, dynamic: *const Dynamic) -> ! {
    // SAFETY: `base` and `dynamic` are as `relocate` wants them, and nothing has run yet.
    unsafe { relocate(base, dynamic) };
    // SAFETY: the kernel puts the number of arguments there and behind it as many pointers to C strings,
    // which stay as long as the process.
    let arguments = unsafe { core::slice::from_raw_parts(stack.add(1).cast::<*const c_char>(), *stack) };
    let arguments = arguments.iter().skip(1).map(|&argument| {
        // SAFETY: each is a C string, see above.
        unsafe { CStr::from_ptr(argument) }
    });
    exit(stated::run(arguments, &mut Streams).into())
}

/// Adds the load address to all pointers in the program's data.
///
/// # Safety
///
/// `base` is where the program is loaded and `dynamic` its dynamic section, and nothing refers to its data.
/// Must itself need no relocation: it touches only what it is passed and the stack.
#[expect(clippy::inline_always, reason = "a call could go through a pointer that is not relocated yet")]
#[inline(always)]
unsafe fn relocate(base: usize, mut dynamic: *const Dynamic) {
    let mut table: *const Relocation = core::ptr::null();
    let mut size = 0;
    loop {
        // SAFETY: the dynamic section is an array of entries which ends with DT_NULL, where the loop ends.
        let entry = unsafe { &*dynamic };
        match entry.tag {
            DT_NULL => break,
            DT_RELA => table = (base.wrapping_add(entry.value)) as *const Relocation,
            DT_RELASZ => size = entry.value,
            _ => {}
        }
        // SAFETY: see above; this entry was not the last.
        dynamic = unsafe { dynamic.add(1) };
    }
    for index in 0..size / size_of::<Relocation>() {
        // SAFETY: the linker says that there is a table of `size` bytes.
        let relocation = unsafe { &*table.add(index) };
        if relocation.info & 0xffff_ffff == R_RELATIVE {
            let place = base.wrapping_add(relocation.offset) as *mut usize;
            // SAFETY: the linker says that there is a pointer here, and that it needs this value. It lies in
            // writable memory: the linker was told to refuse relocations elsewhere.
            unsafe { place.write(base.wrapping_add(relocation.addend)) };
        }
    }
}

fn exit(status: usize) -> ! {
    loop {
        // SAFETY: takes no pointer, and does not return.
        let _ = unsafe { syscall!(Sysno::exit_group, status) };
    }
}

/// The standard streams. Who closed them does not want to be told.
struct Streams;

impl Console for Streams {
    fn output(&mut self, bytes: &[u8]) {
        write(1, bytes);
    }

    fn error(&mut self, bytes: &[u8]) {
        write(2, bytes);
    }
}

fn write(fd: usize, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        // SAFETY: the kernel reads `bytes`, all of it ours, and keeps nothing.
        let written = unsafe { syscall!(Sysno::write, fd, bytes.as_ptr(), bytes.len()) };
        let Ok(written @ 1..) = written else { return };
        bytes = bytes.get(written..).unwrap_or_default();
    }
}

/// A bug. Where it was costs 6 KB to say.
#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    write(2, b"stated: internal error\n");
    exit(ABORTED)
}

/// The precompiled `core` refers to it, though nothing unwinds here.
#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() {}

/// What the compiler calls for copies, fills and comparisons. The one C library function each is named after
/// says what it does, and under which conditions it may be called.
#[cfg(target_arch = "x86_64")]
mod memory {
    use core::arch::{asm, naked_asm};

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
        naked_asm!(
            "xor eax, eax",
            "2:",
            "cmp byte ptr [rdi + rax], 0",
            "je 3f",
            "inc rax",
            "jmp 2b",
            "3:",
            "ret",
        )
    }
}

/// As on x86-64. A byte at a time: nothing large goes through these.
#[cfg(target_arch = "aarch64")]
mod memory {
    use core::arch::naked_asm;

    /// # Safety
    ///
    /// As in C.
    #[unsafe(naked)]
    #[unsafe(no_mangle)]
    unsafe extern "C" fn memcpy(to: *mut u8, from: *const u8, len: usize) -> *mut u8 {
        naked_asm!(
            "mov x3, x0",
            "cbz x2, 3f",
            "2:",
            "ldrb w4, [x1], #1",
            "strb w4, [x3], #1",
            "subs x2, x2, #1",
            "b.ne 2b",
            "3:",
            "ret",
        )
    }

    /// # Safety
    ///
    /// As in C.
    #[unsafe(naked)]
    #[unsafe(no_mangle)]
    unsafe extern "C" fn memmove(to: *mut u8, from: *const u8, len: usize) -> *mut u8 {
        naked_asm!(
            "sub x3, x0, x1",
            "cmp x3, x2",
            "b.hs memcpy",
            "cbz x2, 3f",
            "2:",
            "sub x2, x2, #1",
            "ldrb w4, [x1, x2]",
            "strb w4, [x0, x2]",
            "cbnz x2, 2b",
            "3:",
            "ret",
        )
    }

    /// # Safety
    ///
    /// As in C.
    #[unsafe(naked)]
    #[unsafe(no_mangle)]
    unsafe extern "C" fn memset(to: *mut u8, byte: i32, len: usize) -> *mut u8 {
        naked_asm!(
            "mov x3, x0",
            "cbz x2, 3f",
            "2:",
            "strb w1, [x3], #1",
            "subs x2, x2, #1",
            "b.ne 2b",
            "3:",
            "ret",
        )
    }

    /// # Safety
    ///
    /// As in C.
    #[unsafe(naked)]
    #[unsafe(no_mangle)]
    unsafe extern "C" fn memcmp(one: *const u8, other: *const u8, len: usize) -> i32 {
        naked_asm!(
            "cbz x2, 3f",
            "2:",
            "ldrb w3, [x0], #1",
            "ldrb w4, [x1], #1",
            "subs w5, w3, w4",
            "b.ne 4f",
            "subs x2, x2, #1",
            "b.ne 2b",
            "3:",
            "mov w5, #0",
            "4:",
            "mov w0, w5",
            "ret",
        )
    }

    /// # Safety
    ///
    /// As in C.
    #[unsafe(naked)]
    #[unsafe(no_mangle)]
    unsafe extern "C" fn bcmp(one: *const u8, other: *const u8, len: usize) -> i32 {
        naked_asm!("b memcmp")
    }

    /// # Safety
    ///
    /// As in C.
    #[unsafe(naked)]
    #[unsafe(no_mangle)]
    unsafe extern "C" fn strlen(text: *const u8) -> usize {
        naked_asm!(
            "mov x1, x0",
            "2:",
            "ldrb w2, [x1], #1",
            "cbnz w2, 2b",
            "sub x0, x1, x0",
            "sub x0, x0, #1",
            "ret",
        )
    }
}
