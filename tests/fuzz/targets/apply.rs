//! What is compiled, and applied to a hostile sys-data.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| state_fuzz::apply::check(data));
