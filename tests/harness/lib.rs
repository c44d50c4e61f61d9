//! What the tests share.

pub mod attack;
pub mod cases;
pub mod guard;
pub mod namespace;
pub mod program;
pub mod scene;
pub mod tracer;
pub mod witness;
