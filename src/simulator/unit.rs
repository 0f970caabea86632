//! One simulated device: its registers, its orders and its physics, moved along whenever somebody looks.
//!
//! Nothing runs while nobody asks: every entry point says what time it is, and the time since the last look is worked
//! through in few steps, because ramps and holds are exact over any length. It opens no socket and reads no clock.

mod allow;
mod bank;
mod curves;
mod disguise;
mod obey;
mod values;

pub use values::Value;

use super::faults::{Behaviour, Fault};
use super::orders::Orders;
use super::physics::{self, Battery, Conditions, Connection, Ratings, Reactive, State};
use super::registers::{Bind, Cell, CellScale, Form, Setting, decode, encode};
use super::settings::{DeviceSettings, Kind};
use curves::Adoption;
use disguise::View;
use std::collections::VecDeque;
use std::f64::consts::TAU;
use std::sync::Arc;
use tokio::time::Instant;

/// Most steps in which a stretch of time is worked through.
const MAX_STEPS: f64 = 2000.0;
/// Period of the slow swing of the sun, s.
const SWING_S: f64 = 600.0;
/// Charge kept if no register says how much, percent.
const DEFAULT_RESERVE: f64 = 5.0;
/// Part of the energy that survives one direction through the battery.
const EFFICIENCY: f64 = 0.96;

/// A write that a client sent, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Write {
    /// When.
    pub at: Instant,
    /// Function code, 6 or 16.
    pub function: u8,
    /// First register.
    pub address: u16,
    /// What was to be written.
    pub registers: Vec<u16>,
    /// The exception it was refused with.
    pub refused: Option<u8>,
}

/// One simulated device.
#[derive(Debug)]
pub struct Unit {
    settings: DeviceSettings,
    form: Arc<Form>,
    registers: Vec<u16>,
    ratings: Ratings,
    state: State,
    orders: Orders,
    /// Ramps upward and downward, percent per second.
    ramps: (f64, f64),
    irradiance: f64,
    /// Where in the slow swing it starts, 0 to 1: neighbours under one sky are not in step.
    phase: f64,
    at: Instant,
    /// Seconds since it was built.
    age_s: f64,
    /// Seconds from 2000-01-01 UTC to its building.
    built_s: f64,
    adoptions: Vec<Adoption>,
    behaviour: Behaviour,
    /// When it began to behave so, s after its building.
    behaving_since_s: f64,
    /// What clients see of its registers.
    view: View,
    /// Its layout has moved.
    moved: bool,
    /// Its active power has the next power of ten.
    coarse: bool,
    writes: VecDeque<Write>,
}

impl Unit {
    /// Builds a device that has been running for a while. `built_s` are the seconds since 2000-01-01 UTC.
    #[must_use]
    pub fn new(settings: DeviceSettings, form: Arc<Form>, now: Instant, built_s: f64) -> Self {
        let ratings = ratings(&settings);
        let (power, soc) = (ratings.power_w, settings.soc.get().clamp(0.0, 100.0));
        let hash = settings.name.bytes().fold(7_u32, |h, b| h.wrapping_mul(31).wrapping_add(u32::from(b)));
        let mut unit = Self {
            registers: form.blank.clone(),
            view: View::new(&form, &Behaviour::default(), settings.base, false),
            form,
            ratings,
            // A year of good days lies behind it.
            state: State::at_rest(soc, (power * 1200.0).round()),
            orders: Orders::default(),
            ramps: (settings.ramp_percent_per_s, settings.ramp_percent_per_s),
            irradiance: settings.irradiance,
            phase: f64::from(hash % 1000) / 1000.0,
            at: now,
            age_s: 0.0,
            built_s,
            adoptions: Vec::new(),
            behaviour: Behaviour::default(),
            behaving_since_s: 0.0,
            moved: false,
            coarse: false,
            writes: VecDeque::new(),
            settings,
        };
        unit.fill();
        unit.state.power_w = physics::settled(&unit.ratings, &unit.conditions(), &unit.state);
        unit
    }

    /// Works through the time up to `now`.
    pub fn advance(&mut self, now: Instant) {
        let mut left = now.saturating_duration_since(self.at).as_secs_f64();
        self.at = self.at.max(now);
        let least = left / MAX_STEPS;
        while left > 0.0 {
            let swing = (self.settings.variation > 0.0).then_some(1.0);
            let adoption = self.adoptions.iter().map(|a| a.left_s).reduce(f64::min);
            let seconds = [self.orders.next_change_s(), self.state.next_change_s(), adoption, swing]
                .into_iter()
                .flatten()
                .fold(left, f64::min)
                .max(least)
                .min(left);
            self.step(seconds);
            left -= seconds;
        }
    }

    fn step(&mut self, seconds: f64) {
        self.state = physics::step(&self.ratings, &self.conditions(), self.state, seconds);
        self.age_s += seconds;
        self.adopt(seconds);
        for control in self.orders.pass(seconds) {
            self.revert(control);
        }
    }

    /// The true state.
    #[must_use]
    pub fn state(&self) -> &State {
        &self.state
    }

    /// What clients hold.
    #[must_use]
    pub fn orders(&self) -> &Orders {
        &self.orders
    }

    /// The sun as set, 0 to 1.
    #[must_use]
    pub fn irradiance(&self) -> f64 {
        self.irradiance
    }

    /// Lets the sun shine with this part of what gives the rated power.
    pub fn set_irradiance(&mut self, irradiance: f64) {
        self.irradiance = if irradiance.is_finite() { irradiance.clamp(0.0, 1.0) } else { 0.0 };
        self.step(0.0);
    }

    /// Sets the state of charge, percent.
    pub fn set_soc(&mut self, percent: f64) {
        if percent.is_finite() {
            self.state.soc = percent.clamp(0.0, 100.0);
        }
        self.step(0.0);
    }

    /// The last writes, oldest first.
    #[must_use]
    pub fn writes(&self) -> Vec<Write> {
        self.writes.iter().cloned().collect()
    }

    /// Power that the source gives now.
    fn available_w(&self) -> f64 {
        if self.ratings.battery.is_some() {
            return self.ratings.power_w;
        }
        if self.behaviour.has(&Fault::Night) || self.settings.kind == Kind::Registers {
            return 0.0;
        }
        let swing = (TAU * (self.age_s / SWING_S + self.phase)).sin();
        let sun = (self.irradiance * (1.0 + self.settings.variation * swing)).clamp(0.0, 1.0);
        self.ratings.power_w * sun
    }

    /// The configured maximum, base of percentages.
    fn max_power(&self) -> f64 {
        self.setting(Setting::MaxPower).unwrap_or(self.ratings.power_w).min(self.ratings.power_w)
    }

    /// The configured maximum of charging.
    fn max_charge(&self) -> f64 {
        self.setting(Setting::MaxCharge).unwrap_or(self.ratings.power_w).min(self.ratings.power_w)
    }

    fn reserve(&self) -> f64 {
        self.setting(Setting::Reserve).unwrap_or(DEFAULT_RESERVE)
    }

    fn conditions(&self) -> Conditions {
        let max = self.max_power();
        let available = self.available_w();
        let target = self.target(max, available);
        let percent = if target < self.state.power_w { self.ramps.1 } else { self.ramps.0 };
        let limit_ramp = self.orders.limit.active().filter(|l| l.ramp_s > 0.0).map(|l| max / l.ramp_s);
        Conditions {
            available_w: available,
            target_w: target,
            ramp_w_per_s: limit_ramp.unwrap_or(max * percent / 100.0),
            permitted: self.orders.connect.active().unwrap_or(true),
            return_delay_s: self
                .setting(Setting::ReturnDelay)
                .unwrap_or(self.settings.return_delay.as_secs_f64()),
            return_ramp_w_per_s: self.setting(Setting::ReturnRamp).filter(|s| *s > 0.0).map(|s| max / s),
            soc_floor: self.reserve(),
            reactive: self.reactive(),
        }
    }

    /// Where the active power goes: what is asked, or what the device does alone, within the limit.
    fn target(&self, max: f64, available: f64) -> f64 {
        let nothing = Orders::default();
        let orders = if self.behaviour.has(&Fault::IgnoresLimit) { &nothing } else { &self.orders };
        let limit = orders.limit.active().map_or(max, |l| (max * l.percent / 100.0).min(max));
        let battery = self.ratings.battery.is_some();
        let wish = match (orders.set_point.active(), orders.window.active()) {
            (Some(super::orders::SetPoint::Watts(watts)), _) => watts,
            (Some(super::orders::SetPoint::Percent(percent)), _) => max * percent / 100.0,
            (None, Some(window)) => {
                let base = self.max_charge() / 100.0;
                let lowest = window.charge.map_or(-self.max_charge(), |p| -p * base);
                let highest = window.discharge.map_or(max, |p| p * base);
                // Bounds that contradict each other: the charging bound wins.
                self.settings.automatic.get().clamp(lowest, highest.max(lowest))
            }
            (None, None) if battery => self.settings.automatic.get(),
            (None, None) => available,
        };
        let lowest = match self.setting(Setting::GridCharging) {
            Some(0.0) => 0.0,
            _ if battery => -self.max_charge(),
            _ => 0.0,
        };
        wish.min(limit).max(lowest)
    }

    fn reactive(&self) -> Reactive {
        let absorbing = self.orders.factor_absorbing.active().filter(|_| self.state.power_w < 0.0);
        let both = self.form.role(super::orders::Control::FactorAbsorbing, super::registers::Role::Enable);
        let factor = self.orders.factor.active().filter(|_| self.state.power_w >= 0.0 || both.is_none());
        absorbing.or(factor).or(self.orders.vars.active()).unwrap_or(Reactive::Vars(0.0))
    }

    /// On the grid, or on the way out of it.
    fn connected(&self) -> bool {
        matches!(self.state.connection, Connection::On | Connection::Leaving)
    }

    /// The number in the register of a setting, if the device has it.
    fn setting(&self, setting: Setting) -> Option<f64> {
        self.number(self.form.cell_of(setting)?)
    }

    fn number(&self, cell: &Cell) -> Option<f64> {
        decode(cell.kind, self.power_of(cell), self.registers.get(cell.offset..cell.offset + cell.size)?)
    }

    fn power_of(&self, cell: &Cell) -> i8 {
        match cell.scale {
            Some(CellScale::Power(power)) => power,
            Some(CellScale::Register(place)) => {
                self.registers.get(place).map_or(0, |r| i8::try_from(r.cast_signed()).unwrap_or(0))
            }
            None => 0,
        }
    }

    fn put(&mut self, cell: &Cell, value: Option<&Value>) {
        let power = self.power_of(cell);
        let Some(out) = self.registers.get_mut(cell.offset..cell.offset + cell.size) else {
            return;
        };
        match value {
            Some(Value::Number(number)) => {
                encode(cell.kind, power, *number, out);
            }
            Some(Value::Steps(steps)) => {
                encode(cell.kind, 0, *steps, out);
            }
            Some(Value::Raw(registers)) => {
                for (register, shown) in out.iter_mut().zip(*registers) {
                    *register = *shown;
                }
            }
            Some(Value::Text(text)) => super::registers::encode_text(text, out),
            None => {
                let sentinel = cell.kind.not_implemented().unwrap_or_default();
                for (register, blank) in out.iter_mut().zip(sentinel.iter().chain(std::iter::repeat(&0))) {
                    *register = *blank;
                }
            }
        }
    }

    /// Writes everything that does not depend on time; scale factors first, for the others need them.
    fn fill(&mut self) {
        let form = self.form.clone();
        for scales in [true, false] {
            for cell in &form.cells {
                let is_scale = cell.kind == crate::device_map::PointType::Sunssf;
                if let (Some(Bind::Once(what) | Bind::Setting(_, what)), true) =
                    (cell.bind, is_scale == scales)
                {
                    let value = self.value(what);
                    self.put(cell, value.as_ref());
                }
            }
        }
    }
}

fn ratings(settings: &DeviceSettings) -> Ratings {
    let power = settings.rated.get().max(1.0);
    Ratings {
        power_w: power,
        apparent_va: power * 1.1,
        reactive_var: (power * 0.48).round(),
        battery: settings
            .kind
            .stores()
            .then(|| Battery { energy_wh: settings.energy.get().max(1.0), efficiency: EFFICIENCY }),
    }
}

#[cfg(test)]
mod tests;
