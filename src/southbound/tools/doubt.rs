//! What speaks against a control that somebody asks for by hand, before anything is planned: more than the device is rated
//! for, and curves that make no sense. One rule for all drivers.
//!
//! Pure. What is only doubtful is said and may be sent all the same; what no device can follow is refused.

use super::Sizes;
use crate::der::{Curve, CurveKind, CurveShape, Setpoint, Vars, Watts};
use crate::southbound::lanes::Tidy;
use std::ops::RangeInclusive;

/// The last digit of a percentage is not beyond.
const SLACK: f64 = 1.0 + 1e-6;

/// What is beyond the ratings of a device, in words; empty if nothing is, or they are not known.
#[must_use]
pub fn doubts(setpoint: &Setpoint, sizes: &Sizes) -> Vec<String> {
    let (can, plate) = (&sizes.capability, &sizes.nameplate);
    let vars = |most: Option<Vars>| most.map_or(0.0, Vars::get);
    let (asked, most, unit) = match setpoint {
        Setpoint::LimitActivePower(watts) => (watts.get(), sizes.limit_base, "W"),
        Setpoint::SetActivePower(watts) if *watts < Watts::ZERO => {
            (watts.get(), can.absorption_max.get(), "W")
        }
        Setpoint::SetActivePower(watts) => (watts.get(), can.injection_max.get(), "W"),
        Setpoint::SetReactivePower(asked) if asked.get() < 0.0 => {
            (asked.get(), vars(plate.reactive_absorbed_max), "var")
        }
        Setpoint::SetReactivePower(asked) => (asked.get(), vars(plate.reactive_injected_max), "var"),
        Setpoint::SetCurve(curve) => return curve_doubts(curve),
        _ => return Vec::new(),
    };
    let most = most.abs();
    // A limit below nothing is the plan's matter.
    let is_limit = matches!(setpoint, Setpoint::LimitActivePower(_));
    let beyond = most > 0.0 && asked.abs() > most * SLACK && !(is_limit && asked < 0.0);
    if !beyond {
        return Vec::new();
    }
    let percent = Tidy((asked.abs() / most * 100.0).round());
    let (asked, most) = (Tidy(asked), Tidy(most));
    vec![format!(
        "{asked} {unit} is {percent} % of what the device is rated for, {most} {unit}: it is clamped to that, here or in the device"
    )]
}

/// Why a curve is none that a device could follow, in words.
///
/// # Errors
/// It is none.
pub fn curve_fault(setpoint: &Setpoint) -> Result<(), String> {
    let Setpoint::SetCurve(curve) = setpoint else { return Ok(()) };
    let CurveShape::Points(points) = &curve.shape else { return Ok(()) };
    for pair in points.windows(2) {
        if let [(before, _), (after, _)] = pair
            && after < before
        {
            let (before, after) = (Tidy(*before), Tidy(*after));
            return Err(format!(
                "the curve runs backwards: x {after} comes after {before}; give its points in order of x"
            ));
        }
    }
    Ok(())
}

fn curve_doubts(curve: &Curve) -> Vec<String> {
    let CurveShape::Points(points) = &curve.shape else { return Vec::new() };
    let mut doubts = Vec::new();
    for pair in points.windows(2) {
        // A protection steps from one time to the next at one voltage or frequency.
        if let [(x, a), (same, b)] = pair
            && x.total_cmp(same).is_eq()
            && !curve.kind.is_trip()
        {
            let (x, a, b) = (Tidy(*x), Tidy(*a), Tidy(*b));
            doubts
                .push(format!("x {x} comes twice ({x}:{a}, {x}:{b}): what the device does there is its own"));
        }
    }
    let (across, up) = spans(curve.kind);
    let outside = |value: f64, (span, unit): &Span| (!span.contains(&value)).then(|| say(value, span, unit));
    for (x, y) in points {
        let faults = [("x", outside(*x, &across)), ("y", outside(*y, &up))];
        let faults = faults.into_iter().filter_map(|(axis, words)| Some(format!("{axis} = {}", words?)));
        let words: Vec<String> = faults.collect();
        if !words.is_empty() {
            doubts.push(format!("point {}:{}: {}", Tidy(*x), Tidy(*y), words.join("; ")));
        }
    }
    doubts
}

type Span = (RangeInclusive<f64>, &'static str);

fn say(value: f64, span: &RangeInclusive<f64>, unit: &str) -> String {
    format!(
        "{}{unit} is outside {} to {}{unit}, within which the function makes sense",
        Tidy(value),
        Tidy(*span.start()),
        Tidy(*span.end())
    )
}

/// Within what the numbers of a curve make sense: wider than any grid code asks for.
const fn spans(kind: CurveKind) -> (Span, Span) {
    const VOLTS: Span = (0.0..=200.0, " %");
    const HERTZ: Span = (40.0..=70.0, " Hz");
    const PERCENT: Span = (-100.0..=100.0, " %");
    const FACTOR: Span = (-1.0..=1.0, "");
    const SECONDS: Span = (0.0..=86_400.0, " s");
    match kind {
        CurveKind::VoltVar | CurveKind::VoltWatt => (VOLTS, PERCENT),
        CurveKind::WattVar => (PERCENT, PERCENT),
        CurveKind::WattPowerFactor => (PERCENT, FACTOR),
        CurveKind::FrequencyWatt => (HERTZ, PERCENT),
        CurveKind::LowVoltageTrip | CurveKind::HighVoltageTrip => (VOLTS, SECONDS),
        CurveKind::LowFrequencyTrip | CurveKind::HighFrequencyTrip => (HERTZ, SECONDS),
    }
}

#[cfg(test)]
mod tests;
