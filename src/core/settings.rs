//! What the core is told: times and bounds. The defaults are those of the product; tests shorten them.

use std::time::Duration;

/// Times and bounds of the core.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// A device that has not reported for this long, or for three of its poll periods if that is longer, is stale.
    pub stale_after: Duration,
    /// Longest a device shall hold a setpoint without hearing from us again; refreshed at a third of it.
    pub hold: Duration,
    /// A command not sent by then is not sent at all.
    pub command_expiry: Duration,
    /// Pause before a device that did not answer a command is asked again.
    pub retry_unanswered: Duration,
    /// Pause before a device that refused a command is asked again; until then the others do its part.
    pub retry_refused: Duration,
    /// Time from an applied setpoint until a device that stays short of it counts as limited.
    pub settle: Duration,
    /// Longest that dispatches wait after the start for members that are still being found.
    pub gather: Duration,
    /// Groups kept at most.
    pub max_groups: usize,
    /// Dispatches kept at most that have not ended.
    pub max_dispatches: usize,
    /// Ended dispatches kept for the record.
    pub keep_ended: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            stale_after: Duration::from_secs(5),
            hold: Duration::from_secs(60),
            command_expiry: Duration::from_secs(5),
            retry_unanswered: Duration::from_secs(2),
            retry_refused: Duration::from_secs(30),
            settle: Duration::from_millis(1500),
            gather: Duration::from_secs(10),
            max_groups: 10_000,
            max_dispatches: 10_000,
            keep_ended: 200,
        }
    }
}
