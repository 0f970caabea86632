//! What the inputs of an outstation show: nameplate, measurements, states and alarms from the true state of its body.

use super::Station;
use crate::simulator::body::VOLTS;
use crate::simulator::dnp3::profile::{self, MODE_STATUS, MODE_SUPPORT};
use crate::simulator::faults::Fault;
use crate::simulator::physics::{Connection, reactive_room};

/// What stands for "no value".
pub const NO_VALUE: i32 = i32::MIN;
/// How far off a readback is, raw, if that is its fault.
const WRONG_BY: i32 = 50;
/// Reads "stopped" below this part of the rated power.
const IDLE: f64 = 0.001;

/// The raw value of a number in steps of its point; half a step is away from zero.
fn raw(value: f64, step: f64) -> i32 {
    let steps = (value / step).round();
    if steps >= f64::from(i32::MAX) {
        i32::MAX
    } else {
        // The cast keeps what is between the bounds and cuts off the rest.
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a rounded number below the largest; `as` saturates"
        )]
        let whole = steps as i32;
        whole
    }
}

/// True for what is measured and changes with the power.
#[must_use]
pub fn is_measured(input: u16) -> bool {
    matches!(input, 43..=48 | 533..=556)
}

impl Station {
    /// The raw value of an analog input; `None` if it has no such point.
    #[must_use]
    pub fn analog(&self, index: u16) -> Option<i32> {
        if profile::is_about_storing(index) && !self.stores() {
            return None;
        }
        let shown = match profile::shown_by(index) {
            Some(output) if !profile::has_output(output, self.stores()) => return None,
            Some(output) => {
                let kept = self.output(output);
                // The window is how curves are checked: a wrong setting is one of a mode.
                let wrong = self.behaviour.has(&Fault::WrongReadback) && !profile::WINDOW.contains(&output);
                if wrong { if kept >= WRONG_BY { kept - WRONG_BY } else { kept + WRONG_BY } } else { kept }
            }
            None => self.own(index)?,
        };
        let nothing = self.behaviour.has(&Fault::NullValues) && is_measured(index);
        Some(if nothing { NO_VALUE } else { shown })
    }

    /// Inputs that show no output.
    fn own(&self, index: u16) -> Option<i32> {
        match index {
            // Its susceptance is not known.
            21 => None,
            0..=28 => Some(self.nameplate(index)),
            32..=39 => Some(self.configured(index)),
            43..=49 => Some(self.available(index)),
            62..=65 => {
                let (up, down) = self.body.ramps;
                Some(raw(if index.is_multiple_of(2) { up } else { down }, 0.1))
            }
            68 => Some(4),
            533..=556 => Some(self.meter(index)),
            _ => self.outcome(index),
        }
    }

    fn nameplate(&self, index: u16) -> i32 {
        let ratings = &self.body.ratings;
        let (power, apparent, reactive) = (ratings.power_w, ratings.apparent_va, ratings.reactive_var);
        let battery = ratings.battery;
        let factor = power / apparent;
        let other = |f: &Fault| if let Fault::ProfileVersion(raw) = f { Some(i32::from(*raw)) } else { None };
        match index {
            0 => self.behaviour.find(other).unwrap_or(profile::VERSION),
            1 => 3,
            2 => raw(VOLTS * 0.8, 0.1),
            3 => raw(VOLTS * 1.2, 0.1),
            4 | 6 | 9 => raw(power, 1.0),
            5 | 7 | 10 => raw(-power, 1.0),
            8 => raw(factor, 0.01),
            11 => raw(-factor, 0.01),
            12 => raw(reactive, 1.0),
            13 => raw(-reactive, 1.0),
            14 => raw(apparent, 1.0),
            15 => raw(-apparent, 1.0),
            16 | 17 => raw(battery.map_or(0.0, |b| b.energy_wh), 1.0),
            // The reserve is not for use.
            18 => raw(battery.map_or(0.0, |b| b.energy_wh * (1.0 - self.reserve() / 100.0)), 1.0),
            19 => raw(apparent / VOLTS, 0.1),
            20 => raw(-apparent / VOLTS, 0.1),
            22 => 2,
            23 => 3,
            26 | 28 => 1,
            27 => i32::from(battery.is_some()),
            _ => 0,
        }
    }

    fn configured(&self, index: u16) -> i32 {
        match index {
            32 => self.nameplate(4),
            33 => self.nameplate(5),
            34 => self.nameplate(12),
            35 => self.nameplate(13),
            36 => self.nameplate(14),
            37 => self.nameplate(15),
            38 => self.nameplate(2),
            _ => self.nameplate(3),
        }
    }

    fn available(&self, index: u16) -> i32 {
        let (body, ratings) = (&self.body, &self.body.ratings);
        let soc = body.state.soc;
        let floor = self.reserve();
        let room = reactive_room(ratings, body.state.power_w);
        match index {
            43 if self.stores() && soc <= floor => 0,
            43 => raw(body.available_w().min(ratings.power_w), 1.0),
            44 if soc < 100.0 => raw(-ratings.power_w, 1.0),
            45 => raw(room, 1.0),
            46 => raw(-room, 1.0),
            47 => raw(soc, 0.1),
            48 => raw(((soc - floor) / (100.0 - floor) * 100.0).max(0.0), 0.1),
            49 => i32::from(body.connected()),
            _ => 0,
        }
    }

    /// The system meter, at the terminals: positive is injected.
    fn meter(&self, index: u16) -> i32 {
        let body = &self.body;
        let (power, reactive) = (body.state.power_w, body.state.reactive_var);
        let apparent = body.apparent();
        let current = apparent / body.voltage() / 3.0;
        match index {
            533 | 534 => 1,
            536 => raw(body.frequency(), 0.001),
            537 => raw(power, 1.0),
            538..=540 => raw(power / 3.0, 1.0),
            541 => raw(reactive, 1.0),
            542..=544 => raw(reactive / 3.0, 1.0),
            545 if apparent > 1.0 => raw(power / apparent, 0.01),
            545 => 100,
            546 => raw(apparent, 1.0),
            547 | 549 | 551 => raw(body.voltage(), 0.1),
            550 => 2400,
            552 => 1200,
            553 => raw(body.voltage() * 3_f64.sqrt(), 0.1),
            554..=556 => raw(current, 0.1),
            _ => 0,
        }
    }

    /// What a mode measures, and what it makes of that.
    fn outcome(&self, index: u16) -> Option<i32> {
        let body = &self.body;
        let volts = || raw(body.voltage(), 0.1);
        Some(match index {
            72 | 247 | 295 => volts(),
            78 | 120 => raw(body.frequency(), 0.001),
            139 | 147 | 249 | 307 => raw(body.state.power_w, 1.0),
            296 => raw(VOLTS, 0.1),
            301 | 311 => raw(body.state.reactive_var, 1.0),
            _ => return None,
        })
    }

    /// A binary input; `None` if it has no such point.
    #[must_use]
    pub fn status(&self, index: u16) -> Option<bool> {
        if profile::is_status_of_storing(index) && !self.stores() {
            return None;
        }
        let status = match index {
            0..=9 => self.alarm(index),
            10..=24 => self.condition(index),
            31..=51 => profile::has_switch(index - MODE_SUPPORT, self.stores()),
            // Nothing trips here.
            52..=63 => false,
            64..=84 => !self.behaviour.has(&Fault::NoFeedback) && self.is_on(index - MODE_STATUS),
            106 => self.behaviour.has(&Fault::CommLost),
            107 => self.curve_is_named(),
            _ => {
                let switch = profile::switch_shown_by(index)?;
                profile::has_switch(switch, self.stores()).then(|| self.switch(switch))?
            }
        };
        Some(status)
    }

    fn alarm(&self, index: u16) -> bool {
        let soc = self.body.state.soc;
        match index {
            0 => self.behaviour.has(&Fault::CommLost),
            1 => self.behaviour.has(&Fault::Trouble),
            4 => soc >= 100.0,
            5 => soc >= 98.0,
            6 => soc <= 2.0 * self.reserve(),
            7 => soc <= self.reserve(),
            _ => false,
        }
    }

    fn condition(&self, index: u16) -> bool {
        let body = &self.body;
        let connection = body.state.connection;
        let on = connection == Connection::On;
        let off = matches!(connection, Connection::Off | Connection::Returning(_));
        let stopped = body.orders.cease.active() == Some(true);
        let power = body.state.power_w / body.ratings.power_w;
        let unwell = self.locked_out() || self.behaviour.has(&Fault::Trouble);
        let feedback = !self.behaviour.has(&Fault::NoFeedback);
        match index {
            10 => self.behaviour.has(&Fault::Local),
            11 => self.locked_out(),
            12 => matches!(connection, Connection::Returning(_)),
            13 => connection == Connection::Leaving,
            14 => on,
            15 => off && stopped,
            16 | 17 => feedback && profile::switch_shown_by(index).is_some_and(|switch| self.switch(switch)),
            18 => !off && power.abs() < IDLE,
            19 => !off && power >= IDLE,
            20 => !off && power <= -IDLE,
            21 => off && !unwell,
            22 => off && unwell,
            // It ceases without opening its switch.
            23 => !(feedback && off && body.orders.connect.active() == Some(false)),
            24 => connection == Connection::Leaving && body.orders.connect.active() == Some(false),
            _ => false,
        }
    }
}
