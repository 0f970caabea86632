//! The driver for devices that a map describes register by register, without SunSpec.
//!
//! What the points say and how commands are carried out is in `points`; here is how a device is found, polled and lost.

mod device;
mod identify;
mod poll;

pub use device::Device;
pub use identify::{Stranger, identify};

#[cfg(test)]
mod tests;
