//! The control blob's bytes.

use rustix::fd::OwnedFd;
use rustix::fs::FileType;
use state_schema::{BLOB_PATH, Blob, Check, DecodeError, HEADER_LEN, Keeper, Kind, MAX_PAYLOAD_LEN, Number};

use crate::beneath::file_type;
use crate::failure::{Account, Failure, Finding};
use crate::file::{self, Root};
use crate::memory::Mapping;
use crate::show::{Show, Sink, put_escape, put_number};
use crate::step::Step;

/// A file that should be a blob.
///
/// The image's own is mapped, so that a plan takes no more memory than it takes to read one entry, whatever its length:
/// it is as trustworthy as the programs of the image, which are mapped too. Before, it is read once for its digest,
/// so that a disk error is `EIO`, where a mapping would end the process with `SIGBUS`. What lies on sys-data may be
/// written to by anybody. It is read whole, into memory of our own, which nothing changes once it is verified.
pub(crate) struct BlobFile {
    /// Of the whole file; none of what is none.
    bytes: Option<Mapping>,
    /// What header and digest say.
    checked: Result<(), DecodeError>,
}

/// Bytes that are read at once.
const PIECE: usize = 4096;

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
    /// Opens and checks the file the caller names, else the one in its place in the image.
    pub(crate) fn read(root: &Root, named: Option<&[u8]>) -> Result<Self, Failure> {
        let step = Step::new("read the blob", named.unwrap_or(BLOB_PATH.as_bytes()));
        let file = named.map_or_else(|| root.read(BLOB_PATH.as_bytes()), file::read);
        let file = file.map_err(|errno| step.failed("openat2", errno))?;
        let len = len_of(&step, &file)?;
        let checked = check(&step, &file, len)?;
        let mut bytes = None;
        if checked.is_ok() {
            bytes = Some(Mapping::of_file(&file, len).map_err(|errno| step.failed("mmap", errno))?);
        }
        Ok(Self { bytes, checked })
    }

    /// Reads an opened file of sys-data.
    #[cfg(feature = "system")]
    pub(crate) fn from_file(step: &Step<'_>, file: &OwnedFd) -> Result<Self, Failure> {
        let len = len_of(step, file)?;
        // What is empty is too short, which is said when it is decoded. A file that got shorter meanwhile has zeroes at the
        // end, which the digest tells from a blob.
        let memory = step.read_all(file, len.max(1))?;
        let checked = Check::begin(memory.bytes(), len).and_then(|mut check| {
            check.take(memory.bytes().get(HEADER_LEN..).unwrap_or_default());
            check.end()
        });
        Ok(Self { bytes: Some(memory.freeze()), checked })
    }

    /// Verifies and decodes.
    pub(crate) fn decode(&self) -> Result<Blob<'_>, BlobError> {
        let blob = self.checked.and_then(|()| Blob::decode_checked(self.bytes(), self.keeper()));
        blob.map_err(BlobError::Decode)
    }

    /// What it begins with. The digest of all the rest is in there.
    pub(crate) fn header(&self) -> &[u8] {
        self.bytes().get(..HEADER_LEN).unwrap_or_default()
    }

    /// Writes all bytes to a file.
    #[cfg(feature = "system")]
    pub(crate) fn write_to(&self, step: &Step<'_>, file: &OwnedFd) -> Result<(), Failure> {
        for piece in self.bytes().chunks(PIECE) {
            self.keeper().put_away();
            step.write(file, piece)?;
        }
        Ok(())
    }

    #[inline(never)]
    fn keeper(&self) -> &dyn Keeper {
        self.bytes.as_ref().map_or(&(), |bytes| bytes)
    }

    fn bytes(&self) -> &[u8] {
        self.bytes.as_ref().map(Mapping::bytes).unwrap_or_default()
    }
}

/// How long a file is, if it can be a blob.
fn len_of(step: &Step<'_>, file: &OwnedFd) -> Result<usize, Failure> {
    let stat = step.stat(file)?;
    if file_type(&stat) != FileType::RegularFile {
        return Err(step.found(Finding::NotA(Kind::File)));
    }
    // More than a blob can have is not read; what is read of it, the decoder refuses.
    let limit = HEADER_LEN.saturating_add(MAX_PAYLOAD_LEN as usize);
    usize::try_from(stat.st_size)
        .ok()
        .filter(|&len| len <= limit)
        .ok_or_else(|| step.found(Finding::TooLarge))
}

/// Reads a file of this length, and says what header and digest say. One that got shorter meanwhile has another digest.
fn check(step: &Step<'_>, file: &OwnedFd, len: usize) -> Result<Result<(), DecodeError>, Failure> {
    let mut room = [0; PIECE];
    let mut check = match Check::begin(read(step, file, &mut room, len.min(HEADER_LEN))?, len) {
        Ok(check) => check,
        Err(error) => return Ok(Err(error)),
    };
    let mut left = len.saturating_sub(HEADER_LEN);
    while left > 0 {
        check.take(read(step, file, &mut room, left)?);
        left = left.saturating_sub(PIECE);
    }
    Ok(check.end())
}

/// Reads `len` bytes, if as many fit into `room` and are there.
#[inline(never)]
fn read<'r>(
    step: &Step<'_>,
    file: &OwnedFd,
    room: &'r mut [u8; PIECE],
    len: usize,
) -> Result<&'r [u8], Failure> {
    let room = room.get_mut(..len.min(PIECE)).unwrap_or_default();
    let len = step.read_up_to(file, room)?;
    Ok(room.get(..len).unwrap_or_default())
}
