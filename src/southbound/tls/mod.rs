//! TLS towards devices: what the gateway shows, whom it trusts, and why a session does not come about, in words.
//!
//! It knows certificates and sessions, no field protocol: what is sent inside is the drivers' matter. Verification
//! cannot be switched off; a device whose certificate cannot be verified is pinned by its fingerprint.

mod certificate;
mod client;
mod fault;
#[cfg(test)]
pub(crate) mod front;
mod identity;
mod role;
#[cfg(test)]
pub(crate) mod testing;
mod verify;

pub use certificate::{Fingerprint, Summary};
pub use client::Client;
pub use fault::{Fault, Kind};
pub use identity::{BuildError, Finding, Identity, Paths, Severity, Which};
pub use role::{NoRole, Role};
