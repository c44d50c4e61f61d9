//! What the tests share.

pub mod namespace;
pub mod program;
pub mod scene;
pub mod tracer;
