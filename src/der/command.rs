//! What goes down to one device, and the one outcome that comes back.

use super::{Control, Watts};
use std::fmt;

/// What a device is asked to do. Latest wins within a [`Setpoint::lane`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Setpoint {
    /// Inject at most this; not negative.
    LimitActivePower(Watts),
    /// Inject this, or absorb if negative.
    SetActivePower(Watts),
    /// Give active power back to the device's own control: no limit, no set point of ours.
    ReleaseActivePower,
    /// Permit service.
    Connect,
    /// Cease to energise.
    Disconnect,
}

impl Setpoint {
    /// How many lanes there are.
    pub const LANES: usize = 2;

    /// Setpoints in one lane replace each other; setpoints in different lanes do not. Lane 0 (connection) is served first.
    #[must_use]
    pub const fn lane(self) -> usize {
        match self {
            Self::Connect | Self::Disconnect => 0,
            Self::LimitActivePower(_) | Self::SetActivePower(_) | Self::ReleaseActivePower => 1,
        }
    }

    /// The control a device must offer for it. A release needs none.
    #[must_use]
    pub const fn control(self) -> Option<Control> {
        match self {
            Self::LimitActivePower(_) => Some(Control::LimitActivePower),
            Self::SetActivePower(_) => Some(Control::SetActivePower),
            Self::ReleaseActivePower => None,
            Self::Connect | Self::Disconnect => Some(Control::Connect),
        }
    }
}

impl fmt::Display for Setpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LimitActivePower(w) => write!(f, "limit active power to {w:.0}"),
            Self::SetActivePower(w) => write!(f, "set active power to {w:.0}"),
            Self::ReleaseActivePower => f.write_str("release active power"),
            Self::Connect => f.write_str("connect"),
            Self::Disconnect => f.write_str("disconnect"),
        }
    }
}

/// What the device holds after a command, as read back from it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ReadBack {
    /// The active power asked for, as the device's resolution made it. `None` for connect, disconnect and release.
    pub active_power: Option<Watts>,
    /// True if the device falls back by itself when the gateway stops refreshing (a reversion timer was accepted).
    pub bounded: bool,
    /// False if the device gave nothing to read back, so that "accepted" is all that is known.
    pub verified: bool,
}

/// The end of a command. Every command has exactly one.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// Written, and read back as written.
    Applied(ReadBack),
    /// The device or the driver said no, or kept another value; why, in words for an operator.
    Refused(String),
    /// Sent, but no answer came in time: what the device holds is not known.
    TimedOut,
    /// Could not be sent: the device is not there.
    Unreachable,
    /// Its time ran out before it could be sent.
    Expired,
    /// A newer command of the same lane took its place before it was sent.
    Superseded,
}

impl Outcome {
    /// The word in documents, logs and metrics.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Applied(_) => "applied",
            Self::Refused(_) => "refused",
            Self::TimedOut => "timed out",
            Self::Unreachable => "unreachable",
            Self::Expired => "expired",
            Self::Superseded => "superseded",
        }
    }
}
