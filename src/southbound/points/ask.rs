//! From what the core asks to the command of the map that does it, and from its value to the device's.
//!
//! Pure.

use crate::der::Setpoint;
use crate::device_map::PointRef;
use crate::device_map::registers::{Base, CommandName, Input, InputUnit, RegisterMap, Step};
use crate::southbound::lanes::{self, Tidy, Wish};
use std::time::Duration;
use tokio::time::Instant;

/// Tells the value of a SunSpec point, in a hybrid map.
pub type SunspecBase<'a> = dyn Fn(&PointRef) -> Option<f64> + Sync + 'a;

/// One command as the points are told of it.
pub struct Ask<'a> {
    /// What is asked.
    pub setpoint: &'a Setpoint,
    /// How long it is held without hearing from the core again.
    pub hold: Duration,
    /// Not to be sent after this.
    pub expires_at: Instant,
    /// Values of SunSpec points; nothing for a map of plain registers.
    pub sunspec: &'a SunspecBase<'a>,
}

/// Which command of the map a setpoint means; `None` if the map has none for it.
#[must_use]
pub fn wish(setpoint: &Setpoint, map: &RegisterMap) -> Option<Wish> {
    // What takes several values at once cannot be said with one.
    let several = |name| matches!(name, CommandName::SetRampRates | CommandName::SetEnterService);
    lanes::wish(
        setpoint,
        |name| !several(name) && map.command(name).is_some(),
        |name| map.command(name).is_some_and(|command| !command.release.is_empty()),
    )
}

/// The points that steps name.
pub fn points_of(steps: &[Step]) -> impl Iterator<Item = &str> {
    steps.iter().filter_map(|step| match step {
        Step::Write { point, .. } | Step::Expect { point, .. } => Some(point.as_str()),
        Step::Wait(_) => None,
    })
}

/// What a base is called in words.
#[must_use]
pub fn base_name(base: &Base) -> String {
    match base {
        Base::Point(name) => name.clone(),
        Base::Sunspec(PointRef { model, path }) => format!("{model}.{path}"),
    }
}

/// The value of a command in the unit of the device.
///
/// # Errors
/// It is outside what the device takes, in words. A limit above that is no limit at all: the largest one is taken.
pub fn to_device(name: CommandName, input: &Input, value: f64, base: Option<f64>) -> Result<f64, String> {
    let size = match &input.unit {
        InputUnit::Scaled(factor) => value * factor,
        InputUnit::PercentOf(of) => match base.filter(|base| base.is_finite() && *base > 0.0) {
            Some(base) => value / base * 100.0,
            None => {
                return Err(format!(
                    "{} is not known, so there is nothing to take percent of",
                    base_name(of)
                ));
            }
        },
    };
    let device = if input.negate { -size } else { size };
    let (least, most) = (input.min, input.max);
    // The last digit of a division is no reason to refuse.
    let slack = 1e-9 * least.abs().max(most.abs());
    if !device.is_finite() || (device >= least - slack && device <= most + slack) {
        return if device.is_finite() {
            Ok(device.clamp(least, most))
        } else {
            Err("not a number".to_owned())
        };
    }
    let beyond = if input.negate { device < least } else { device > most };
    if name == CommandName::LimitActivePower && beyond {
        return Ok(if input.negate { least } else { most });
    }
    let unit = if matches!(input.unit, InputUnit::PercentOf(_)) { " %" } else { "" };
    Err(format!("{}{unit} is outside what the device takes, {least} to {most}{unit}", Tidy(device)))
}

/// The SI value of a device's value: the way back of [`to_device`].
#[must_use]
pub fn from_device(input: &Input, device: f64, base: Option<f64>) -> Option<f64> {
    let size = if input.negate { -device } else { device };
    match input.unit {
        InputUnit::Scaled(factor) => Some(size / factor),
        InputUnit::PercentOf(_) => base.map(|base| size / 100.0 * base),
    }
}

#[cfg(test)]
mod tests;
