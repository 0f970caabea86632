//! What an outstation does with a command: which status it answers, and what changes.
//!
//! Settings are kept as written and shown; only an enable puts them in force, and a setting of a mode that is on counts at
//! once. Whether a command was selected before is the protocol's matter.

use super::Station;
use crate::simulator::dnp3::profile::{self, Mode};
use crate::simulator::faults::Fault;
use crate::simulator::orders::{Limit, SetPoint, Slot};
use crate::simulator::physics::{Reactive, reactive_room};
use std::fmt;
use tokio::time::Instant;

/// Commands remembered.
const MAX_RECEIVED: usize = 1000;

/// Answers to a command, as DNP3 numbers them.
pub const SUCCESS: u8 = 0;
const NOT_SUPPORTED: u8 = 4;
const LOCAL: u8 = 7;
const OUT_OF_RANGE: u8 = 12;
const BLOCKED: u8 = 15;

/// What a command asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// A value for an analog output, raw.
    Write(i32),
    /// A binary output on or off.
    Latch(bool),
    /// What no point of the profile takes: pulses, trips, floating numbers.
    Other,
}

/// A command that arrived, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// When.
    pub at: Instant,
    /// An analog output rather than a binary one.
    pub analog: bool,
    /// The index of the output.
    pub index: u16,
    /// What was asked.
    pub action: Action,
    /// It had been selected before.
    pub selected: bool,
    /// The status that was answered.
    pub status: u8,
}

impl fmt::Display for Received {
    /// `AO88=500`, `BO17=on`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}=", if self.analog { "AO" } else { "BO" }, self.index)?;
        match self.action {
            Action::Write(raw) => write!(f, "{raw}"),
            Action::Latch(on) => f.write_str(if on { "on" } else { "off" }),
            Action::Other => f.write_str("?"),
        }
    }
}

impl Station {
    /// The status of a command without doing it.
    #[must_use]
    pub fn judge(&self, analog: bool, index: u16, action: Action) -> u8 {
        let every = |f: &Fault| if let Fault::Status(code) = f { Some(*code) } else { None };
        if let Some(status) = self.behaviour.find(every) {
            return status;
        }
        if self.behaviour.has(&Fault::Local) {
            return LOCAL;
        }
        if self.locked_out() && (analog || index != 0) {
            return BLOCKED;
        }
        match action {
            Action::Write(raw) if analog && profile::has_output(index, self.stores()) => {
                self.judge_write(index, raw)
            }
            Action::Latch(on) if !analog && profile::has_switch(index, self.stores()) => {
                self.judge_latch(index, on)
            }
            _ => NOT_SUPPORTED,
        }
    }

    fn judge_write(&self, index: u16, raw: i32) -> u8 {
        let (lowest, highest) = profile::range(index);
        if !(lowest..=highest).contains(&raw) {
            return OUT_OF_RANGE;
        }
        if index == *profile::WINDOW.start() {
            return if self.curves.kind(raw).is_some() { SUCCESS } else { OUT_OF_RANGE };
        }
        let naming = profile::MODES.iter().flat_map(|m| m.curves).find(|(at, _)| *at == index);
        match naming {
            Some((_, kind)) if raw != 0 => match self.curves.kind(raw) {
                Some(there) if there == *kind => SUCCESS,
                Some(_) => NOT_SUPPORTED,
                None => OUT_OF_RANGE,
            },
            _ => SUCCESS,
        }
    }

    fn judge_latch(&self, index: u16, on: bool) -> u8 {
        match (index, on) {
            // Start and stop need their permission.
            (1, true) if !self.switch(3) => BLOCKED,
            (2, true) if !self.switch(4) => BLOCKED,
            (1 | 2, false) => NOT_SUPPORTED,
            _ => SUCCESS,
        }
    }

    /// Locked out by its fault or by a command.
    pub(super) fn locked_out(&self) -> bool {
        self.behaviour.has(&Fault::Lockout) || self.switches.first().copied().unwrap_or_default()
    }

    /// Does what a command asks, if it may; the status.
    pub fn obey(&mut self, analog: bool, index: u16, action: Action, selected: bool) -> u8 {
        let status = self.judge(analog, index, action);
        if status == SUCCESS && !self.behaviour.has(&Fault::NotKept) {
            match action {
                Action::Write(raw) => self.write(index, raw),
                Action::Latch(on) => self.latch(index, on),
                Action::Other => {}
            }
            // A change of the reactive power or the connection shows at once.
            self.step(0.0);
        }
        if self.received.len() >= MAX_RECEIVED {
            self.received.pop_front();
        }
        self.received.push_back(Received { at: self.body.at(), analog, index, action, selected, status });
        status
    }

    /// The last commands, oldest first.
    #[must_use]
    pub fn received(&self) -> Vec<Received> {
        self.received.iter().cloned().collect()
    }

    fn write(&mut self, index: u16, raw: i32) {
        if profile::WINDOW.contains(&index) {
            self.curves.write(index, raw);
            return;
        }
        self.put(index, raw);
        let owner = profile::MODES.iter().find(|m| m.outputs.contains(&index));
        let owner = if index == 5 { profile::mode(profile::VARS) } else { owner };
        if let Some(mode) = owner.filter(|m| self.is_on(m.enable)) {
            self.update(mode);
        }
    }

    fn latch(&mut self, index: u16, on: bool) {
        if let Some(mode) = profile::mode(index) {
            if on {
                self.enable(mode)
            } else {
                self.disable(index)
            }
            return;
        }
        match index {
            1 => {
                self.body.orders.cease.release();
                self.set_switch(2, false);
            }
            2 => self.stop(),
            5 => {
                let wait_s = self.body.wait_s(self.number(16));
                let revert_s = if on { 0.0 } else { self.number(17) };
                self.body.orders.connect.give(on, wait_s, revert_s);
            }
            _ => {}
        }
        self.set_switch(index, on);
        // A quadrant counts at once, as a setting does.
        if let (10 | 11, Some(mode)) = (index, profile::mode(profile::FACTOR))
            && self.is_on(profile::FACTOR)
        {
            self.update(mode);
        }
    }

    /// Ceases to energize: every mode goes off with it.
    fn stop(&mut self) {
        for mode in &profile::MODES {
            self.disable(mode.enable);
        }
        let (wait_s, revert_s) = (self.body.wait_s(self.number(13)), self.number(15));
        self.body.orders.cease.give(true, wait_s, revert_s);
        self.set_switch(1, false);
    }

    fn enable(&mut self, mode: &Mode) {
        let default =
            |f: &Fault| if let Fault::DefaultReversion(time) = f { Some(time.as_secs_f64()) } else { None };
        let (wait_s, own_s) = mode.timing.map_or((0.0, 0.0), |timing| {
            (self.body.wait_s(self.number(timing.window)), self.number(timing.reversion))
        });
        let revert_s = if own_s > 0.0 { own_s } else { self.behaviour.find(default).unwrap_or(0.0) };
        // Power factor and reactive power exclude each other: the later one wins.
        match mode.enable {
            profile::VARS => self.disable(profile::FACTOR),
            profile::FACTOR => self.disable(profile::VARS),
            _ => {}
        }
        self.give(mode, wait_s, revert_s);
    }

    /// Takes over changed settings of a mode that is on; its time goes on running.
    fn update(&mut self, mode: &Mode) {
        let orders = &self.body.orders;
        let (waits, left_s) = match mode.enable {
            profile::LIMIT => (orders.limit.active().is_none(), orders.limit.remaining_s()),
            profile::CHARGE => (orders.set_point.active().is_none(), orders.set_point.remaining_s()),
            profile::VARS => (orders.vars.active().is_none(), orders.vars.remaining_s()),
            profile::FACTOR => (orders.factor.active().is_none(), orders.factor.remaining_s()),
            _ => return,
        };
        let window_s = mode.timing.map_or(0.0, |timing| self.number(timing.window));
        let wait_s = if waits { self.body.wait_s(window_s) } else { 0.0 };
        self.give(mode, wait_s, left_s);
    }

    /// Puts what a mode's settings say in force.
    fn give(&mut self, mode: &Mode, wait_s: f64, revert_s: f64) {
        match mode.enable {
            profile::LIMIT => {
                let limit = Limit {
                    percent: self.number(88) / 10.0,
                    charge_percent: self.number(87) / 10.0,
                    ramp_s: self.number(84),
                };
                self.body.orders.limit.give(limit, wait_s, revert_s);
            }
            profile::CHARGE => {
                let watts = self.number(93) / 1000.0 * self.body.ratings.power_w;
                self.body.orders.set_point.give(SetPoint::Watts(watts), wait_s, revert_s);
            }
            profile::VARS => {
                let vars = Reactive::Vars(self.vars());
                self.body.orders.vars.give(vars, wait_s, revert_s);
            }
            profile::FACTOR => {
                let (generating, absorbing) = (self.factor(210, 10), self.factor(211, 11));
                self.body.orders.factor.give(generating, wait_s, revert_s);
                self.body.orders.factor_absorbing.give(absorbing, wait_s, revert_s);
            }
            other => {
                let slot: &mut Slot<()> = self.kept.entry(other).or_default();
                slot.give((), wait_s, revert_s);
            }
        }
    }

    fn disable(&mut self, enable: u16) {
        let orders = &mut self.body.orders;
        match enable {
            profile::LIMIT => orders.limit.release(),
            profile::CHARGE => orders.set_point.release(),
            profile::VARS => orders.vars.release(),
            profile::FACTOR => {
                orders.factor.release();
                orders.factor_absorbing.release();
            }
            other => drop(self.kept.remove(&other)),
        }
    }

    /// Reactive power that the settings ask for, var.
    fn vars(&self) -> f64 {
        let ratings = &self.body.ratings;
        let part = self.number(203) / 1000.0;
        part * match self.output(5) {
            1 => ratings.power_w,
            2 => ratings.reactive_var,
            _ => reactive_room(ratings, self.body.state.power_w),
        }
    }

    /// A power factor, and the switch that is on for absorbing.
    fn factor(&self, magnitude: u16, quadrant: u16) -> Reactive {
        Reactive::PowerFactor {
            cosine: (self.number(magnitude) / 100.0).abs(),
            injected: !self.switch(quadrant),
        }
    }
}
