//! Any setpoint that the core may send.

use super::Input;
use crate::der::{
    Curve, CurveKind, CurveShape, EnterService, Excitation, Hertz, Percent, PowerFactor, RampRates, Setpoint,
    Vars, Watts,
};
use std::sync::Arc;
use std::time::Duration;

fn percent(input: &mut Input<'_>) -> Option<Percent> {
    (input.byte() & 1 == 0).then(|| Percent::new(input.number()))
}

fn hertz(input: &mut Input<'_>) -> Option<Hertz> {
    (input.byte() & 1 == 0).then(|| Hertz::new(input.number()))
}

fn duration(input: &mut Input<'_>) -> Option<Duration> {
    match input.byte() {
        0..=99 => Some(Duration::from_millis(u64::from(input.word()) * 100)),
        100 => Some(Duration::MAX),
        _ => None,
    }
}

fn kind(input: &mut Input<'_>) -> CurveKind {
    let place = usize::from(input.byte()) % CurveKind::ALL.len();
    CurveKind::ALL.get(place).copied().unwrap_or(CurveKind::VoltVar)
}

fn curve(input: &mut Input<'_>) -> Curve {
    let kind = kind(input);
    let count = usize::from(input.byte());
    let shape = if count >= 200 {
        CurveShape::Droop {
            over_band: input.number(),
            under_band: input.number(),
            over_slope: input.number(),
            under_slope: input.number(),
        }
    } else {
        CurveShape::Points((0..count % 25).map(|_| (input.number(), input.number())).collect())
    };
    Curve { kind, shape, response: duration(input) }
}

/// The next setpoint of an input.
pub fn setpoint(input: &mut Input<'_>) -> Setpoint {
    match input.byte() % 13 {
        0 => Setpoint::LimitActivePower(Watts::new(input.number())),
        1 => Setpoint::SetActivePower(Watts::new(input.number())),
        2 => Setpoint::ReleaseActivePower,
        3 => Setpoint::Connect,
        4 => Setpoint::Disconnect,
        5 => Setpoint::SetReactivePower(Vars::new(input.number())),
        6 => {
            let excitation = if input.byte() & 1 == 0 { Excitation::Over } else { Excitation::Under };
            Setpoint::SetPowerFactor(PowerFactor { size: input.number(), excitation })
        }
        7 => Setpoint::ReleaseReactivePower,
        8 => Setpoint::SetRampRates(RampRates {
            active_up: percent(input),
            active_down: percent(input),
            reactive: percent(input),
        }),
        9 => Setpoint::SetCurve(Arc::new(curve(input))),
        10 => Setpoint::ReleaseCurve(kind(input)),
        11 => Setpoint::SetEnterService(EnterService {
            voltage_high: percent(input),
            voltage_low: percent(input),
            frequency_high: hertz(input),
            frequency_low: hertz(input),
            delay: duration(input),
            random_delay: duration(input),
            ramp: duration(input),
        }),
        _ => Setpoint::ResetAlarms,
    }
}
