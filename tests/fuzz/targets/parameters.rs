//! The kernel command line.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| state_fuzz::parameters::check(data));
