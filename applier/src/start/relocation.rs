//! Adding the load address to all pointers in the program's data.
#![allow(unsafe_code)]

use super::RELATIVE;

/// One entry of the dynamic section (`Elf32_Dyn`, `Elf64_Dyn`).
#[repr(C)]
pub(super) struct Dynamic {
    tag: usize,
    value: usize,
}

/// A relocation (`Elf64_Rela`).
#[cfg(not(target_arch = "arm"))]
#[repr(C)]
struct Relocation {
    offset: usize,
    info: usize,
    addend: usize,
}

/// A relocation whose addend is what lies in its place (`Elf32_Rel`).
#[cfg(target_arch = "arm")]
#[repr(C)]
struct Relocation {
    offset: usize,
    info: usize,
}

/// Tags of [`Dynamic`], from the ELF specification.
const DT_NULL: usize = 0;
/// Of the table of relocations, and of its size in bytes.
#[cfg(not(target_arch = "arm"))]
const TABLE: [usize; 2] = [7, 8];
#[cfg(target_arch = "arm")]
const TABLE: [usize; 2] = [17, 18];

/// Adds the load address to all pointers in the program's data.
///
/// # Safety
///
/// `base` is where the program is loaded and `dynamic` its dynamic section, and nothing refers to its data.
/// Must itself need no relocation: it touches only what it is passed and the stack.
#[expect(clippy::inline_always, reason = "a call could go through a pointer that is not relocated yet")]
#[inline(always)]
pub(super) unsafe fn relocate(base: usize, mut dynamic: *const Dynamic) {
    let mut table: *const Relocation = core::ptr::null();
    let mut size = 0;
    loop {
        // SAFETY: the dynamic section is an array of entries which ends with DT_NULL, where the loop ends.
        let entry = unsafe { &*dynamic };
        let [of_table, of_size] = TABLE;
        if entry.tag == DT_NULL {
            break;
        } else if entry.tag == of_table {
            table = (base.wrapping_add(entry.value)) as *const Relocation;
        } else if entry.tag == of_size {
            size = entry.value;
        }
        // SAFETY: see above; this entry was not the last.
        dynamic = unsafe { dynamic.add(1) };
    }
    for index in 0..size / size_of::<Relocation>() {
        // SAFETY: the linker says that there is a table of `size` bytes.
        let relocation = unsafe { &*table.add(index) };
        // It refers to no symbol, so its type is all that is there.
        if relocation.info == RELATIVE {
            let place = base.wrapping_add(relocation.offset) as *mut usize;
            #[cfg(not(target_arch = "arm"))]
            let addend = relocation.addend;
            // SAFETY: as for the write.
            #[cfg(target_arch = "arm")]
            let addend = unsafe { place.read() };
            // SAFETY: the linker says that there is a pointer here, and that it needs this value. It lies in
            // writable memory: the linker was told to refuse relocations elsewhere.
            unsafe { place.write(base.wrapping_add(addend)) };
        }
    }
}
