//! What the members of a group add up to, kept up to date by difference and never recomputed over the members.
//!
//! Sums are whole numbers of thousandths, so that adding and taking away leaves exactly nothing.

use super::service::ParameterView;
use crate::der::{Capability, Parameter, Quantity};
use jiff::Timestamp;

/// The quantities that groups report, with the parameter each stands for. Powers add up; voltage is a mean.
pub(super) const REPORTED: [(Quantity, Parameter); 4] = [
    (Quantity::ActivePower, Parameter::ActivePower),
    (Quantity::ReactivePower, Parameter::ReactivePower),
    (Quantity::ApparentPower, Parameter::ApparentPower),
    (Quantity::Voltage, Parameter::Voltage),
];

/// What one device adds to its groups: nothing for a value that cannot be trusted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Part {
    values: [Option<i64>; REPORTED.len()],
    installed: Option<(i64, i64)>,
    online: bool,
}

/// When the values of a [`Part`] were measured.
pub(super) type Times = [Option<Timestamp>; REPORTED.len()];

/// The aggregate of one group.
#[derive(Clone, Debug, Default)]
pub(super) struct Aggregate {
    sums: [Sum; REPORTED.len()],
    installed: (i128, i128),
    known: usize,
    online: usize,
}

#[derive(Clone, Copy, Debug, Default)]
struct Sum {
    thousandths: i128,
    count: usize,
    newest: Option<Timestamp>,
}

/// A value in thousandths; values beyond any power plant are held at the end of the range.
#[expect(clippy::cast_possible_truncation, reason = "`as` from f64 saturates, which is what is wanted")]
fn thousandths(value: f64) -> i64 {
    (value * 1e3).round() as i64
}

impl Part {
    /// What a device adds.
    pub(super) fn new(
        trusted: impl Fn(Quantity) -> Option<f64>,
        capability: Option<&Capability>,
        online: bool,
    ) -> Self {
        Self {
            values: REPORTED.map(|(quantity, _)| trusted(quantity).map(thousandths)),
            installed: capability
                .map(|c| (thousandths(c.injection_max.get()), thousandths(c.absorption_max.get()))),
            online,
        }
    }
}

impl Aggregate {
    /// Takes note of when values in it were measured.
    pub(super) fn heard(&mut self, times: &Times) {
        for (sum, at) in self.sums.iter_mut().zip(times) {
            sum.newest = sum.newest.max(*at);
        }
    }

    /// Replaces what one member added by what it adds now.
    pub(super) fn replace(&mut self, old: &Part, new: &Part) {
        for ((sum, old), new) in self.sums.iter_mut().zip(old.values).zip(new.values) {
            if let Some(value) = old {
                sum.thousandths -= i128::from(value);
                sum.count = sum.count.saturating_sub(1);
            }
            if let Some(value) = new {
                sum.thousandths += i128::from(value);
                sum.count += 1;
            }
        }
        if let Some((max, min)) = old.installed {
            self.installed.0 -= i128::from(max);
            self.installed.1 -= i128::from(min);
            self.known = self.known.saturating_sub(1);
        }
        if let Some((max, min)) = new.installed {
            self.installed.0 += i128::from(max);
            self.installed.1 += i128::from(min);
            self.known += 1;
        }
        self.online = (self.online + usize::from(new.online)).saturating_sub(usize::from(old.online));
    }

    /// Members whose device answers.
    pub(super) const fn online(&self) -> usize {
        self.online
    }

    /// What is known of a parameter. Installed power is shown for active power only, when a member's is known.
    pub(super) fn view(&self, parameter: Parameter) -> Option<ParameterView> {
        let place = REPORTED.iter().position(|(_, p)| *p == parameter)?;
        let sum = self.sums.get(place)?;
        let total = sum.thousandths as f64 / 1e3;
        let value = match (parameter, sum.count) {
            (_, 0) => None,
            (Parameter::Voltage, n) => Some(total / n as f64),
            _ => Some(total),
        };
        let installed = (parameter == Parameter::ActivePower && self.known > 0)
            .then_some((self.installed.0 as f64 / 1e3, -(self.installed.1 as f64) / 1e3));
        Some(ParameterView {
            parameter,
            value,
            at: sum.newest.filter(|_| sum.count > 0),
            rests_on: sum.count,
            installed_on: installed.map_or(0, |_| self.known),
            installed_max: installed.map(|i| i.0),
            installed_min: installed.map(|i| i.1 + 0.0),
        })
    }
}

#[cfg(test)]
mod tests;
