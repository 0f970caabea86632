//! IEC 61968-5 messages in IEC 61968-100 envelopes over SOAP 1.1.
//!
//! A request passes through `server` (HTTP, bounds), `handler` (who is asked), `envelope` and the files of the
//! nouns (what it says), and the core's service. Multiplier, unit and flow direction are resolved in the nouns: behind
//! them there are only SI units, and positive is injected. Nothing here decides what a group may do.
//!
//! Values told are signed; `flowDirection` is left out of replies unless an absent one would be read as forward.

pub mod client;
mod dispatches;
mod envelope;
mod fault;
mod groups;
mod handler;
mod identity;
mod namespace;
mod operation;
mod queries;
mod reply;
mod server;
mod settings;
mod statuses;
#[cfg(test)]
pub(crate) mod testing;
mod units;
mod wsdl;
mod xml;

pub use reply::{Id, Reply, ReplyError, ReplyResult};
pub use server::serve;
pub use settings::{FlowDirection, PartialResult, Settings};
pub use statuses::{GroupStatus, StatusValue};
