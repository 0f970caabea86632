//! What the northbound is told by gateway.toml.

use std::net::SocketAddr;
use std::time::Duration;

/// Settings of the northbound listener.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Where it listens; default 127.0.0.1:8061.
    pub listen: SocketAddr,
    /// What a dispatch without flowDirection means.
    pub absent_flow_direction: FlowDirection,
    /// How a reply names a request of which only a part could be done.
    pub partial_result: PartialResult,
    /// Offset of xs:dateTime values that carry none, in seconds east of UTC.
    pub naive_time_offset_s: i32,
    /// Largest request body accepted, in bytes.
    pub max_body: usize,
    /// Connections served at a time.
    pub max_connections: usize,
    /// Longest a request may take to arrive, and longest it may take to be answered.
    pub request_timeout: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8061)),
            absent_flow_direction: FlowDirection::Reverse,
            partial_result: PartialResult::Failed,
            naive_time_offset_s: 0,
            max_body: 4 * 1024 * 1024,
            max_connections: 256,
            request_timeout: Duration::from_secs(30),
        }
    }
}

/// The two flow directions that a dispatch may carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlowDirection {
    /// Delivered to the customer: negative in our sign rule.
    Forward,
    /// Received from the customer: positive in our sign rule.
    Reverse,
}

/// Reply/Result when some objects of a request are good and some are not (61968-5 reference 7.9).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PartialResult {
    /// FAILED, as the interoperability test script expects.
    Failed,
    /// PARTIAL, as the envelope offers.
    Partial,
}
