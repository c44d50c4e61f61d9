//! Compiles fragments.
