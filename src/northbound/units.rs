//! Units, multipliers and flow directions of 61968-5, resolved at this border to SI units and one sign.
//!
//! Case matters in every literal: `m` is milli, `M` is mega.

use super::settings::FlowDirection;
use crate::der::Parameter;

/// UnitMultiplier: the literals with their powers of ten.
const MULTIPLIERS: [(&str, i32); 21] = [
    ("none", 0),
    ("k", 3),
    ("M", 6),
    ("G", 9),
    ("m", -3),
    ("micro", -6),
    ("c", -2),
    ("d", -1),
    ("da", 1),
    ("h", 2),
    ("T", 12),
    ("P", 15),
    ("E", 18),
    ("Z", 21),
    ("Y", 24),
    ("n", -9),
    ("p", -12),
    ("f", -15),
    ("a", -18),
    ("z", -21),
    ("y", -24),
];

/// DERUnitSymbol.
const UNITS: [&str; 30] = [
    "A", "Ah", "As", "Btu", "Hz", "Q", "Qh", "V", "VA", "VAh", "VAr", "VArh", "VPerVA", "VPerVAr", "Vh",
    "Vs", "W", "WPerA", "WPers", "Wh", "deg", "degC", "h", "min", "ohm", "ohmPerm", "ohmm", "onePerHz", "s",
    "therm",
];

/// FlowDirectionKind.
const DIRECTIONS: [&str; 21] = [
    "forward",
    "reverse",
    "net",
    "total",
    "totalByPhase",
    "none",
    "lagging",
    "leading",
    "quadrant1",
    "quadrant2",
    "quadrant3",
    "quadrant4",
    "q1plusQ2",
    "q1plusQ3",
    "q1plusQ4",
    "q1minusQ4",
    "q2plusQ3",
    "q2plusQ4",
    "q2minusQ3",
    "q3plusQ4",
    "q3minusQ2",
];

/// The power of ten of a multiplier.
pub(super) fn multiplier(literal: &str) -> Option<i32> {
    MULTIPLIERS.into_iter().find(|(known, _)| *known == literal).map(|(_, power)| power)
}

/// The multipliers, for words of refusal.
pub(super) fn multipliers() -> String {
    MULTIPLIERS.map(|(literal, _)| literal).join(", ")
}

/// A unit of the standard's list.
pub(super) fn unit(literal: &str) -> Option<&'static str> {
    UNITS.into_iter().find(|known| *known == literal)
}

/// A flow direction of the standard's list.
pub(super) fn direction(literal: &str) -> Option<&'static str> {
    DIRECTIONS.into_iter().find(|known| *known == literal)
}

/// The unit that belongs to a parameter.
pub(super) const fn unit_of(parameter: Parameter) -> &'static str {
    match parameter {
        Parameter::ApparentPower => "VA",
        Parameter::ReactivePower => "VAr",
        Parameter::Voltage => "V",
        Parameter::IncreasingRampRate | Parameter::DecreasingRampRate => "WPers",
        Parameter::ActivePower
        | Parameter::HighFilterUpRegulation
        | Parameter::HighFilterDownRegulation
        | Parameter::HighFilterBiDirectionalRegulation
        | Parameter::LowFilterUpRegulation
        | Parameter::LowFilterDownRegulation
        | Parameter::LowFilterBiDirectionalRegulation => "W",
    }
}

/// True for the parameters whose sign says which way power flows. Voltages, rates and sizes have no direction.
pub(super) const fn has_direction(parameter: Parameter) -> bool {
    matches!(parameter, Parameter::ActivePower | Parameter::ReactivePower)
}

/// A value with its multiplier resolved. Powers of ten up to 22 are exact, so 95.5 k is 95500 to the last bit.
pub(super) fn scaled(value: f64, power: i32) -> f64 {
    let factor = 10f64.powi(power.abs());
    if power < 0 { value / factor } else { value * factor }
}

/// What a value of a directed parameter is multiplied by to be positive when injected.
pub(super) const fn sign(direction: FlowDirection) -> f64 {
    match direction {
        FlowDirection::Forward => -1.0,
        FlowDirection::Reverse => 1.0,
    }
}
