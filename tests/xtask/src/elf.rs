//! What must be true of the freestanding `stated` as a file.

use std::fs;
use std::path::Path;

use crate::failure::{Failure, OrFail as _, Outcome};

/// Most bytes that the stripped file for an initramfs may have: one of the design's promises.
pub(crate) const SIZE_BUDGET: usize = 64 * 1024;

/// Most bytes that the stripped file for images may have.
pub(crate) const SYSTEM_SIZE_BUDGET: usize = 160 * 1024;

const PT_DYNAMIC: u32 = 2;
const PT_INTERP: u32 = 3;
const DT_NEEDED: usize = 1;
const SHT_SYMTAB: u32 = 2;

/// `e_machine` of x86-64.
const X86_64: u16 = 62;

/// Fails unless the file is a program for x86-64 that is small, stripped, and needs neither an interpreter nor a
/// library. Returns its size.
pub(crate) fn check_freestanding(path: &Path, budget: usize) -> Outcome<usize> {
    check(path, X86_64, budget)
}

/// The same without a budget, for another architecture.
pub(crate) fn check_static(path: &Path, machine: u16) -> Outcome<usize> {
    check(path, machine, usize::MAX)
}

fn check(path: &Path, machine: u16, budget: usize) -> Outcome<usize> {
    let program = fs::read(path).or_fail(|| format!("read {}", path.display()))?;
    let faults = match faults(&program, machine, budget) {
        Some(faults) => faults,
        None => vec!["it is not a little-endian ELF file".to_owned()],
    };
    if faults.is_empty() {
        return Ok(program.len());
    }
    Err(Failure::new(format!("{}: {}", path.display(), faults.join("; "))))
}

/// Where things are in the structures of `elf(5)`, which differ by the width of an address.
struct Layout {
    /// Bytes of an address.
    width: usize,
    /// Place, size of one and number of the program headers, then of the section headers.
    programs: [usize; 3],
    sections: [usize; 3],
    /// Place and size in a program header.
    segment: [usize; 2],
}

const ELF32: Layout = Layout { width: 4, programs: [28, 42, 44], sections: [32, 46, 48], segment: [4, 16] };
const ELF64: Layout = Layout { width: 8, programs: [32, 54, 56], sections: [40, 58, 60], segment: [8, 32] };

/// What is wrong with `program`; `None` if it cannot be read as ELF.
fn faults(program: &[u8], machine: u16, budget: usize) -> Option<Vec<String>> {
    let layout = match program.get(..6)? {
        b"\x7fELF\x01\x01" => ELF32,
        b"\x7fELF\x02\x01" => ELF64,
        _ => return None,
    };
    let mut faults = Vec::new();
    if read_u16(program, 18)? != machine {
        faults.push("it is for another architecture".to_owned());
    }
    if program.len() > budget {
        faults.push(format!("{} bytes are more than the budget of {budget}", program.len()));
    }
    for segment in headers(program, &layout, layout.programs)? {
        match read_u32(segment, 0)? {
            PT_INTERP => faults.push("it asks for an interpreter: it is not static".to_owned()),
            PT_DYNAMIC => {
                let [offset, size] = layout.segment;
                let (offset, size) = (layout.address(segment, offset)?, layout.address(segment, size)?);
                let dynamic = program.get(offset..offset.checked_add(size)?)?;
                let mut entries = dynamic.chunks_exact(2 * layout.width);
                if entries.any(|entry| layout.address(entry, 0) == Some(DT_NEEDED)) {
                    faults.push("it asks for a shared library: it is not static".to_owned());
                }
            }
            _ => {}
        }
    }
    if headers(program, &layout, layout.sections)?.any(|section| read_u32(section, 4) == Some(SHT_SYMTAB)) {
        faults.push("it is not stripped".to_owned());
    }
    Some(faults)
}

impl Layout {
    fn address(&self, bytes: &[u8], at: usize) -> Option<usize> {
        let mut wide = [0; 8];
        wide.get_mut(..self.width)?.copy_from_slice(bytes.get(at..at.checked_add(self.width)?)?);
        usize::try_from(u64::from_le_bytes(wide)).ok()
    }
}

/// A table of headers, whose place, size of an entry and count are at these offsets of the file.
fn headers<'p>(
    program: &'p [u8],
    layout: &Layout,
    [place, size, count]: [usize; 3],
) -> Option<impl Iterator<Item = &'p [u8]>> {
    let (place, size, count) =
        (layout.address(program, place)?, read_u16(program, size)?.into(), read_u16(program, count)?.into());
    let table = program.get(place..place.checked_add(usize::checked_mul(size, count)?)?)?;
    Some(table.chunks_exact(size.max(1)))
}

fn read_u16(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|bytes| u16::from_le_bytes(*bytes))
}

fn read_u32(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|bytes| u32::from_le_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_test_program_is_neither_static_nor_stripped_nor_small() {
        let program = fs::read(std::env::current_exe().unwrap()).unwrap();
        let faults = faults(&program, 0, SIZE_BUDGET).unwrap().join("\n");
        for part in ["another architecture", "an interpreter", "a shared library", "stripped", "the budget"] {
            assert!(faults.contains(part), "{part}: {faults}");
        }
    }

    #[test]
    fn a_text_is_no_program() {
        assert_eq!(faults(b"#!/bin/sh\n", 0, 0), None);
        assert_eq!(faults(b"\x7fELF\x02\x01", 0, 0), None);
    }
}
