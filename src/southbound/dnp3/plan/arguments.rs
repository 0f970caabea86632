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
}

impl Arguments {
    /// What a set point asks for, held for so long. Of a curve, see [`Arguments::of_curve`].
    #[must_use]
    pub fn of(setpoint: &Setpoint, hold: Duration) -> Self {
        let mut asked = Self { list: vec![(Argument::Reversion, hold.as_secs_f64())], left: None };
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

    fn ramps(&mut self, rates: &RampRates) {
        self.add(Argument::RampUp, rates.active_up.map(|p| p.get()));
        self.add(Argument::RampDown, rates.active_down.map(|p| p.get()));
        self.left = rates.reactive.map(|_| "a ramp rate of reactive power");
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
    }

    /// What following a curve asks for: its number, if it has points, and its droop, if it is one. `nominal` is the
    /// nominal frequency in Hz.
    ///
    /// # Errors
    /// In words.
    pub fn of_curve(
        curve: &Curve,
        number: Option<u16>,
        hold: Duration,
        nominal: Option<f64>,
    ) -> Result<Self, String> {
        let mut asked = Self { list: vec![(Argument::Reversion, hold.as_secs_f64())], left: None };
        asked.add(Argument::CurveNumber, number.map(f64::from));
        asked.add(Argument::Response, curve.response.map(|time| time.as_secs_f64()));
        if let CurveShape::Droop { over_band, under_band, over_slope, under_slope } = curve.shape {
            let nominal =
                nominal.ok_or("the nominal frequency is not known, so a slope cannot be computed")?;
            // Per unit of frequency for a per unit of power, into percent of power for a Hz.
            let percent = |slope: f64| 100.0 / (slope * nominal);
            asked.add(Argument::DroopOverBand, Some(over_band));
            asked.add(Argument::DroopUnderBand, Some(under_band));
            asked.add(Argument::DroopOverSlope, Some(percent(over_slope)));
            asked.add(Argument::DroopUnderSlope, Some(percent(under_slope)));
        }
        Ok(asked)
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
    pub fn all_taken(&self, steps: &[OutstationStep], setting: bool) -> Result<(), String> {
        if let Some(what) = self.left {
            return Err(format!("the device map has no step for {what}"));
        }
        let takes = |part: Argument| {
            steps.iter().any(|step| match &step.value {
                StepSource::Constant(_) => false,
                StepSource::Argument(own) => *own == part,
                StepSource::PercentOf { argument, .. } => *argument == part,
            })
        };
        let missing = self.list.iter().find(|(part, value)| {
            let free = *part == Argument::Reversion || (*part == Argument::Absorbing && *value == 0.0);
            !free && !takes(*part)
        });
        if let Some((part, _)) = missing {
            return Err(format!("the device map has no step for {}", part.name().replace('_', " ")));
        }
        let empty = setting && self.list.iter().all(|(part, _)| *part == Argument::Reversion);
        let constant = steps.iter().any(|step| matches!(step.value, StepSource::Constant(_)));
        if empty && !constant {
            return Err("nothing is asked".to_owned());
        }
        Ok(())
    }
}
