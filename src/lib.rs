//! dergate: a gateway between distributed energy resources in the field and the enterprise systems of a utility.
//!
//! The rooms, in reading order:
//! - [`der`]: the vocabulary. mRID, quantities, readings, capability, group, dispatch. Values only.
//! - [`core`]: devices, groups and dispatches; the one task that owns the state, and the pure decisions it takes.
//! - [`southbound`]: drivers, each a task behind [`core::port`].
//! - [`device_map`]: a map file, and the SunSpec model tables, as checked values.
//! - [`northbound`]: IEC 61968-5 messages in IEC 61968-100 envelopes over SOAP.
//! - [`store`]: what must survive a power cut.
//! - [`config`]: gateway.toml as written, checked, as settings of each room.
//! - [`admin`]: status document, metrics, live and ready.
//! - [`simulator`]: simulated devices with physics on real sockets.
//! - [`app`]: builds every room, runs, drains. [`cli`]: one file per command.
//!
//! Which room may name which is written in `ARCHITECTURE.md` and kept by `tests/gateway/architecture.rs`.

pub mod admin;
pub mod app;
pub mod backoff;
pub mod cli;
pub mod config;
pub mod core;
pub mod der;
pub mod device_map;
pub mod nearest;
pub mod northbound;
pub mod simulator;
pub mod southbound;
pub mod store;
pub mod systemd;
#[cfg(test)]
mod testing;
pub mod toml_file;
