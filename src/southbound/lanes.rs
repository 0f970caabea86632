//! From what the core asks to the command of a map that does it, for all drivers whose maps have commands; and which of
//! them exclude each other.
//!
//! Pure, and of no protocol.

use crate::der::{Excitation, Setpoint};
use crate::device_map::registers::CommandName;

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Wish {
    /// Carry out a command, with its value in SI.
    Do(CommandName, Option<f64>),
    /// Undo a command, whether or not it is known to be held.
    Undo(CommandName),
    /// Undo those of these that are held.
    Release(&'static [CommandName]),
}

/// Commands of one lane exclude each other.
pub const LANES: [&[CommandName]; 3] = [
    &[CommandName::SetActivePower, CommandName::LimitActivePower],
    &[CommandName::SetReactivePower, CommandName::SetPowerFactor],
    &[CommandName::Disconnect, CommandName::Connect],
];

/// The other commands of a lane.
pub fn rivals(name: CommandName) -> impl Iterator<Item = CommandName> {
    let lane = LANES.into_iter().find(|lane| lane.contains(&name)).unwrap_or_default();
    lane.iter().copied().filter(move |other| *other != name)
}

/// Which command a setpoint means; `None` if the map offers none for it, and for curves, which are no commands. `undone`
/// tells of which commands the map says how to undo them.
#[must_use]
pub fn wish(
    setpoint: &Setpoint,
    offered: impl Fn(CommandName) -> bool,
    undone: impl Fn(CommandName) -> bool,
) -> Option<Wish> {
    let value = |name: CommandName, value: Option<f64>| offered(name).then_some(Wish::Do(name, value));
    match setpoint {
        Setpoint::LimitActivePower(watts) => value(CommandName::LimitActivePower, Some(watts.get())),
        Setpoint::SetActivePower(watts) => value(CommandName::SetActivePower, Some(watts.get())),
        Setpoint::SetReactivePower(vars) => value(CommandName::SetReactivePower, Some(vars.get())),
        Setpoint::SetPowerFactor(factor) => {
            let signed = match factor.excitation {
                Excitation::Over => factor.size,
                Excitation::Under => -factor.size,
            };
            value(CommandName::SetPowerFactor, Some(signed))
        }
        Setpoint::Disconnect => value(CommandName::Disconnect, None),
        Setpoint::Connect => value(CommandName::Connect, None)
            .or_else(|| undone(CommandName::Disconnect).then_some(Wish::Undo(CommandName::Disconnect))),
        Setpoint::ResetAlarms => value(CommandName::ResetAlarms, None),
        Setpoint::SetRampRates(_) => value(CommandName::SetRampRates, None),
        Setpoint::SetEnterService(_) => value(CommandName::SetEnterService, None),
        Setpoint::ReleaseActivePower => Some(Wish::Release(LANES[0])),
        Setpoint::ReleaseReactivePower => Some(Wish::Release(LANES[1])),
        Setpoint::SetCurve(_) | Setpoint::ReleaseCurve(_) => None,
    }
}

/// A number without the digits that binary arithmetic adds.
pub struct Tidy(pub f64);

impl std::fmt::Display for Tidy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let rounded = (self.0 * 1000.0).round() / 1000.0;
        // Never "-0".
        write!(f, "{}", if rounded == 0.0 { 0.0 } else { rounded })
    }
}
