//! Devices, groups and dispatches: what is known, what is asked, and who does which part of it.
//!
//! One task ([`task`]) owns the state. The decisions are pure functions of state, event and `now`: registry, readings,
//! aggregate, allocate, dispatch. It names no protocol, no SOAP and no SQL: drivers and the store stand behind
//! [`port`], the northbound and the admin pages behind [`service`].

mod aggregate;
mod allocate;
mod dispatch;
mod follow;
mod groups;
mod held;
mod pace;
pub mod port;
mod readings;
mod registry;
mod requests;
mod sequence;
pub mod service;
mod settings;
mod state;
mod task;
mod view;
mod way;

pub use registry::DeviceEntry;
pub use settings::Settings;
pub use task::{Core, Parts};
