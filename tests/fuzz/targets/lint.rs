//! The compiler's front end.

#![no_main]

libfuzzer_sys::fuzz_target!(init: state_fuzz::lint::plant_examples(), |data: &[u8]| state_fuzz::lint::check(data));
