//! Whether the measurements follow a command that was applied, for all drivers whose maps have commands, for as long as it is
//! held. What is found is told when it changes.
//!
//! Pure: readings and time come in. That a device delivers less than it was asked is held against it only at the first, while
//! it has not been seen to follow: later its source or its storage may be the reason, and the core learns from what it
//! delivers.

pub mod course;

use self::course::Course;
use super::lanes::{Tidy, rivals};
use crate::der::{Effect, Quality, Quantity, Reading, Setpoint};
use crate::device_map::registers::{CommandName, EffectBound, EffectRule};
use jiff::Timestamp;
use std::time::Duration;
use tokio::time::Instant;

/// States of charge, %, at which a storage charges no more, and discharges no more.
const FULL: f64 = 97.0;
const EMPTY: f64 = 5.0;

/// What is expected of the measurements.
#[derive(Clone, Debug, PartialEq)]
pub struct Watch {
    /// What was asked.
    pub setpoint: Setpoint,
    /// What must be seen.
    pub rule: EffectRule,
    /// The value of the command, in SI.
    pub expected: f64,
    /// In the unit of the quantity.
    pub tolerance: f64,
    /// It cannot be expected to reach a higher power than its source gives.
    pub generator: bool,
    /// Only what was measured after this counts.
    pub since: Timestamp,
    /// When it was applied.
    pub begun: Instant,
    /// So long after that, nothing is expected any more, if the command is not repeated.
    pub hold: Duration,
    /// What was asked and how far that is known, in words.
    pub words: String,
    /// What to look at if it does not work, in words; empty if nothing comes to mind.
    pub hint: &'static str,
}

/// What is watched.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Watches {
    list: Vec<Watched>,
    /// The last known state of charge, %.
    charge: Option<f64>,
}

/// One command that is held.
#[derive(Clone, Debug, PartialEq)]
struct Watched {
    name: CommandName,
    watch: Watch,
    /// It is held until then.
    until: Instant,
    /// Since when a command of this name has been held, whatever its value.
    first: Timestamp,
    course: Course,
    /// What was told last, of this value or of those before it: whether it follows.
    said: Option<bool>,
    /// The time for this value is not over yet.
    open: bool,
    /// Of this value something was told.
    told: bool,
    /// When the last measurement that was looked at was taken: the same one again says nothing new.
    seen: Option<Timestamp>,
}

impl Watches {
    /// Watches a command from now on. One that is only repeated goes on as it was; of a new value of the same command it is
    /// still known what was asked before it.
    pub fn begin(&mut self, name: CommandName, watch: Watch) {
        let until = watch.begun + watch.hold;
        let same = |expected: f64| (expected - watch.expected).abs() <= f64::EPSILON * expected.abs();
        let mut before = self.list.iter().position(|w| w.name == name).map(|place| self.list.remove(place));
        if let Some(mut known) = before.take_if(|known| same(known.watch.expected)) {
            known.until = until;
            self.list.push(known);
            return;
        }
        for rival in rivals(name) {
            self.end(rival);
        }
        let (first, mut course, said) =
            before.map_or_else(|| (watch.since, Course::default(), None), |w| (w.first, w.course, w.said));
        course.ask(watch.expected, watch.rule.within, watch.begun);
        self.list.push(Watched {
            name,
            watch,
            until,
            first,
            course,
            said,
            open: true,
            told: false,
            seen: None,
        });
    }

    /// A command stands that was asked for again.
    pub fn go_on(&mut self, name: CommandName, hold: Duration, now: Instant) {
        for watched in self.list.iter_mut().filter(|watched| watched.name == name) {
            watched.until = now + hold;
        }
    }

    /// What was told of a command counts no more: that it follows is told again when it is seen. False if nothing is watched.
    #[cfg(feature = "dnp3")]
    pub fn anew(&mut self, name: CommandName) -> bool {
        let mut watched = false;
        for known in self.list.iter_mut().filter(|known| known.name == name) {
            (known.told, known.said, known.open, watched) = (false, None, false, true);
        }
        watched
    }

    /// A command is not held any more.
    pub fn end(&mut self, name: CommandName) {
        self.list.retain(|watched| watched.name != name);
    }

    /// What a poll's readings show.
    pub fn look(&mut self, readings: &[Reading], now: Instant) -> Vec<(Setpoint, Effect)> {
        // A device that nobody has asked for so long may have fallen back by itself.
        self.list.retain(|watched| now < watched.until);
        self.charge = good(readings, Quantity::StateOfCharge).map(|r| r.value).or(self.charge);
        let charge = self.charge;
        let mut told = Vec::new();
        for watched in &mut self.list {
            // Without a measurement there is nothing to say.
            let Some(reading) = good(readings, watched.watch.rule.quantity) else { continue };
            if let Some(effect) = watched.look(reading, charge, now) {
                told.push((watched.watch.setpoint.clone(), effect));
            }
        }
        told
    }
}

impl Watched {
    fn look(&mut self, reading: &Reading, charge: Option<f64>, now: Instant) -> Option<Effect> {
        let Watch { rule, tolerance, .. } = &self.watch;
        let fresh = reading.at > self.watch.since;
        let strays = reading.at > self.first
            && self.seen.replace(reading.at) != Some(reading.at)
            && self.course.strays(reading.value, rule.bound, *tolerance, rule.within, now);
        if fresh && self.watch.follows(reading.value) {
            let news = !self.told || self.said != Some(true);
            return news.then(|| self.tell(true, Effect::Effective));
        }
        if fresh && self.open && now >= self.watch.begun + rule.within {
            self.open = false;
            if !self.watch.excused(reading.value, charge) {
                return Some(self.tell(false, Effect::NoEffect(self.watch.ignored(reading.value))));
            }
        }
        if strays && self.said != Some(false) {
            let words = self.watch.strayed(reading.value, self.said == Some(true));
            return Some(self.tell(false, Effect::NoEffect(words)));
        }
        None
    }

    fn tell(&mut self, follows: bool, effect: Effect) -> Effect {
        (self.open, self.told, self.said) = (false, true, Some(follows));
        effect
    }
}

impl Watch {
    fn follows(&self, value: f64) -> bool {
        let beyond = value - self.expected;
        match self.rule.bound {
            EffectBound::AtMost => beyond <= self.tolerance,
            EffectBound::Equals => beyond.abs() <= self.tolerance,
        }
    }

    /// A generator may have less to give than it is asked for, a storage may be full or empty; that is no fault of the
    /// command.
    fn excused(&self, value: f64, charge: Option<f64>) -> bool {
        let power = self.rule.bound == EffectBound::Equals && self.rule.quantity == Quantity::ActivePower;
        let sun = self.generator && self.expected > 0.0 && value < self.expected;
        let way = self.expected.signum();
        let rests = value * way < self.expected.abs() && value * way >= -self.tolerance;
        power && (sun || rests && exhausted(self.expected, charge))
    }

    fn ignored(&self, value: f64) -> String {
        let Self { words, rule, .. } = self;
        let (what, unit, within) = (what(rule.quantity), rule.quantity.unit(), rule.within.as_secs_f64());
        let (value, within, hint) = (Tidy(value), Tidy(within), self.hint());
        format!("{words}; {what} still {value} {unit} after {within} s{hint}")
    }

    fn strayed(&self, value: f64, followed: bool) -> String {
        let Self { words, rule, .. } = self;
        let (what, unit, within) = (what(rule.quantity), rule.quantity.unit(), rule.within.as_secs_f64());
        let (value, within, hint) = (Tidy(value), Tidy(within), self.hint());
        strayed(words, followed, &format!("{what} {value} {unit}"), &format!("{within} s")) + &hint
    }

    fn hint(&self) -> String {
        if self.hint.is_empty() { String::new() } else { format!(". {}", self.hint) }
    }
}

/// That something did not stay with what was asked, in words.
pub fn strayed(words: &str, followed: bool, measured: &str, time: &str) -> String {
    let before = if followed { "it followed before, and " } else { "it " };
    format!("{words}; {before}has been beyond what was asked for {time}: {measured}")
}

/// True for a storage that is too full to absorb, or too empty to inject.
pub fn exhausted(target: f64, charge: Option<f64>) -> bool {
    charge.is_some_and(|charge| if target < 0.0 { charge >= FULL } else { target > 0.0 && charge <= EMPTY })
}

const fn what(quantity: Quantity) -> &'static str {
    match quantity {
        Quantity::ActivePower => "power",
        Quantity::ReactivePower => "reactive power",
        other => other.name(),
    }
}

fn good(readings: &[Reading], quantity: Quantity) -> Option<&Reading> {
    readings.iter().find(|r| r.quantity == quantity && r.quality == Quality::Good)
}

#[cfg(test)]
mod tests;
