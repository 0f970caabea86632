//! What a set point asks for, part by part.
//!
//! Pure.

use crate::der::{Curve, CurveShape, EnterService, Excitation, RampRates, Setpoint};
use crate::device_map::dnp3::{Argument, OutstationStep, StepSource};
use std::time::Duration;

/// The parts of what is asked, each with its value.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Arguments {
    list: Vec<(Argument, f64)>,
    /// What no map can say, in words.
    left: Option<&'static str>,
    /// Only what is asked for is sent, and nothing is.
    empty: bool,
}

impl Arguments {
    /// What a set point asks for, held for so long. Of a curve, see [`Arguments::of_curve`].
    #[must_use]
    pub fn of(setpoint: &Setpoint, hold: Duration) -> Self {
        let mut asked = Self::held(hold);
        match setpoint {
            Setpoint::LimitActivePower(watts) | Setpoint::SetActivePower(watts) => {
                asked.add(Argument::Input, Some(watts.get()));
            }
            Setpoint::SetReactivePower(vars) => asked.add(Argument::Input, Some(vars.get())),
            Setpoint::SetPowerFactor(factor) => {
                let absorbing = f64::from(u8::from(factor.excitation == Excitation::Under));
                asked.add(Argument::PowerFactor, Some(factor.size));
                asked.add(Argument::Absorbing, Some(absorbing));
            }
            Setpoint::SetRampRates(rates) => asked.ramps(rates),
            Setpoint::SetEnterService(wanted) => asked.enter_service(wanted),
            Setpoint::ReleaseActivePower
            | Setpoint::Connect
            | Setpoint::Disconnect
            | Setpoint::ReleaseReactivePower
            | Setpoint::SetCurve(_)
            | Setpoint::ReleaseCurve(_)
            | Setpoint::ResetAlarms => {}
        }
        asked
    }

    fn held(hold: Duration) -> Self {
        Self { list: vec![(Argument::Reversion, hold.as_secs_f64())], ..Self::default() }
    }

    fn ramps(&mut self, rates: &RampRates) {
        self.add(Argument::RampUp, rates.active_up.map(|p| p.get()));
        self.add(Argument::RampDown, rates.active_down.map(|p| p.get()));
        self.left = rates.reactive.map(|_| "a ramp rate of reactive power");
        self.empty = *rates == RampRates::default();
    }

    fn enter_service(&mut self, wanted: &EnterService) {
        let seconds = |time: Option<Duration>| time.map(|time| time.as_secs_f64());
        self.add(Argument::VoltageHigh, wanted.voltage_high.map(|p| p.get()));
        self.add(Argument::VoltageLow, wanted.voltage_low.map(|p| p.get()));
        self.add(Argument::FrequencyHigh, wanted.frequency_high.map(|f| f.get()));
        self.add(Argument::FrequencyLow, wanted.frequency_low.map(|f| f.get()));
        self.add(Argument::Delay, seconds(wanted.delay));
        self.add(Argument::RandomDelay, seconds(wanted.random_delay));
        self.add(Argument::RampTime, seconds(wanted.ramp));
        self.empty = *wanted == EnterService::default();
    }

    /// What following a curve asks for: its number, if it has points, and its droop, if it is one. `nominal` is the
    /// nominal frequency in Hz; without it, a slope can only be said in per unit.
    #[must_use]
    pub fn of_curve(curve: &Curve, number: Option<u16>, hold: Duration, nominal: Option<f64>) -> Self {
        let mut asked = Self::held(hold);
        asked.add(Argument::CurveNumber, number.map(f64::from));
        asked.add(Argument::Response, curve.response.map(|time| time.as_secs_f64()));
        if let CurveShape::Droop { over_band, under_band, over_slope, under_slope } = curve.shape {
            asked.add(Argument::DroopOverBand, Some(over_band));
            asked.add(Argument::DroopUnderBand, Some(under_band));
            // Per unit of frequency for a per unit of power, turned round.
            asked.add(Argument::DroopOverGain, Some(1.0 / over_slope));
            asked.add(Argument::DroopUnderGain, Some(1.0 / under_slope));
            let percent = |slope: f64| nominal.map(|nominal| 100.0 / (slope * nominal));
            asked.add(Argument::DroopOverSlope, percent(over_slope));
            asked.add(Argument::DroopUnderSlope, percent(under_slope));
        }
        asked
    }

    fn add(&mut self, argument: Argument, value: Option<f64>) {
        self.list.extend(value.map(|value| (argument, value)));
    }

    /// What is asked of a part.
    #[must_use]
    pub fn get(&self, argument: Argument) -> Option<f64> {
        self.list.iter().find(|(part, _)| *part == argument).map(|(_, value)| *value)
    }

    /// Whether steps take all that is asked: a half is not what was asked. Nobody has to bound in time; and the way of a
    /// power factor goes without saying when it injects.
    ///
    /// # Errors
    /// In words.
    pub fn all_taken(&self, steps: &[OutstationStep]) -> Result<(), String> {
        if let Some(what) = self.left {
            return Err(format!("the device map has no step for {what}"));
        }
        if self.empty {
            return Err("nothing is asked".to_owned());
        }
        let takes = |part: Argument| {
            steps.iter().any(|step| match &step.value {
                StepSource::Constant(_) => false,
                StepSource::Argument(own) => *own == part,
                StepSource::PercentOf { argument, .. } => *argument == part,
            })
        };
        let slopes = [Argument::DroopOverSlope, Argument::DroopUnderSlope];
        let droop = self.get(Argument::DroopOverGain).is_some();
        if droop && slopes.into_iter().any(|slope| takes(slope) && self.get(slope).is_none()) {
            return Err("the nominal frequency is not known, so a slope cannot be computed".to_owned());
        }
        let missing = self.list.iter().find(|(part, value)| {
            let taken = match part {
                Argument::Reversion => true,
                Argument::Absorbing => *value == 0.0 || takes(*part),
                // The same in two units.
                Argument::DroopOverGain | Argument::DroopOverSlope => {
                    takes(Argument::DroopOverGain) || takes(Argument::DroopOverSlope)
                }
                Argument::DroopUnderGain | Argument::DroopUnderSlope => {
                    takes(Argument::DroopUnderGain) || takes(Argument::DroopUnderSlope)
                }
                _ => takes(*part),
            };
            !taken
        });
        match missing {
            None => Ok(()),
            Some((part, _)) => {
                Err(format!("the device map has no step for {}", part.name().replace('_', " ")))
            }
        }
    }
}
