//! The blob's bytes: pinned by golden files, refused when anything about them is off.

mod damage;
mod golden;
mod structure;
