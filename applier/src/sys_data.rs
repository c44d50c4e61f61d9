//! The partition that holds all persistent state.
//!
//! Everything here takes into account that a compromised service may have written to it.

use core::mem::ManuallyDrop;

use linux_raw_sys::general::MS_RDONLY;
use rustix::fd::OwnedFd;
use rustix::fs::{AtFlags, Mode};
use rustix::io::Errno;
use state_schema::SysData as Partition;
use state_schema::sys_data::{COMMON_DIR, SLOTS_DIR, VERSION, VERSION_FILE, WORK_DIR};

use crate::arguments::DataPlace;
use crate::beneath::{ensure_directory, open_directory, open_file};
use crate::failure::{Account, Failure, Finding};
use crate::file;
use crate::step::Step;
use crate::store::{PRIVATE, Store};
use crate::work::{discard_all, unlock_opened};

/// The opened partition, of a layout that we know, with nothing left in its work directory.
pub(crate) struct SysData {
    top: ManuallyDrop<OwnedFd>,
    slots: ManuallyDrop<OwnedFd>,
    #[cfg(feature = "system")]
    work: ManuallyDrop<OwnedFd>,
}

/// Why it is not.
pub(crate) enum SysDataError {
    /// It cannot be used; the image says whether the system may run without.
    Unusable(Account),
    /// It is of a layout that we do not know: another version of this program keeps its state there, and
    /// running beside it would part the two.
    Unknown(Account),
}

impl From<Failure> for SysDataError {
    fn from(failure: Failure) -> Self {
        Self::Unusable(failure.account())
    }
}

impl SysData {
    /// Opens the place; the mount point that the blob names has to be one.
    pub(crate) fn open(place: DataPlace<'_>, partition: &Partition<'_>) -> Result<Self, SysDataError> {
        let top = open_top(place, partition)?;
        check_version(&top)?;
        let work = ensure_directory(&top, WORK_DIR.as_bytes(), PRIVATE).or_else(|failure| {
            // Nothing in it is needed, so neither is what stands in its place.
            let step = Step::new("discard", WORK_DIR.as_bytes());
            let account = failure.account();
            if step.remove(&top, WORK_DIR.as_bytes(), AtFlags::empty()).is_err() {
                return Err(account.fail());
            }
            ensure_directory(&top, WORK_DIR.as_bytes(), PRIVATE)
        })?;
        // What is made in it has to get out of it.
        unlock_opened(&work);
        discard_all(&work)?;
        write_version(&top, &work)?;
        let slots = ensure_directory(&top, SLOTS_DIR.as_bytes(), PRIVATE)?;
        let [top, slots] = [top, slots].map(ManuallyDrop::new);
        Ok(Self {
            top,
            slots,
            #[cfg(feature = "system")]
            work: ManuallyDrop::new(work),
        })
    }

    /// Opens the partition of a system that runs: as it is, with nothing made and nothing discarded.
    #[cfg(feature = "system")]
    pub(crate) fn find(place: DataPlace<'_>, partition: &Partition<'_>) -> Result<Self, SysDataError> {
        let top = open_top(place, partition)?;
        check_version(&top)?;
        let [work, slots] = [WORK_DIR, SLOTS_DIR].map(|name| {
            let step = Step::new("open the directory", name.as_bytes());
            open_directory(&step, &top, name.as_bytes()).map(ManuallyDrop::new)
        });
        Ok(Self { slots: slots?, work: work?, top: ManuallyDrop::new(top) })
    }

    /// The directory that holds one directory for each slot.
    pub(crate) fn slots(&self) -> &OwnedFd {
        &self.slots
    }

    /// Where something is made before it is renamed to its place.
    #[cfg(feature = "system")]
    pub(crate) fn work(&self) -> &OwnedFd {
        &self.work
    }

    /// The store of a slot whose directory is open.
    pub(crate) fn slot_store(&self, dir: &OwnedFd) -> Result<Store, Failure> {
        self.store(open_directory(&Step::new("open the directory of a slot", b""), dir, b".")?)
    }

    /// The store in `base`, a directory of this partition.
    pub(crate) fn store(&self, base: OwnedFd) -> Result<Store, Failure> {
        let step = Step::new("open the directory", WORK_DIR.as_bytes());
        Store::new(base, open_directory(&step, &self.top, WORK_DIR.as_bytes())?)
    }

    /// Opens the directory of what belongs to no slot.
    #[cfg(feature = "system")]
    pub(crate) fn open_common(&self) -> Result<OwnedFd, Failure> {
        open_directory(
            &Step::new("open the directory", COMMON_DIR.as_bytes()),
            &self.top,
            COMMON_DIR.as_bytes(),
        )
    }

    /// The store of what belongs to no slot.
    pub(crate) fn common(&self) -> Result<Store, Failure> {
        self.store(ensure_directory(&self.top, COMMON_DIR.as_bytes(), PRIVATE)?)
    }
}

fn open_top(data: DataPlace<'_>, partition: &Partition<'_>) -> Result<OwnedFd, Failure> {
    let (place, has_to_be_mounted) = match data {
        DataPlace::MountPoint => (partition.mount_point.as_str().as_bytes(), true),
        DataPlace::Directory(path) => (path, false),
        #[cfg(feature = "system")]
        DataPlace::Nowhere(account) => return Err(account.clone().fail()),
    };
    let step = Step::new("open sys-data at", place);
    let top = file::open_directory(place).map_err(|errno| step.failed("open", errno))?;
    // Without this, a partition that is not there would be the directory below, of a tmpfs or of the image.
    if has_to_be_mounted && !step.is_mount_root(&top)? {
        return Err(step.found(Finding::NotMounted));
    }
    // Nothing is written where all state is there already, and what is bound would be read-only.
    if step.mount_flags(&top)? & MS_RDONLY != 0 {
        return Err(step.failed("fstatfs", Errno::ROFS));
    }
    Ok(top)
}

const CHECK: &str = "use sys-data of the layout in";

/// Checks that the layout is ours, or that there is no state yet, before anything is touched.
fn check_version(top: &OwnedFd) -> Result<(), SysDataError> {
    let step = Step::new(CHECK, VERSION_FILE.as_bytes());
    if step.stat_name(top, VERSION_FILE.as_bytes())?.is_none() {
        let step = Step::new(CHECK, SLOTS_DIR.as_bytes());
        return match step.stat_name(top, SLOTS_DIR.as_bytes())? {
            None => Ok(()),
            Some(_) => Err(SysDataError::Unknown(step.found(Finding::NoLayout).account())),
        };
    }
    let file = open_file(&step, top, VERSION_FILE.as_bytes())?;
    // One byte more, so that a longer file is not taken for its beginning.
    let mut bytes = [0; VERSION.len() + 1];
    let len = step.read_up_to(&file, &mut bytes)?;
    if bytes.get(..len) == Some(VERSION.as_bytes()) {
        Ok(())
    } else {
        Err(SysDataError::Unknown(step.found(Finding::OtherLayout).account()))
    }
}

/// Gives a partition without state our layout.
fn write_version(top: &OwnedFd, work: &OwnedFd) -> Result<(), Failure> {
    let step = Step::new(CHECK, VERSION_FILE.as_bytes());
    if step.stat_name(top, VERSION_FILE.as_bytes())?.is_some() {
        return Ok(());
    }
    let file = step.create(work, VERSION_FILE.as_bytes(), Mode::from_raw_mode(0o644))?;
    step.write(&file, VERSION.as_bytes())?;
    step.sync(&file)?;
    step.rename(work, VERSION_FILE.as_bytes(), top, VERSION_FILE.as_bytes())
}
