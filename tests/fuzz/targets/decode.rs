//! The decoder of control blobs.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| state_fuzz::decode::check(data));
