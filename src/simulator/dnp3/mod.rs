//! Simulated outstations: the body of `super::body` behind the points of the AN2018-001 profile.
//!
//! `profile` holds the facts, `station` is one outstation without any protocol, `outstation` joins it to the crate's outstation
//! side, and `front` is the socket or line that masters reach it by, with the ways in which those misbehave.
//! It shares no code with the driver: what both got wrong, no test would find.

mod frame;
mod front;
mod outstation;
mod profile;
mod station;

pub use front::{Front, Line, Port};
pub use outstation::Outstation;
pub use station::{Action, Received};

#[cfg(test)]
mod tests;
