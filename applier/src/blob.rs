//! The control blob's bytes.

use rustix::fd::OwnedFd;
use rustix::fs::FileType;
use state_schema::{BLOB_PATH, Blob, DecodeError, HEADER_LEN, Kind, MAX_PAYLOAD_LEN, Number};

use crate::beneath::file_type;
use crate::failure::{Account, Failure, Finding};
use crate::file::{self, Root};
use crate::memory::Memory;
use crate::show::{Show, Sink, put_escape, put_number};
use crate::step::Step;

/// A file that should be a blob, read whole.
///
/// Read rather than mapped: a disk error then is `EIO`, where a mapping would end the process with
/// `SIGBUS`, and nothing changes the bytes once they are verified.
pub(crate) struct BlobFile {
    memory: Option<Memory>,
}

/// Why there is no blob.
pub(crate) enum BlobError {
    Read(Account),
    Decode(DecodeError),
}

impl From<Failure> for BlobError {
    fn from(failure: Failure) -> Self {
        Self::Read(failure.account())
    }
}

impl Show for BlobError {
    #[inline(never)]
    fn show(&self, to: &mut dyn Sink) {
        let error = match self {
            Self::Read(account) => return account.show(to),
            Self::Decode(error) => error,
        };
        let (before, number, after) = error.fault.words();
        to.put(before.as_bytes());
        match number {
            Some(Number::Decimal(number)) => put_number(to, number.into()),
            Some(Number::Hexadecimal(number)) => {
                let [high, low] = number.to_be_bytes();
                put_escape(to, b"0x", high);
                put_escape(to, b"", low);
            }
            None => {}
        }
        to.put(after.as_bytes());
        to.put(b" (at byte ");
        put_number(to, error.offset as u64);
        to.put(b")");
    }
}

impl BlobFile {
    /// Reads the file the caller names, else the one in its place in the image.
    pub(crate) fn read(root: &Root, named: Option<&[u8]>) -> Result<Self, Failure> {
        let step = Step::new("read the blob", named.unwrap_or(BLOB_PATH.as_bytes()));
        let file = named.map_or_else(|| root.read(BLOB_PATH.as_bytes()), file::read);
        let file = file.map_err(|errno| step.failed("openat2", errno))?;
        Self::from_file(&step, &file)
    }

    /// Reads an opened file.
    pub(crate) fn from_file(step: &Step<'_>, file: &OwnedFd) -> Result<Self, Failure> {
        let stat = step.stat(file)?;
        if file_type(&stat) != FileType::RegularFile {
            return Err(step.found(Finding::NotA(Kind::File)));
        }
        // More than a blob can have is not read; what is read of it, the decoder refuses.
        let limit = HEADER_LEN.saturating_add(MAX_PAYLOAD_LEN as usize);
        let len = usize::try_from(stat.st_size)
            .ok()
            .filter(|&len| len <= limit)
            .ok_or_else(|| step.found(Finding::TooLarge))?;
        let mut memory = None;
        if len > 0 {
            let mut bytes = Memory::of_len(len).map_err(|errno| step.failed("mmap", errno))?;
            // A file that got shorter meanwhile leaves zeroes at the end, which the digest tells from a blob.
            step.read_up_to(file, bytes.bytes_mut())?;
            memory = Some(bytes);
        }
        Ok(Self { memory })
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        self.memory.as_ref().map(Memory::bytes).unwrap_or_default()
    }

    /// Verifies and decodes.
    pub(crate) fn decode(&self) -> Result<Blob<'_>, BlobError> {
        Blob::decode(self.bytes()).map_err(BlobError::Decode)
    }
}
