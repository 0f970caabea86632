//! The admin listener: status document, metrics, live and ready. It shows; it changes nothing.

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
