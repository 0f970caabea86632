//! From what the core asks to the command of a map that does it, for all drivers whose maps have commands; what a device can
//! be asked for then, which commands exclude each other, and what they are called.
//!
//! Pure, and of no protocol.

use crate::der::{Control, Controls, Excitation, Setpoint, Watts};
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

/// What a device can be asked for that has these commands. `undone`: the map says how to undo a disconnection.
#[must_use]
pub fn controls(has: impl Fn(CommandName) -> bool, undone: bool) -> Controls {
    let connect = has(CommandName::Disconnect) && (has(CommandName::Connect) || undone);
    [
        (has(CommandName::LimitActivePower), Control::LimitActivePower),
        (has(CommandName::SetActivePower), Control::SetActivePower),
        (connect, Control::Connect),
        (has(CommandName::SetReactivePower), Control::SetReactivePower),
        (has(CommandName::SetPowerFactor), Control::SetPowerFactor),
        (has(CommandName::SetRampRates), Control::SetRampRates),
        (has(CommandName::SetEnterService), Control::SetEnterService),
        (has(CommandName::ResetAlarms), Control::ResetAlarms),
    ]
    .into_iter()
    .filter(|(offered, _)| *offered)
    .fold(Controls::NONE, |all, (_, control)| all.with(control))
}

/// The active power that a set point comes to, from its value in SI as the device's resolution makes it; `None` if it is
/// about something else.
#[must_use]
pub fn active_power(setpoint: &Setpoint, value: Option<f64>) -> Option<Watts> {
    let power = matches!(setpoint, Setpoint::LimitActivePower(_) | Setpoint::SetActivePower(_));
    value.filter(|_| power).map(Watts::new)
}

/// A command in words for an operator.
#[must_use]
pub const fn noun(name: CommandName) -> &'static str {
    match name {
        CommandName::LimitActivePower => "limit",
        CommandName::SetActivePower => "set point",
        CommandName::SetReactivePower => "reactive power",
        CommandName::SetPowerFactor => "power factor",
        CommandName::Connect => "connect",
        CommandName::Disconnect => "disconnect",
        CommandName::ResetAlarms => "alarm reset",
        CommandName::SetRampRates => "ramp rates",
        CommandName::SetCurve => "curve",
        CommandName::SetEnterService => "enter service",
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
