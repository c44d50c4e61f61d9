//! `stated`.
fn main() {}
