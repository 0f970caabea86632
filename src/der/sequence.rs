//! The sequence of events: changes that a device recorded by itself, with its own time.

use super::Quality;
use jiff::Timestamp;

/// One change that a device recorded.
#[derive(Clone, Debug, PartialEq)]
pub struct SequenceEvent {
    /// When it happened, by `clock`.
    pub at: Timestamp,
    /// Whose time that is.
    pub clock: Clock,
    /// What changed, as its map calls it.
    pub point: String,
    /// To what, in words: `on`, `off`, a name or a number with its unit.
    pub value: String,
    /// Whether the device vouches for it.
    pub quality: Quality,
}

/// Whose time a time is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// The device's, synchronised as far as it says.
    Device,
    /// The device's, which it does not hold for synchronised.
    DeviceUnsynchronised,
    /// The gateway's, at receipt: the device told none.
    Gateway,
}

impl Clock {
    /// The word in documents.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Device => "device",
            Self::DeviceUnsynchronised => "device, not synchronised",
            Self::Gateway => "gateway",
        }
    }
}
