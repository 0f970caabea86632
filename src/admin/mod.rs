//! The admin listener: status document, metrics, live and ready. It shows; it changes nothing.
//!
//! Every page is made from one snapshot, so that a page never contradicts itself. It has no login: it is meant for
//! the loopback address, and shows no secrets.

mod document;
mod health;
mod metrics;
mod server;

pub use health::Health;
pub use server::serve;

use std::net::SocketAddr;

/// Settings of the admin listener.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Where it listens; default 127.0.0.1:8062.
    pub listen: SocketAddr,
}

impl Default for Settings {
    fn default() -> Self {
        Self { listen: SocketAddr::from(([127, 0, 0, 1], 8062)) }
    }
}
