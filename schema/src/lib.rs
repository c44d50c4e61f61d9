//! The contract between `statec` (build host) and `stated` (target).
//!
//! # Words
//!
//! - An **entry** is one path of the image with its resolved policy: what becomes of it at boot.
//! - The **plan** is all entries, in mount order: a parent before what lies beneath it.
//! - The **blob** is the plan and the [`Image`] it belongs to, serialised. [`Blob::decode`] is its only
//!   decoder and `encode` (feature `encode`) its only encoder.
//! - A **slot** is A or B, or whatever the image calls its one to eight copies of the root file system.
//! - The **seed** is the first content of a path; **factory content** is what the image holds there.
//! - A **factory file** is one file, directory or link of it, known by its digest: what a merge compares with.
//!
//! Everything here is resolved: numeric owners, modes, order, sources of seeds. Nothing is looked up on
//! the target, and a value that violates an invariant cannot be decoded.
//!
//! The crate does no I/O and needs no heap to read. `docs/blob-format.md` describes the bytes.

#![no_std]
#![deny(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

#[cfg(feature = "encode")]
extern crate alloc;

mod decode;
mod difference;
#[cfg(feature = "encode")]
mod encode;
mod entry;
mod factory;
mod fields;
mod header;
mod image;
mod layout;
mod origin;
mod path;
mod record;
mod sha256;

pub use decode::{Blob, DecodeError, DecodeFault, Entries, Number};
pub use difference::{Change, Difference, Differences, SAME_IMAGE_ID, compare};
#[cfg(feature = "encode")]
pub use encode::{EncodeError, encode};
pub use entry::{
    Entry, How, Kind, Lifetime, Mode, MountOptions, OnFailure, OnUpdate, Persistence, Scope, Seed,
    UnknownBits,
};
pub use factory::{Description, Digest, FactoryFile, FactoryFiles, checksum, compare_paths};
pub use header::{Check, FORMAT_VERSION, HEADER_LEN, MAGIC, MAX_PAYLOAD_LEN};
pub use image::{
    Image, InvalidSlotName, MAX_SLOT_NAME_LEN, MAX_SLOTS, OnSysDataFailure, SlotName, SlotRule, SysData,
};
pub use layout::{BLOB_PATH, FACTORY_DIR, FRAGMENT_DIR, PROGRAM_PATH, sys_data};
pub use origin::{Origin, PlannedEntry};
#[cfg(feature = "encode")]
pub use path::StatePathBuf;
pub use path::{InvalidPath, MAX_NAME_LEN, MAX_PATH_LEN, StatePath};
pub use record::{Keeper, STRIDE};
