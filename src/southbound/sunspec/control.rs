//! What is written to carry out a command, and what must be read back: frames as plain values.
//!
//! Pure: it decides, `execute` sends. Settings go first and enable goes last; the reversion time is always written
//! where there is one; nothing is written to a point that the device does not implement. (SunSpec reference 8.1-8.4.)

mod draft;
mod plans;

use super::abilities::Routes;
use super::block::{Blocks, Sample};
use super::value::{Value, decode, scaled};
use crate::der::{Setpoint, Watts};
use crate::device_map::PointType;
use std::time::Duration;

/// One write request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Write {
    /// First register.
    pub address: u16,
    /// What goes there.
    pub registers: Vec<u16>,
    /// The point, for words: `123.WMaxLim_Ena`, or the first and last of several.
    pub name: String,
}

/// What a read-back decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    /// The command did not succeed if it differs.
    Essential,
    /// The device will not fall back by itself as asked if it differs.
    Reversion,
}

/// One point to be read back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// The model, whose shadow registers may prove nothing.
    pub model: u16,
    /// First register.
    pub address: u16,
    /// What must stand there.
    pub registers: Vec<u16>,
    /// What follows if it does not.
    pub weight: Weight,
    /// For words.
    pub name: String,
    kind: PointType,
    sf: i8,
    unit: &'static str,
}

impl Check {
    /// A value of this point in words.
    #[must_use]
    pub fn say(&self, registers: &[u16]) -> String {
        match decode(self.kind, registers) {
            #[expect(clippy::cast_precision_loss, reason = "for words only")]
            Some(Value::Integer(raw)) => {
                let value = scaled(raw as f64, self.sf).unwrap_or(raw as f64);
                let space = if self.unit.is_empty() { "" } else { " " };
                format!("{value}{space}{}", self.unit)
            }
            Some(other) => other.to_string(),
            None => "\"not implemented\"".to_owned(),
        }
    }
}

/// What of the device's state is our doing, so that a later command of the same lane undoes it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ours {
    /// We enabled a limit.
    pub limit: bool,
    /// We enabled a set point.
    pub set: bool,
    /// We allowed charging from the grid.
    pub grid_charge: bool,
}

/// All that a command takes.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// In this order.
    pub writes: Vec<Write>,
    /// Grouped by model.
    pub checks: Vec<Check>,
    /// The active power asked for, as the device's resolution makes it.
    pub active_power: Option<Watts>,
    /// What is our doing afterwards.
    pub ours: Ours,
    /// To be tried if the device refuses this or does not keep it.
    pub otherwise: Option<Box<Plan>>,
    /// What is asked, for the log.
    pub summary: String,
}

/// What a plan is made from.
#[derive(Clone, Copy)]
pub struct Ask<'a> {
    /// What is asked.
    pub setpoint: &'a Setpoint,
    /// How long the device shall hold it by itself.
    pub hold: Duration,
    /// Which model does what.
    pub routes: Routes,
    /// What we did before.
    pub ours: Ours,
    /// The device's answers; the models of the routes read just now.
    pub blocks: &'a Blocks,
    /// Most registers in one write.
    pub max_write: u16,
    /// Models whose registers do not show what was written.
    pub shadows: &'a [u16],
}

/// The models that a plan for this set point looks at, to be read first.
#[must_use]
pub fn models_of(setpoint: &Setpoint, routes: Routes, ours: Ours) -> Vec<u16> {
    let wanted = match setpoint {
        Setpoint::LimitActivePower(_) => [routes.limit, routes.set.filter(|_| ours.set)],
        Setpoint::SetActivePower(_) => [routes.set, routes.limit.filter(|_| ours.limit)],
        Setpoint::ReleaseActivePower => [routes.limit, routes.set],
        Setpoint::Connect | Setpoint::Disconnect => [routes.connect, None],
        _ => [None, None],
    };
    let mut models: Vec<u16> = wanted.into_iter().flatten().collect();
    models.dedup();
    models
}

/// The model and point that say whether the device is in local mode.
pub const INTERLOCKS: [(u16, &str); 2] = [(715, "LocRemCtl"), (802, "LocRemCtl")];

/// True if the device is in local mode.
#[must_use]
pub fn local(id: u16, sample: &Sample<'_>) -> bool {
    // 715: REMOTE 0, LOCAL 1. 802: the same.
    INTERLOCKS.iter().any(|(model, path)| *model == id && sample.integer(path) == Some(1))
}

/// Decides what is written for a command.
///
/// # Errors
/// Why the device cannot be asked for it, in words for an operator.
pub fn plan(ask: &Ask<'_>) -> Result<Plan, String> {
    match ask.setpoint {
        Setpoint::LimitActivePower(watts) => plans::limit(ask, *watts),
        Setpoint::SetActivePower(watts) => plans::set(ask, *watts),
        Setpoint::ReleaseActivePower => plans::release(ask),
        Setpoint::Connect => plans::connect(ask, true),
        Setpoint::Disconnect => plans::connect(ask, false),
        other => Err(format!("the driver cannot {other}")),
    }
}

#[cfg(test)]
mod tests;
