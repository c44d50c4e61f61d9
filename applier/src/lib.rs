//! Applies a blob.
#![no_std]
