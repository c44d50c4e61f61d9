//! The device as its running system finds it, for the commands.

use core::mem::ManuallyDrop;

use rustix::fd::OwnedFd;
use state_schema::{BLOB_PATH, Blob, SlotName};

use crate::arguments::Places;
use crate::blob::BlobFile;
use crate::failure::Failure;
use crate::file::Root;
use crate::refusal::Refusal;
use crate::slot;
use crate::step::Step;
use crate::sys_data::{SysData, SysDataError};
use crate::text::Note;
use crate::transition::{TransitionError, open_slot};

/// The blob of the image that runs. The place for its bytes is the caller's.
pub(crate) fn read_blob(places: &Places<'_>) -> Result<ManuallyDrop<BlobFile>, Refusal> {
    let root = Root::open(places.root)?;
    Ok(ManuallyDrop::new(BlobFile::read(&root, places.blob)?))
}

/// Decodes a blob that was read from `named`, or from its place in the image.
pub(crate) fn decode<'f>(file: &'f BlobFile, named: Option<&[u8]>) -> Result<Blob<'f>, Refusal> {
    file.decode()
        .map_err(|error| Refusal::Blob { path: Note::of(named.unwrap_or(BLOB_PATH.as_bytes())), error })
}

/// The device: its sys-data, and the slot that runs.
pub(crate) struct Device<'a> {
    pub(crate) sys_data: SysData,
    pub(crate) slot: SlotName<'a>,
}

impl<'a> Device<'a> {
    /// Finds it as the boot did.
    pub(crate) fn find(places: &Places<'_>, blob: &Blob<'a>) -> Result<Self, Refusal> {
        let slot = slot::choose(blob, places.slot)?;
        let sys_data = SysData::find(places.data, &blob.sys_data()).map_err(|error| match error {
            SysDataError::Unusable(account) => Refusal::Step(account),
            SysDataError::Unknown(account) => Refusal::Transition(TransitionError::UnknownLayout(account)),
        })?;
        Ok(Self { sys_data, slot })
    }

    /// Opens the state of the slot that runs.
    pub(crate) fn open_state(&self) -> Result<OwnedFd, Failure> {
        let name = self.slot.as_str().as_bytes();
        let opened = open_slot(&self.sys_data, name)?;
        let missing = rustix::io::Errno::NOENT;
        opened.ok_or_else(|| Step::new("open the state of slot", name).failed("openat2", missing))
    }
}
