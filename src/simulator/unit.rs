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

use super::body::{Body, DEFAULT_RESERVE, Terms};
use super::faults::Behaviour;
use super::orders::Control;
use super::registers::{Bind, Cell, CellScale, Form, Role, Setting, decode, encode};
use super::settings::{DeviceSettings, Kind};
use curves::Adoption;
use disguise::View;
use std::collections::VecDeque;
use std::sync::Arc;
use tokio::time::Instant;

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
    body: Body,
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
        let mut unit = Self {
            registers: form.blank.clone(),
            view: View::new(&form, &Behaviour::default(), settings.base, false),
            form,
            body: Body::new(&settings, now),
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
        unit.body.dark = unit.settings.kind == Kind::Registers;
        let terms = unit.terms();
        unit.body.settle(&terms);
        unit
    }

    /// Works through the time up to `now`.
    pub fn advance(&mut self, now: Instant) {
        let mut stretch = self.body.stretch(now);
        loop {
            let adoption = self.adoptions.iter().map(|a| a.left_s).reduce(f64::min);
            let Some(seconds) = stretch.step([self.body.next_change_s(), adoption]) else { return };
            self.step(seconds);
        }
    }

    fn step(&mut self, seconds: f64) {
        let ended = self.body.step(&self.terms(), seconds);
        self.adopt(seconds);
        for control in ended {
            self.revert(control);
        }
    }

    /// Its body.
    #[must_use]
    pub fn body(&self) -> &Body {
        &self.body
    }

    /// Lets the sun shine with this part of what gives the rated power.
    pub fn set_irradiance(&mut self, irradiance: f64) {
        self.body.set_irradiance(irradiance);
        self.step(0.0);
    }

    /// Sets the state of charge, percent.
    pub fn set_soc(&mut self, percent: f64) {
        self.body.set_soc(percent);
        self.step(0.0);
    }

    /// The last writes, oldest first.
    #[must_use]
    pub fn writes(&self) -> Vec<Write> {
        self.writes.iter().cloned().collect()
    }

    /// The configured maximum, base of percentages.
    fn max_power(&self) -> f64 {
        self.setting(Setting::MaxPower).unwrap_or(self.body.ratings.power_w).min(self.body.ratings.power_w)
    }

    /// The configured maximum of charging.
    fn max_charge(&self) -> f64 {
        self.setting(Setting::MaxCharge).unwrap_or(self.body.ratings.power_w).min(self.body.ratings.power_w)
    }

    fn reserve(&self) -> f64 {
        self.setting(Setting::Reserve).unwrap_or(DEFAULT_RESERVE)
    }

    /// What its registers set.
    fn terms(&self) -> Terms {
        let delay = self.settings.return_delay.as_secs_f64();
        Terms {
            max_power_w: self.max_power(),
            max_charge_w: self.max_charge(),
            reserve: self.reserve(),
            return_delay_s: self.setting(Setting::ReturnDelay).unwrap_or(delay),
            return_ramp_s: self.setting(Setting::ReturnRamp),
            may_charge: self.setting(Setting::GridCharging) != Some(0.0),
            two_factors: self.form.role(Control::FactorAbsorbing, Role::Enable).is_some(),
            set_point_ramp_s: 0.0,
        }
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

#[cfg(test)]
mod tests;
