//! A command of the map, worked out: which registers are written, in which order, and what must stand there then.
//!
//! Pure: it gets what the device said and makes registers of it.

use super::ask::{base_name, from_device, to_device};
use super::codec::{Rounding, encode, tolerance};
use crate::device_map::registers::{
    Access, Base, CommandName, InputUnit, Rating, RegisterCommand, RegisterMap, RegisterPoint,
    RegisterQuantity, Step, StepValue,
};
use crate::southbound::lanes::{Tidy, noun};
use std::time::Duration;

/// A device shows what was written within one second, if the map says nothing else.
const WITHIN: Duration = Duration::from_millis(950);

/// One write.
#[derive(Clone, Debug, PartialEq)]
pub struct Write {
    /// The point, by its place in the map.
    pub place: usize,
    /// Its name.
    pub name: String,
    /// First register.
    pub address: u16,
    /// What is written.
    pub registers: Vec<u16>,
    /// What that means.
    pub value: f64,
}

/// What must be read back.
#[derive(Clone, Debug, PartialEq)]
pub struct Check {
    /// The point, by its place in the map.
    pub place: usize,
    /// Its value after scaling.
    pub expected: f64,
    /// By how much it may differ.
    pub tolerance: f64,
    /// The power of ten it is scaled by.
    pub exponent: Option<i32>,
    /// Within this time.
    pub within: Duration,
}

/// A command, ready to be sent.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Draft {
    /// In this order.
    pub writes: Vec<Write>,
    /// What proves that the device took it.
    pub checks: Vec<Check>,
    /// The value as the device's resolution makes it, in SI.
    pub value: Option<f64>,
    /// What is asked, in words for an operator.
    pub words: String,
}

/// What a draft rests on.
pub struct Ground<'a> {
    /// The map.
    pub map: &'a RegisterMap,
    /// The power of ten of each point: 0 without a `scale_from`, `None` if it cannot be used.
    pub exponents: Vec<Option<i32>>,
    /// What the percentage of the command refers to.
    pub base: Option<f64>,
}

impl Ground<'_> {
    fn exponent(&self, place: usize) -> Option<i32> {
        self.exponents.get(place).copied().flatten()
    }

    fn find(&self, name: &str) -> Result<(usize, &RegisterPoint), String> {
        let mut points = self.map.points.iter().enumerate();
        points.find(|(_, point)| point.name == name).ok_or_else(|| format!("the map has no point {name}"))
    }

    fn write(&self, step: &Step, input: Option<f64>, rounding: Rounding) -> Result<Write, String> {
        let Step::Write { point, value } = step else {
            return Err("the map has a step in a command that only a procedure may have".to_owned());
        };
        let (place, point) = self.find(point)?;
        if point.access == Access::Read {
            return Err(format!("{} may not be written", point.name));
        }
        let (value, rounding) = match value {
            StepValue::Constant(value) => (*value, Rounding::Nearest),
            StepValue::Input => {
                (input.ok_or_else(|| format!("{}: there is no value to write", point.name))?, rounding)
            }
        };
        let encoded = encode(point, value, self.exponent(place), rounding)?;
        Ok(Write {
            place,
            name: point.name.clone(),
            address: point.address,
            registers: encoded.words,
            value: encoded.value,
        })
    }

    fn check(&self, place: usize, point: &RegisterPoint, expected: f64, within: Duration) -> Check {
        let exponent = self.exponent(place);
        let tolerance = tolerance(point, expected, exponent);
        Check { place, expected, tolerance, exponent, within }
    }

    /// What was written is read back, where it can be.
    fn own_checks(&self, writes: &[Write]) -> Vec<Check> {
        let last = |place: usize| writes.iter().rfind(|write| write.place == place);
        let mut checks: Vec<Check> = Vec::new();
        for write in writes {
            let Some(point) = self.map.points.get(write.place) else { continue };
            if point.access != Access::ReadWrite || checks.iter().any(|check| check.place == write.place) {
                continue;
            }
            let value = last(write.place).map_or(write.value, |write| write.value);
            checks.push(self.check(write.place, point, value, WITHIN));
        }
        checks
    }

    /// Works out a command for a value in SI.
    ///
    /// # Errors
    /// The value or the map does not allow it, in words.
    pub fn command(&self, command: &RegisterCommand, value: Option<f64>) -> Result<Draft, String> {
        let device = match (&command.input, value) {
            (Some(input), Some(value)) => Some(to_device(command.name, input, value, self.base)?),
            (Some(_), None) => return Err("a value is missing".to_owned()),
            (None, _) => None,
        };
        let writes = self.writes(&command.steps, device, rounding_of(command))?;
        // What the first step that takes the value made of it is what the device will do.
        let taken = command.steps.iter().zip(&writes).find_map(|(step, write)| match step {
            Step::Write { value: StepValue::Input, .. } => Some(write.value),
            _ => None,
        });
        let device = taken.or(device);
        let si = command.input.as_ref().zip(device).and_then(|(input, v)| from_device(input, v, self.base));
        let mut checks = Vec::new();
        for verify in &command.verify {
            let (place, point) = self.find(&verify.point)?;
            let expected = match verify.equals {
                StepValue::Constant(value) => value,
                StepValue::Input => device.ok_or("there is no value to compare with")?,
            };
            checks.push(self.check(place, point, expected, verify.within));
        }
        if checks.is_empty() {
            checks = self.own_checks(&writes);
        }
        Ok(Draft { writes, checks, value: si, words: self.words(command, device, si) })
    }

    /// Works out how a command is undone, leaving alone the points that `kept` names.
    ///
    /// # Errors
    /// The map does not allow it, in words.
    pub fn release(&self, command: &RegisterCommand, kept: &[Write]) -> Result<Draft, String> {
        let mut writes = self.writes(&command.release, None, Rounding::Nearest)?;
        writes.retain(|write| kept.iter().all(|other| other.place != write.place));
        let checks = self.own_checks(&writes);
        Ok(Draft { writes, checks, value: None, words: format!("release of {}", noun(command.name)) })
    }

    fn writes(&self, steps: &[Step], input: Option<f64>, rounding: Rounding) -> Result<Vec<Write>, String> {
        steps.iter().map(|step| self.write(step, input, rounding)).collect()
    }

    fn words(&self, command: &RegisterCommand, device: Option<f64>, si: Option<f64>) -> String {
        let noun = noun(command.name);
        let unit = match command.name {
            CommandName::LimitActivePower | CommandName::SetActivePower => " W",
            CommandName::SetReactivePower => " VAr",
            _ => "",
        };
        let Some(si) = si else { return noun.to_owned() };
        let si = Tidy(si);
        match command.input.as_ref().map(|input| &input.unit).zip(device).zip(self.base) {
            Some(((InputUnit::PercentOf(base), percent), size)) => {
                let (percent, size) = (Tidy(percent), Tidy(size));
                let own = match base {
                    Base::Point(name) => self.map.point(name).and_then(|point| point.quantity),
                    Base::Sunspec(_) => None,
                };
                let apparent = matches!(own, Some((RegisterQuantity::Rating(Rating::ApparentPowerMax), _)));
                let of = if apparent { " VA" } else { unit };
                format!("{noun} {percent} % of {} {size}{of} = {si}{unit}", base_name(base))
            }
            _ => format!("{noun} {si}{unit}"),
        }
    }
}

/// A limit is never above what was asked; a set point is as near to it as the device can.
fn rounding_of(command: &RegisterCommand) -> Rounding {
    let negated = command.input.as_ref().is_some_and(|input| input.negate);
    match command.name {
        CommandName::LimitActivePower if negated => Rounding::Up,
        CommandName::LimitActivePower => Rounding::Down,
        _ => Rounding::Nearest,
    }
}

#[cfg(test)]
mod tests;
