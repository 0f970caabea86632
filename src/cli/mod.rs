//! (being built)
pub mod probe;
