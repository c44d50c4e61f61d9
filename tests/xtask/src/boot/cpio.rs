//! The archive that a kernel unpacks as its first root: `newc`, as the kernel's documentation describes it in
//! `driver-api/early-userspace/buffer-format`.

/// Everything in it begins at a multiple of this.
const ALIGNMENT: usize = 4;

/// The name that ends an archive.
const END: &str = "TRAILER!!!";

const DIRECTORY: u32 = 0o040_755;
const PROGRAM: u32 = 0o100_755;

/// An archive of directories and programs, all of them root's.
#[derive(Debug, Default)]
pub(super) struct Archive {
    bytes: Vec<u8>,
    /// Of what was added last. The kernel takes files of one number for names of one file.
    inode: u32,
}

impl Archive {
    pub(super) fn add_directory(&mut self, path: &str) {
        self.add(path, DIRECTORY, &[]);
    }

    /// Adds a file that may be executed.
    pub(super) fn add_program(&mut self, path: &str, content: &[u8]) {
        self.add(path, PROGRAM, content);
    }

    /// The archive's bytes.
    pub(super) fn finish(mut self) -> Vec<u8> {
        self.add(END, 0, &[]);
        self.bytes
    }

    fn add(&mut self, path: &str, mode: u32, content: &[u8]) {
        self.inode += 1;
        // No time of change, so that the same content makes the same bytes; no device, no checksum.
        let name_size = path.len() + 1;
        let fields =
            [self.inode as usize, mode as usize, 0, 0, 1, 0, content.len(), 0, 0, 0, 0, name_size, 0];
        self.bytes.extend_from_slice(b"070701");
        for field in fields {
            self.bytes.extend_from_slice(format!("{field:08x}").as_bytes());
        }
        self.bytes.extend_from_slice(path.as_bytes());
        self.bytes.push(0);
        self.align();
        self.bytes.extend_from_slice(content);
        self.align();
    }

    fn align(&mut self) {
        self.bytes.resize(self.bytes.len().next_multiple_of(ALIGNMENT), 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lays_files_out_as_the_kernel_reads_them() {
        let mut archive = Archive::default();
        archive.add_directory("etc");
        archive.add_program("init", b"abcde");
        let header = |inode: u32, mode: u32, size: u32, name: u32| {
            format!(
                "070701{inode:08x}{mode:08x}00000000000000000000000100000000{size:08x}\
                 00000000000000000000000000000000{name:08x}00000000"
            )
        };
        let mut expected = header(1, 0o040_755, 0, 4) + "etc\0\0\0";
        expected += &(header(2, 0o100_755, 5, 5) + "init\0\0abcde\0\0\0");
        expected += &(header(3, 0, 0, 11) + "TRAILER!!!\0\0\0\0");
        assert_eq!(String::from_utf8(archive.finish()).unwrap(), expected);
    }
}
