//! One outstation without its protocol: its body, what its outputs hold, and what it remembers of its commands.
//!
//! Nothing runs while nobody asks, as in `super::super::unit`: every entry point comes after [`Station::advance`]. It knows points by
//! type and index, and nothing of frames, flags or events.

mod commands;
mod curves;
mod values;

pub use commands::{Action, Received};
pub use values::is_measured;

use super::profile::{self, MODES};
use crate::simulator::body::{Body, DEFAULT_RESERVE, Terms};
use crate::simulator::faults::{Behaviour, Fault};
use crate::simulator::orders::{Control, Slot};
use crate::simulator::settings::DeviceSettings;
use curves::Curves;
use std::collections::{BTreeMap, VecDeque};
use tokio::time::Instant;

/// One simulated outstation.
#[derive(Debug)]
pub struct Station {
    settings: DeviceSettings,
    /// Where its power comes from and goes to.
    pub body: Body,
    /// What its analog outputs hold, raw.
    outputs: Vec<i32>,
    /// What its binary outputs hold, modes apart.
    switches: Vec<bool>,
    curves: Curves,
    /// Modes that are on and change no power here.
    kept: BTreeMap<u16, Slot<()>>,
    behaviour: Behaviour,
    received: VecDeque<Received>,
}

impl Station {
    /// An outstation that has been running for a while.
    #[must_use]
    pub fn new(settings: DeviceSettings, now: Instant) -> Self {
        let mut station = Self {
            body: Body::new(&settings, now),
            outputs: Vec::new(),
            switches: Vec::new(),
            curves: Curves::default(),
            kept: BTreeMap::new(),
            behaviour: Behaviour::default(),
            received: VecDeque::new(),
            settings,
        };
        station.forget();
        let terms = station.terms();
        station.body.settle(&terms);
        station
    }

    /// As after a restart: settings as delivered, no mode on.
    pub fn forget(&mut self) {
        self.outputs = (0..profile::OUTPUTS).map(delivered).collect();
        // Permission to start, and storage counted in watt-hours.
        self.switches = (0..profile::SWITCHES).map(|at| matches!(at, 3 | 8)).collect();
        self.curves = Curves::default();
        self.kept.clear();
        self.body.orders = Default::default();
        let delay = self.settings.return_delay.as_secs();
        self.put(10, i32::try_from(delay).unwrap_or(i32::MAX));
    }

    /// Works through the time up to `now`.
    pub fn advance(&mut self, now: Instant) {
        let mut stretch = self.body.stretch(now);
        loop {
            let kept = self.kept.values().filter_map(Slot::next_change_s).reduce(f64::min);
            let Some(seconds) = stretch.step([self.body.next_change_s(), kept]) else { return };
            self.step(seconds);
        }
    }

    /// Lets a step pass. A mode whose time ran out is off, and needs no more than that.
    fn step(&mut self, seconds: f64) {
        let terms = self.terms();
        let ended = self.body.step(&terms, seconds);
        if ended.contains(&Control::Connect) {
            self.set_switch(5, true);
        }
        if ended.contains(&Control::Cease) {
            self.set_switch(2, false);
        }
        self.kept.retain(|_, slot| !slot.pass(seconds));
    }

    /// Seconds until something ends or begins by itself.
    #[must_use]
    pub fn lasts_s(&self) -> Option<f64> {
        let kept = self.kept.values().filter_map(Slot::next_change_s).reduce(f64::min);
        [self.body.lasts_s(), kept].into_iter().flatten().reduce(f64::min)
    }

    /// Misbehaves like this from now on.
    pub fn set_behaviour(&mut self, behaviour: Behaviour) {
        self.body.dark = behaviour.has(&Fault::Night);
        self.body.heedless = behaviour.has(&Fault::IgnoresLimit);
        self.behaviour = behaviour;
        self.step(0.0);
    }

    /// Its faults.
    #[must_use]
    pub fn behaviour(&self) -> &Behaviour {
        &self.behaviour
    }

    /// Lets the sun shine, 0 to 1.
    pub fn set_irradiance(&mut self, irradiance: f64) {
        self.body.set_irradiance(irradiance);
        self.step(0.0);
    }

    /// Charges or empties the battery at a stroke, percent.
    pub fn set_soc(&mut self, percent: f64) {
        self.body.set_soc(percent);
        self.step(0.0);
    }

    /// Its serial number: its name, unless that is its fault.
    #[must_use]
    pub fn serial(&self) -> String {
        let other = |f: &Fault| if let Fault::SerialChange(serial) = f { Some(serial.clone()) } else { None };
        self.behaviour.find(other).unwrap_or_else(|| self.settings.name.clone())
    }

    /// What it is, in words.
    #[must_use]
    pub fn model(&self) -> String {
        format!("simulated {}", self.settings.kind)
    }

    /// True with a battery.
    #[must_use]
    pub fn stores(&self) -> bool {
        self.body.ratings.battery.is_some()
    }

    /// True while a mode is on, or waits for its moment in its window.
    #[must_use]
    pub fn is_on(&self, enable: u16) -> bool {
        let orders = &self.body.orders;
        match enable {
            profile::LIMIT => orders.limit.held(),
            profile::CHARGE => orders.set_point.held(),
            profile::VARS => orders.vars.held(),
            profile::FACTOR => orders.factor.held(),
            other => self.kept.contains_key(&other),
        }
    }

    /// True if a client holds anything: the device does not do what it would do left alone.
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.body.orders.held() || !self.kept.is_empty()
    }

    /// The raw value of an analog output.
    #[must_use]
    pub fn output(&self, index: u16) -> i32 {
        if profile::WINDOW.contains(&index) {
            return self.curves.shown(index);
        }
        self.outputs.get(usize::from(index)).copied().unwrap_or_default()
    }

    /// A number of an analog output.
    fn number(&self, index: u16) -> f64 {
        f64::from(self.output(index))
    }

    fn put(&mut self, index: u16, raw: i32) {
        if let Some(place) = self.outputs.get_mut(usize::from(index)) {
            *place = raw;
        }
    }

    /// What a binary output shows.
    #[must_use]
    pub fn switch(&self, index: u16) -> bool {
        match index {
            5 => self.body.orders.connect.active() != Some(false),
            _ if profile::mode(index).is_some() => self.is_on(index),
            _ => self.switches.get(usize::from(index)).copied().unwrap_or_default(),
        }
    }

    fn set_switch(&mut self, index: u16, on: bool) {
        if let Some(place) = self.switches.get_mut(usize::from(index)) {
            *place = on;
        }
    }

    /// True if a mode that it has names the curve that the window shows.
    fn curve_is_named(&self) -> bool {
        let shown = self.output(*profile::WINDOW.start());
        let named = |at: u16| shown == self.output(at);
        MODES.iter().flat_map(|mode| mode.curves).any(|(at, _)| named(*at))
    }

    /// Charge that is kept, percent.
    fn reserve(&self) -> f64 {
        let asked = if self.is_on(profile::CHARGE) { self.number(100) / 10.0 } else { 0.0 };
        if asked > 0.0 { asked } else { DEFAULT_RESERVE }
    }

    fn terms(&self) -> Terms {
        let power = self.body.ratings.power_w;
        Terms {
            max_power_w: power,
            max_charge_w: power,
            reserve: self.reserve(),
            return_delay_s: self.number(10),
            return_ramp_s: Some(self.number(12)),
            may_charge: true,
            two_factors: true,
            set_point_ramp_s: self.number(91),
        }
    }
}

/// What an analog output holds when the device is delivered.
fn delivered(index: u16) -> i32 {
    match index {
        0 => 3_984,
        2 => 50_000,
        4 => 1,
        5 => 3,
        6 => 11_000,
        7 => 8_800,
        8 => 50_200,
        9 => 49_500,
        210 | 211 => 100,
        _ => 0,
    }
}

#[cfg(test)]
mod tests;
