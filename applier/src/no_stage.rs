//! What the program for an initramfs has in place of `legacy_mount.rs`: nothing, since where the kernel needs a stage, it hands
//! over. None of the values can be.

use core::ffi::CStr;
use core::marker::PhantomData;

use rustix::fd::OwnedFd;
use state_schema::MountOptions;

use crate::failure::Failure;
use crate::step::Step;

/// A stage, which there is none of.
pub(crate) enum Stage {}

/// A file system on it.
#[expect(dead_code, reason = "which is what it is for")]
pub(crate) enum FileSystem<'s> {
    Never(Stage, PhantomData<&'s Stage>),
}

impl Stage {
    pub(crate) fn clear(&self, _: &OwnedFd) -> Result<(), Failure> {
        match *self {}
    }

    pub(crate) fn clone_mount(&self, _: &Step<'_>, _: &OwnedFd) -> Result<OwnedFd, Failure> {
        match *self {}
    }

    pub(crate) fn clone_tree(&self, _: &Step<'_>, _: &OwnedFd, _: bool) -> Result<OwnedFd, Failure> {
        match *self {}
    }

    pub(crate) fn set_options(&self, _: &Step<'_>, _: &OwnedFd, _: MountOptions) -> Result<(), Failure> {
        match *self {}
    }

    pub(crate) fn attach(&self, _: &Step<'_>, _: &OwnedFd, _: &OwnedFd) -> Result<(), Failure> {
        match *self {}
    }
}

impl<'s> FileSystem<'s> {
    pub(crate) fn new(stage: &'s Stage, _: &'s CStr) -> Self {
        match *stage {}
    }

    pub(crate) fn set(&mut self, _: &Step<'_>, _: &CStr, _: &[u8]) -> Result<(), Failure> {
        let Self::Never(stage, _) = self;
        match *stage {}
    }

    pub(crate) fn mount(&self, _: &Step<'_>, _: &[u8]) -> Result<OwnedFd, Failure> {
        let Self::Never(stage, _) = self;
        match *stage {}
    }
}
