//! `statec`.
fn main() {}
