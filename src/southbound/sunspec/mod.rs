//! The SunSpec Modbus driver: discovery, poll plan, readings, controls, one task a connection.

mod abilities;
mod block;
mod control;
mod device;
mod execute;
mod probe;
mod readings;
mod scan;
mod task;
mod value;

pub use probe::{ProbeError, ProbeReport, ProbedModel, ProbedPoint, ProbedValue, probe};
pub use task::spawn;
