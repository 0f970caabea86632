//! DNP3: the one home of the `dnp3` crate. Channels, associations, points, controls.
//!
//! The crate's licence allows neither production use nor passing it on, so this room is only there with the cargo feature
//! `dnp3` (README, "DNP3 and its licence").

#![allow(dead_code, unused_imports, reason = "the parts that use the seam are being built")]

mod field;
mod image;
#[cfg(test)]
pub mod testing;
pub mod tools;

pub use field::{
    Field, Identity, Indications, LinkState, News, OperateError, Operation, Output, Part, ReadError, Refusal,
    Seen, Source, Stamp, Status,
};
