//! What a device is named by, and finding the one that is meant.

use rustix::fs::{FileType, stat};
use rustix::io::Errno;
use rustix::thread::{Timespec, nanosleep};

use crate::beneath::file_type;
use crate::block_device::{BlockDevices, node};
use crate::failure::{Failure, Finding};
use crate::path::{PathBuf, Room};
use crate::step::Step;

/// How often is looked for a device that is not there yet.
const PERIOD_MILLIS: u32 = 20;

/// What a device is named by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DeviceName<'a> {
    /// `PARTLABEL=`
    Label(&'a [u8]),
    /// `PARTUUID=`
    Uuid(&'a [u8]),
    /// A path below `/dev`.
    Node(&'a [u8]),
}

/// Names that udev makes, which is not there yet.
const BY_LABEL: &[u8] = b"/dev/disk/by-partlabel/";
const BY_UUID: &[u8] = b"/dev/disk/by-partuuid/";

impl<'a> DeviceName<'a> {
    /// Reads a name as the kernel's `root=` has it.
    pub(crate) fn parse(text: &'a [u8]) -> Option<Self> {
        let behind = |prefix: &[u8]| text.strip_prefix(prefix).filter(|rest| !rest.is_empty());
        if let Some(label) = behind(b"PARTLABEL=").or_else(|| behind(BY_LABEL)) {
            return Some(Self::Label(label));
        }
        if let Some(uuid) = behind(b"PARTUUID=").or_else(|| behind(BY_UUID)) {
            // `PARTUUID=…/PARTNROFF=1` counts from one partition to another, which nobody does who has labels.
            return Some(Self::Uuid(uuid)).filter(|_| !uuid.contains(&b'/'));
        }
        let below_disk = text.starts_with(b"/dev/disk/");
        behind(b"/dev/").filter(|_| !below_disk).map(|_| Self::Node(text))
    }

    /// The place of the device; nothing as long as it is not there. More than one of a name is an error: a stick that somebody
    /// plugs in must not become the system by having the same label.
    fn find(self, step: &Step<'_>) -> Result<Option<PathBuf>, Failure> {
        let is_wanted: &dyn Fn(&crate::block_device::BlockDevice<'_>) -> bool = match self {
            Self::Label(label) => &move |device| device.label() == Some(label),
            Self::Uuid(uuid) => &move |device| device.has_uuid(uuid),
            Self::Node(path) => return find_node(step, path),
        };
        let (mut found, mut count) = (None, 0_u32);
        BlockDevices::open()?.each(&mut |device| {
            if is_wanted(device) {
                found = node(device.name);
                count = count.saturating_add(1);
            }
        })?;
        if count > 1 { Err(step.found(Finding::Ambiguous)) } else { Ok(found) }
    }

    /// The same, but waits up to `seconds` for it.
    pub(crate) fn wait(self, step: &Step<'_>, seconds: u32) -> Result<PathBuf, Failure> {
        let mut looks = u64::from(seconds).saturating_mul(u64::from(1000 / PERIOD_MILLIS));
        loop {
            if let Some(path) = self.find(step)? {
                return Ok(path);
            }
            if looks == 0 {
                return Err(step.found(Finding::NoDevice));
            }
            looks = looks.saturating_sub(1);
            let nanos = i64::from(PERIOD_MILLIS).saturating_mul(1_000_000);
            let _ = nanosleep(&Timespec { tv_sec: 0, tv_nsec: nanos });
        }
    }
}

fn find_node(step: &Step<'_>, path: &[u8]) -> Result<Option<PathBuf>, Failure> {
    match stat(Room::new().terminated(path)) {
        Ok(stat) if file_type(&stat) == FileType::BlockDevice => {
            let mut place = PathBuf::new();
            place.append(path).map_err(|errno| step.failed("stat", errno))?;
            Ok(Some(place))
        }
        Ok(_) => Err(step.found(Finding::NotABlockDevice)),
        Err(Errno::NOENT) => Ok(None),
        Err(errno) => Err(step.failed("stat", errno)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_as_the_kernel_and_udev_have_them() {
        for (text, name) in [
            (&b"PARTLABEL=x-sys-a"[..], Some(DeviceName::Label(b"x-sys-a"))),
            (b"/dev/disk/by-partlabel/x-sys-a", Some(DeviceName::Label(b"x-sys-a"))),
            (b"PARTUUID=1234abcd-02", Some(DeviceName::Uuid(b"1234abcd-02"))),
            (b"/dev/disk/by-partuuid/1234abcd-02", Some(DeviceName::Uuid(b"1234abcd-02"))),
            (b"/dev/mmcblk0p2", Some(DeviceName::Node(b"/dev/mmcblk0p2"))),
            (b"/dev/mapper/root", Some(DeviceName::Node(b"/dev/mapper/root"))),
            (b"PARTLABEL=", None),
            (b"PARTUUID=1234abcd-01/PARTNROFF=1", None),
            (b"UUID=0b1c", None),
            (b"/dev/disk/by-uuid/0b1c", None),
            (b"mmcblk0p2", None),
            (b"/dev/", None),
            (b"", None),
        ] {
            assert_eq!(DeviceName::parse(text), name);
        }
    }
}
