//! What goes down to one device, and the one outcome that comes back.

use super::{Control, Curve, CurveKind, EnterService, PowerFactor, RampRates, Vars, Watts};
use std::fmt;
use std::sync::Arc;

/// What a device is asked to do. Latest wins within a [`Setpoint::lane`].
#[derive(Clone, Debug, PartialEq)]
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
    /// Inject this reactive power, or absorb if negative.
    SetReactivePower(Vars),
    /// Hold this power factor.
    SetPowerFactor(PowerFactor),
    /// Give reactive power back to the device's own control.
    ReleaseReactivePower,
    /// Change power no faster than this. A setting: it stays until it is set again.
    SetRampRates(RampRates),
    /// Take over a curve and follow it.
    SetCurve(Arc<Curve>),
    /// Follow the curve of a function no more.
    ReleaseCurve(CurveKind),
    /// When and how to return to service. A setting: it stays until it is set again.
    SetEnterService(EnterService),
    /// Reset latched alarms, once.
    ResetAlarms,
}

/// Setpoints in one lane replace each other; setpoints in different lanes do not. The lowest lane is served first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Lane {
    /// Connect and disconnect.
    Connection,
    /// Limit and set point of active power, and their release.
    ActivePower,
    /// Reactive power and power factor, and their release.
    ReactivePower,
    /// Ramp rates.
    Ramp,
    /// Enter service.
    EnterService,
    /// Alarm reset.
    Alarms,
    /// Each function its own.
    Curve(CurveKind),
}

impl Setpoint {
    /// The lane it is in.
    #[must_use]
    pub fn lane(&self) -> Lane {
        match self {
            Self::Connect | Self::Disconnect => Lane::Connection,
            Self::LimitActivePower(_) | Self::SetActivePower(_) | Self::ReleaseActivePower => {
                Lane::ActivePower
            }
            Self::SetReactivePower(_) | Self::SetPowerFactor(_) | Self::ReleaseReactivePower => {
                Lane::ReactivePower
            }
            Self::SetRampRates(_) => Lane::Ramp,
            Self::SetEnterService(_) => Lane::EnterService,
            Self::ResetAlarms => Lane::Alarms,
            Self::SetCurve(curve) => Lane::Curve(curve.kind),
            Self::ReleaseCurve(kind) => Lane::Curve(*kind),
        }
    }

    /// The control a device must offer for it. A release needs none.
    #[must_use]
    pub const fn control(&self) -> Option<Control> {
        match self {
            Self::LimitActivePower(_) => Some(Control::LimitActivePower),
            Self::SetActivePower(_) => Some(Control::SetActivePower),
            Self::ReleaseActivePower | Self::ReleaseReactivePower | Self::ReleaseCurve(_) => None,
            Self::Connect | Self::Disconnect => Some(Control::Connect),
            Self::SetReactivePower(_) => Some(Control::SetReactivePower),
            Self::SetPowerFactor(_) => Some(Control::SetPowerFactor),
            Self::SetRampRates(_) => Some(Control::SetRampRates),
            Self::SetCurve(_) => Some(Control::SetCurve),
            Self::SetEnterService(_) => Some(Control::SetEnterService),
            Self::ResetAlarms => Some(Control::ResetAlarms),
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
            Self::SetReactivePower(q) => write!(f, "set reactive power to {q:.0}"),
            Self::SetPowerFactor(pf) => write!(f, "set power factor to {pf}"),
            Self::ReleaseReactivePower => f.write_str("release reactive power"),
            Self::SetRampRates(_) => f.write_str("set ramp rates"),
            Self::SetCurve(curve) => write!(f, "set curve {}", curve.kind.name()),
            Self::ReleaseCurve(kind) => write!(f, "release curve {}", kind.name()),
            Self::SetEnterService(_) => f.write_str("set enter service"),
            Self::ResetAlarms => f.write_str("reset alarms"),
        }
    }
}

/// What the device holds after a command, as read back from it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ReadBack {
    /// The active power asked for, as the device's resolution made it. `None` for all other commands.
    pub active_power: Option<Watts>,
    /// True if the device falls back by itself when the gateway stops refreshing (a reversion timer was accepted).
    pub bounded: bool,
    /// False if the device gave nothing to read back, so that "accepted" is all that is known.
    pub verified: bool,
    /// Why it is not verified, in words, if there is more to say than that there was nothing to read back.
    pub doubt: Option<&'static str>,
}

impl ReadBack {
    /// Why it is not verified, in words for an operator; `None` if it is.
    #[must_use]
    pub fn unverified(&self) -> Option<&'static str> {
        (!self.verified).then(|| self.doubt.unwrap_or("the device gives nothing to read back"))
    }
}

/// The end of a command. Every command has exactly one.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// Written, and read back as written; or, if [`ReadBack::verified`] is false, written and taken without a proof.
    Applied(ReadBack),
    /// The device or the driver said no; why, in words for an operator.
    Refused(String),
    /// The device took the write and holds another value; which, in words for an operator.
    NotKept(String),
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
            Self::Applied(held) if held.verified => "applied",
            Self::Applied(_) => "accepted, not verified",
            Self::Refused(_) => "refused",
            Self::NotKept(_) => "not kept",
            Self::TimedOut => "timed out",
            Self::Unreachable => "unreachable",
            Self::Expired => "expired",
            Self::Superseded => "superseded",
        }
    }

    /// The same with the reason, if there is one, in words.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::Refused(why) | Self::NotKept(why) => format!("{}: {why}", self.name()),
            other => other.name().to_owned(),
        }
    }
}

/// What the measurements showed after a command was applied; told later than its outcome, and again when it changes while the
/// command is held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The measurements follow.
    Effective,
    /// They do not; what was expected and what is measured, in words for an operator.
    NoEffect(String),
}

impl Effect {
    /// The word in documents and logs.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Effective => "effective",
            Self::NoEffect(_) => "no effect",
        }
    }
}
