//! What must be true of the freestanding `stated` as a file.

use std::fs;
use std::path::Path;

use crate::failure::{Failure, OrFail as _, Outcome};

/// Most bytes that the stripped file may have: one of the design's promises.
pub(crate) const SIZE_BUDGET: usize = 64 * 1024;

const PT_DYNAMIC: u32 = 2;
const PT_INTERP: u32 = 3;
const DT_NEEDED: u64 = 1;
const SHT_SYMTAB: u32 = 2;

/// Fails unless the file is a 64-bit ELF program that is small, stripped, and needs neither an interpreter nor a
/// library. Returns its size.
pub(crate) fn check_freestanding(path: &Path) -> Outcome<usize> {
    let program = fs::read(path).or_fail(|| format!("read {}", path.display()))?;
    let faults = match faults(&program) {
        Some(faults) => faults,
        None => vec!["it is not a 64-bit little-endian ELF file".to_owned()],
    };
    if faults.is_empty() {
        return Ok(program.len());
    }
    Err(Failure::new(format!("{}: {}", path.display(), faults.join("; "))))
}

/// What is wrong with `program`; `None` if it cannot be read as ELF. The numbers are offsets in the structures of
/// `elf(5)`.
fn faults(program: &[u8]) -> Option<Vec<String>> {
    if program.get(..6)? != b"\x7fELF\x02\x01" {
        return None;
    }
    let mut faults = Vec::new();
    if program.len() > SIZE_BUDGET {
        faults.push(format!("{} bytes are more than the budget of {SIZE_BUDGET}", program.len()));
    }
    for segment in headers(program, 32, 54, 56)? {
        match read_u32(segment, 0)? {
            PT_INTERP => faults.push("it asks for an interpreter: it is not static".to_owned()),
            PT_DYNAMIC => {
                let (offset, size) = (read_usize(segment, 8)?, read_usize(segment, 32)?);
                let dynamic = program.get(offset..offset.checked_add(size)?)?;
                if dynamic.chunks_exact(16).any(|entry| read_u64(entry, 0) == Some(DT_NEEDED)) {
                    faults.push("it asks for a shared library: it is not static".to_owned());
                }
            }
            _ => {}
        }
    }
    if headers(program, 40, 58, 60)?.any(|section| read_u32(section, 4) == Some(SHT_SYMTAB)) {
        faults.push("it is not stripped".to_owned());
    }
    Some(faults)
}

/// A table of headers, whose place, size of an entry and count are at these offsets of the file.
fn headers(program: &[u8], place: usize, size: usize, count: usize) -> Option<impl Iterator<Item = &[u8]>> {
    let (place, size, count) =
        (read_usize(program, place)?, read_u16(program, size)?.into(), read_u16(program, count)?.into());
    let table = program.get(place..place.checked_add(usize::checked_mul(size, count)?)?)?;
    Some(table.chunks_exact(size.max(1)))
}

fn read_u16(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|bytes| u16::from_le_bytes(*bytes))
}

fn read_u32(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|bytes| u32::from_le_bytes(*bytes))
}

fn read_u64(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().map(|bytes| u64::from_le_bytes(*bytes))
}

fn read_usize(bytes: &[u8], at: usize) -> Option<usize> {
    usize::try_from(read_u64(bytes, at)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_test_program_is_neither_static_nor_stripped_nor_small() {
        let program = fs::read(std::env::current_exe().unwrap()).unwrap();
        let faults = faults(&program).unwrap().join("\n");
        for part in ["an interpreter", "a shared library", "stripped", "the budget"] {
            assert!(faults.contains(part), "{part}: {faults}");
        }
    }

    #[test]
    fn a_text_is_no_program() {
        assert_eq!(faults(b"#!/bin/sh\n"), None);
        assert_eq!(faults(b"\x7fELF\x02\x01"), None);
    }
}
