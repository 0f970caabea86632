//! A device map: what one family of devices is like, and how it wants to be treated.

use std::time::Duration;

/// A checked device map of kind `sunspec`.
#[derive(Clone, Debug, PartialEq)]
pub struct DeviceMap {
    /// Its id, `[a-z0-9-]`, as gateway.toml names it in `map`.
    pub id: String,
    /// What a person calls it.
    pub title: String,
    /// Limits and pacing of the connection.
    pub link: LinkOptions,
    /// How its SunSpec chain is found and read.
    pub sunspec: SunspecOptions,
}

/// Limits and pacing of a connection (SunSpec reference 13, `[link]`).
#[derive(Clone, Debug, PartialEq)]
pub struct LinkOptions {
    /// Longest wait for a connection.
    pub connect_timeout: Duration,
    /// Longest wait for an answer.
    pub response_timeout: Duration,
    /// Pause between two requests.
    pub inter_request: Duration,
    /// Most registers in one read, 2 to 125.
    pub max_read: u16,
    /// Most registers in one write, 1 to 123.
    pub max_write: u16,
}

/// How a SunSpec chain is found and read (SunSpec reference 13, `[sunspec]`).
#[derive(Clone, Debug, PartialEq)]
pub struct SunspecOptions {
    /// Base addresses to try, in this order.
    pub base: Vec<u16>,
    /// Models never read.
    pub ignore_models: Vec<u16>,
    /// Models whose control registers do not show what was written, so that read-back proves nothing.
    pub shadow_models: Vec<u16>,
}

impl Default for LinkOptions {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(3),
            response_timeout: Duration::from_secs(3),
            inter_request: Duration::ZERO,
            max_read: 125,
            max_write: 123,
        }
    }
}

impl Default for SunspecOptions {
    fn default() -> Self {
        Self { base: vec![40000, 0, 50000], ignore_models: Vec::new(), shadow_models: Vec::new() }
    }
}
