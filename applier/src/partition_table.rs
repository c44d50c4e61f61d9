//! The unique ids of partitions, for kernels that do not tell them.
//!
//! The kernel has accepted the table already, since it knows the partition by its number: only the id is looked up here.

use rustix::fd::OwnedFd;
use rustix::io::pread;

use crate::show::{Sink, put_escape};
use crate::text::Text;

/// The header of a GUID partition table lies in the second block of the disk, and begins with this. UEFI specification
/// 2.10, 5.3.2.
const GPT: &[u8] = b"EFI PART";

/// In the header: the first block of the entries, how many there are, and how many bytes each has.
const ENTRIES: usize = 72;
const COUNT: usize = 80;
const SIZE: usize = 84;

/// In an entry: the unique id. Its first three parts are little-endian numbers, so their bytes are shown from the last to the first.
const UUID: usize = 16;
const ORDER: [(usize, usize, bool); 5] =
    [(0, 4, true), (4, 2, true), (6, 2, true), (8, 2, false), (10, 6, false)];

/// In the first block of a disk without such a table: its signature, a little-endian number of four bytes.
const SIGNATURE: u64 = 440;

/// The unique id of the partition `number`, counted from 1, of a disk with blocks of `block_size` bytes; as the kernel writes
/// it for `PARTUUID=`.
pub(crate) fn read_uuid(disk: &OwnedFd, block_size: u64, number: u32) -> Option<Text> {
    let mut header = [0; 92];
    if read(disk, block_size, &mut header).is_some() && header.starts_with(GPT) {
        return read_gpt(disk, block_size, number, &header);
    }
    let mut signature = [0; 4];
    read(disk, SIGNATURE, &mut signature)?;
    let mut text = Text::new();
    put_bytes(&mut text, signature.iter().rev());
    text.put(b"-");
    put_bytes(&mut text, [u8::try_from(number).ok()?].iter());
    Some(text)
}

fn read_gpt(disk: &OwnedFd, block_size: u64, number: u32, header: &[u8]) -> Option<Text> {
    let first = u64::from_le_bytes(*header.get(ENTRIES..)?.first_chunk()?);
    let [count, size] =
        [COUNT, SIZE].map(|at| header.get(at..)?.first_chunk().copied().map(u32::from_le_bytes));
    let index = number.checked_sub(1).filter(|&index| count.is_some_and(|count| index < count))?;
    let at = u64::from(index).checked_mul(u64::from(size?))?.checked_add(first.checked_mul(block_size)?)?;
    let mut entry = [0; 32];
    read(disk, at, &mut entry)?;
    let uuid = entry.get(UUID..)?;
    let mut text = Text::new();
    for (start, len, is_reversed) in ORDER {
        if start != 0 {
            text.put(b"-");
        }
        let part = uuid.get(start..)?.get(..len)?;
        if is_reversed { put_bytes(&mut text, part.iter().rev()) } else { put_bytes(&mut text, part.iter()) }
    }
    Some(text)
}

fn put_bytes<'b>(text: &mut Text, bytes: impl Iterator<Item = &'b u8>) {
    for byte in bytes {
        put_escape(text, b"", *byte);
    }
}

/// Fills `buffer` with what lies at `at`.
fn read(disk: &OwnedFd, at: u64, buffer: &mut [u8]) -> Option<()> {
    let len = pread(disk, &mut *buffer, at).ok()?;
    (len == buffer.len()).then_some(())
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::string::String;

    use rustix::fs::{MemfdFlags, memfd_create};
    use rustix::io::pwrite;

    use super::*;

    /// A disk in memory, with `bytes` at these places.
    fn disk(places: &[(u64, &[u8])]) -> OwnedFd {
        let disk = memfd_create("disk", MemfdFlags::CLOEXEC).unwrap();
        for (at, bytes) in [(0, &[0; 16384][..])].iter().chain(places) {
            assert_eq!(pwrite(&disk, bytes, *at), Ok(bytes.len()));
        }
        disk
    }

    fn uuid(disk: &OwnedFd, block_size: u64, number: u32) -> Option<String> {
        read_uuid(disk, block_size, number).map(|text| String::from_utf8(text.bytes().into()).unwrap())
    }

    #[test]
    #[cfg_attr(miri, ignore = "asks the kernel")]
    fn reads_a_guid_partition_table() {
        let id = [0x78, 0x56, 0x34, 0x12, 0xbc, 0x9a, 0xf0, 0xde, 1, 2, 3, 4, 5, 6, 7, 0xff];
        for block_size in [512, 4096_u64] {
            let entry = 2 * block_size.min(1024) + 2048;
            let first = entry / block_size;
            let disk = disk(&[
                (block_size, b"EFI PART"),
                (block_size + 72, &first.to_le_bytes()),
                (block_size + 80, &4_u32.to_le_bytes()),
                (block_size + 84, &128_u32.to_le_bytes()),
                (first * block_size + 128 + 16, &id),
            ]);
            assert_eq!(
                uuid(&disk, block_size, 2).as_deref(),
                Some("12345678-9abc-def0-0102-0304050607ff"),
                "blocks of {block_size} bytes"
            );
            assert_eq!(uuid(&disk, block_size, 5), None, "there are four");
            assert_eq!(uuid(&disk, block_size, 0), None);
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "asks the kernel")]
    fn reads_a_signature() {
        let disk = disk(&[(440, &0x1234_abcd_u32.to_le_bytes())]);
        assert_eq!(uuid(&disk, 512, 2).as_deref(), Some("1234abcd-02"));
        assert_eq!(uuid(&disk, 512, 12).as_deref(), Some("1234abcd-0c"));
    }

    #[test]
    #[cfg_attr(miri, ignore = "asks the kernel")]
    fn a_table_that_leads_nowhere_has_no_id() {
        let far = disk(&[
            (512, b"EFI PART"),
            (584, &u64::MAX.to_le_bytes()),
            (592, &u32::MAX.to_le_bytes()),
            (596, &u32::MAX.to_le_bytes()),
        ]);
        assert_eq!(uuid(&far, 512, 1), None);
    }
}
