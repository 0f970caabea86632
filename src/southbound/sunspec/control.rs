//! What is written to carry out a command, and what must be read back: frames as plain values.
//!
//! Pure: it decides, `execute` sends. Settings go first and enable goes last; the reversion time is always written
//! where there is one; nothing is written to a point that the device does not implement. Curves take more than writes
//! and read-backs: they are a [`Script`]. (SunSpec reference 8.1-8.6.)

mod curves;
mod draft;
mod plans;
mod reactive;
mod script;
mod settings;

pub use curves::editable;
pub use plans::forbid_grid_charge;
pub use script::{Adoption, Other, Script, Step, other_counting};
pub use settings::{offers_enter_service, offers_ramps};

use super::abilities::Routes;
use super::block::{Block, Blocks, Sample};
use super::value::{Value, decode, scaled};
use crate::der::{Setpoint, Watts};
use crate::device_map::registers::CommandName;
use crate::device_map::{CurveRequest, PointType, SunspecOptions};
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
    /// It holds a point or group of several registers, so that it cannot go one register at a time.
    pub whole: bool,
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

    /// True if the last answer of its model shows what it asks for.
    #[must_use]
    pub fn stands_in(&self, block: &Block) -> bool {
        self.read_in(block) == Some(self.registers.as_slice())
    }

    /// What the last answer of its model has in its place.
    #[must_use]
    pub fn read_in<'b>(&self, block: &'b Block) -> Option<&'b [u16]> {
        let from = usize::from(self.address.checked_sub(block.at.address)?);
        block.registers.get(from..from + self.registers.len())
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
    /// We enabled a reactive power.
    pub var: bool,
    /// We enabled a power factor.
    pub pf: bool,
}

impl Ours {
    /// What is ours in either.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        Self {
            limit: self.limit || other.limit,
            set: self.set || other.set,
            grid_charge: self.grid_charge || other.grid_charge,
            var: self.var || other.var,
            pf: self.pf || other.pf,
        }
    }
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
    /// Its writes act each time they come (a reset): not repeated when an answer is missing.
    pub once: bool,
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
    /// What the device map says about writing.
    pub options: &'a SunspecOptions,
    /// How the device counts curve sets, as the map says or as it has shown.
    pub counting: CurveRequest,
    /// The device has shown that it does not know FC 16.
    pub single_only: bool,
}

impl Ask<'_> {
    /// True if a model's registers do not show what was written.
    #[must_use]
    pub fn is_shadow(&self, model: u16) -> bool {
        self.options.shadow_models.contains(&model)
    }
}

/// The models that a plan for this set point looks at, to be read first.
#[must_use]
pub fn models_of(setpoint: &Setpoint, routes: Routes, ours: Ours) -> Vec<u16> {
    let routed: [Option<u16>; 2] = match setpoint {
        Setpoint::LimitActivePower(_) => [routes.limit, routes.set.filter(|_| ours.set)],
        Setpoint::SetActivePower(_) => [routes.set, routes.limit.filter(|_| ours.limit)],
        Setpoint::ReleaseActivePower => [routes.limit, routes.set],
        Setpoint::Connect | Setpoint::Disconnect => [routes.connect, None],
        Setpoint::SetReactivePower(_) | Setpoint::SetPowerFactor(_) | Setpoint::ReleaseReactivePower => {
            [routes.var, routes.pf]
        }
        Setpoint::SetRampRates(_) => return settings::RAMP_MODELS.to_vec(),
        Setpoint::SetEnterService(_) => return vec![703],
        Setpoint::ResetAlarms => return vec![715, 802],
        Setpoint::SetCurve(curve) => return curves::models_of(curve.kind).to_vec(),
        Setpoint::ReleaseCurve(kind) => return curves::models_of(*kind).to_vec(),
    };
    let mut models: Vec<u16> = routed.into_iter().flatten().collect();
    models.dedup();
    models
}

/// True if percentages or bounds of a set point come from the device's ratings.
#[must_use]
pub const fn needs_bases(setpoint: &Setpoint) -> bool {
    matches!(
        setpoint,
        Setpoint::LimitActivePower(_)
            | Setpoint::SetActivePower(_)
            | Setpoint::SetReactivePower(_)
            | Setpoint::SetRampRates(_)
    )
}

/// Why the device map takes a command away; a release is never taken away.
#[must_use]
pub fn disabled<'a>(setpoint: &Setpoint, options: &'a SunspecOptions) -> Option<&'a str> {
    let name = match setpoint {
        Setpoint::LimitActivePower(_) => CommandName::LimitActivePower,
        Setpoint::SetActivePower(_) => CommandName::SetActivePower,
        Setpoint::Connect => CommandName::Connect,
        Setpoint::Disconnect => CommandName::Disconnect,
        Setpoint::SetReactivePower(_) => CommandName::SetReactivePower,
        Setpoint::SetPowerFactor(_) => CommandName::SetPowerFactor,
        Setpoint::SetRampRates(_) => CommandName::SetRampRates,
        Setpoint::SetCurve(_) => CommandName::SetCurve,
        Setpoint::SetEnterService(_) => CommandName::SetEnterService,
        Setpoint::ResetAlarms => CommandName::ResetAlarms,
        Setpoint::ReleaseActivePower | Setpoint::ReleaseReactivePower | Setpoint::ReleaseCurve(_) => {
            return None;
        }
    };
    options.disabled.iter().find(|(command, _)| *command == name).map(|(_, why)| why.as_str())
}

/// The model and point that say whether the device is in local mode.
pub const INTERLOCKS: [(u16, &str); 2] = [(715, "LocRemCtl"), (802, "LocRemCtl")];

/// True if the device is in local mode.
#[must_use]
pub fn local(id: u16, sample: &Sample<'_>) -> bool {
    // 715: REMOTE 0, LOCAL 1. 802: the same.
    INTERLOCKS.iter().any(|(model, path)| *model == id && sample.integer(path) == Some(1))
}

/// Decides what is done for a command.
///
/// # Errors
/// Why the device cannot be asked for it, in words for an operator.
pub fn script(ask: &Ask<'_>) -> Result<Script, String> {
    match ask.setpoint {
        Setpoint::SetCurve(curve) => curves::set(ask, curve),
        Setpoint::ReleaseCurve(kind) => curves::release(ask, *kind).map(Script::of),
        _ => plan(ask).map(Script::of),
    }
}

/// Decides what is written for a command that is written and read back, and no more.
///
/// # Errors
/// As [`script`].
pub fn plan(ask: &Ask<'_>) -> Result<Plan, String> {
    match ask.setpoint {
        Setpoint::LimitActivePower(watts) => plans::limit(ask, *watts),
        Setpoint::SetActivePower(watts) => plans::set(ask, *watts),
        Setpoint::ReleaseActivePower => plans::release(ask),
        Setpoint::Connect => plans::connect(ask, true),
        Setpoint::Disconnect => plans::connect(ask, false),
        Setpoint::SetReactivePower(vars) => reactive::set_var(ask, *vars),
        Setpoint::SetPowerFactor(factor) => reactive::set_factor(ask, *factor),
        Setpoint::ReleaseReactivePower => reactive::release(ask),
        Setpoint::SetRampRates(rates) => settings::ramps(ask, rates),
        Setpoint::SetEnterService(wanted) => settings::enter_service(ask, wanted),
        Setpoint::ResetAlarms => settings::reset_alarms(ask),
        other @ (Setpoint::SetCurve(_) | Setpoint::ReleaseCurve(_)) => {
            Err(format!("{other} takes more than one plan"))
        }
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod traces;
