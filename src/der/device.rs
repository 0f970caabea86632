//! A device as the rest of the house sees it: a place in the registry, and a state.

use std::fmt;

/// A device's place in the registry of this run. Never shown, never stored: the mRID is for that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DeviceIndex(u32);

impl DeviceIndex {
    /// The device at this place. A gateway has far fewer than 2^32 devices; beyond that the last place is meant.
    #[must_use]
    pub fn new(place: usize) -> Self {
        Self(u32::try_from(place).unwrap_or(u32::MAX))
    }

    /// The place, for dense tables.
    #[must_use]
    pub const fn get(self) -> usize {
        self.0 as usize
    }
}

impl fmt::Display for DeviceIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

/// How the gateway and a device stand to each other (SunSpec reference section 9).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum DeviceState {
    /// Not tried yet.
    #[default]
    Unknown,
    /// Connecting, or finding out what it is.
    Discovering,
    /// Answers as it should.
    Online,
    /// Answers, but not everything it should.
    Degraded,
    /// Silent, as PV inverters are at night.
    Asleep,
    /// Does not answer.
    CommLost,
    /// Another device answers in its place; it is read, not written.
    IdentityChanged,
}

impl DeviceState {
    /// The word in documents and logs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Discovering => "discovering",
            Self::Online => "online",
            Self::Degraded => "degraded",
            Self::Asleep => "asleep",
            Self::CommLost => "comm_lost",
            Self::IdentityChanged => "identity_changed",
        }
    }

    /// True if a command sent now can be expected to arrive.
    #[must_use]
    pub const fn takes_commands(self) -> bool {
        matches!(self, Self::Online | Self::Degraded)
    }
}
