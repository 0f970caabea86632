//! Whether the measurements follow a command that was applied, for all drivers whose maps have commands. Each command is
//! judged at most once.
//!
//! Pure: readings and time come in.

use super::lanes::{Tidy, rivals};
use crate::der::{Effect, Quality, Quantity, Reading, Setpoint};
use crate::device_map::registers::{CommandName, EffectBound, EffectRule};
use jiff::Timestamp;
use tokio::time::Instant;

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
    /// Judged then.
    pub deadline: Instant,
    /// What was asked and how far that is known, in words.
    pub words: String,
    /// What to look at if it does not work, in words; empty if nothing comes to mind.
    pub hint: &'static str,
}

/// What is watched, by command.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Watches {
    list: Vec<(CommandName, Watch)>,
    /// Judged already, with what was expected.
    judged: Vec<(CommandName, f64)>,
}

impl Watches {
    /// Watches a command from now on. One that is only repeated goes on as it was.
    pub fn begin(&mut self, name: CommandName, watch: Watch) {
        let same = |expected: f64| (expected - watch.expected).abs() <= f64::EPSILON * expected.abs();
        let known = self.list.iter().any(|(other, w)| *other == name && same(w.expected))
            || self.judged.iter().any(|(other, expected)| *other == name && same(*expected));
        if known {
            return;
        }
        self.end(name);
        for rival in rivals(name) {
            self.end(rival);
        }
        self.list.push((name, watch));
    }

    /// A command is not held any more.
    pub fn end(&mut self, name: CommandName) {
        self.list.retain(|(other, _)| *other != name);
        self.judged.retain(|(other, _)| *other != name);
    }

    /// What a poll's readings show.
    pub fn look(&mut self, readings: &[Reading], now: Instant) -> Vec<(Setpoint, Effect)> {
        let mut told = Vec::new();
        let judged = &mut self.judged;
        self.list.retain(|(name, watch)| {
            let effect = watch.look(readings, now);
            if let Some(effect) = effect.clone() {
                told.push((watch.setpoint.clone(), effect));
            }
            // Without a measurement there is nothing to say.
            let over = effect.is_some() || now >= watch.deadline + watch.rule.within;
            if over {
                judged.push((*name, watch.expected));
            }
            !over
        });
        told
    }
}

impl Watch {
    /// A generator may have less to give than it is asked for; that is no fault of the command.
    fn excused(&self, value: f64) -> bool {
        self.rule.bound == EffectBound::Equals
            && self.rule.quantity == Quantity::ActivePower
            && self.generator
            && self.expected > 0.0
            && value < self.expected
    }

    fn look(&self, readings: &[Reading], now: Instant) -> Option<Effect> {
        let quantity = self.rule.quantity;
        let reading = readings
            .iter()
            .find(|r| r.quantity == quantity && r.quality == Quality::Good && r.at > self.since)?;
        let beyond = reading.value - self.expected;
        let follows = match self.rule.bound {
            EffectBound::AtMost => beyond <= self.tolerance,
            EffectBound::Equals => beyond.abs() <= self.tolerance,
        };
        if follows {
            return Some(Effect::Effective);
        }
        if now < self.deadline || self.excused(reading.value) {
            return None;
        }
        let what = match quantity {
            Quantity::ActivePower => "power",
            Quantity::ReactivePower => "reactive power",
            other => other.name(),
        };
        Some(Effect::NoEffect(format!(
            "{}; {what} still {} {} after {} s{}{}",
            self.words,
            Tidy(reading.value),
            quantity.unit(),
            Tidy(self.rule.within.as_secs_f64()),
            if self.hint.is_empty() { "" } else { ". " },
            self.hint,
        )))
    }
}

#[cfg(test)]
mod tests;
