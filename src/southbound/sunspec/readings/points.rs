//! Which point of which measuring model is which quantity: inverters of both generations, and meters.

use crate::der::Quantity;
use crate::device_map::MeterSign;
use crate::southbound::sunspec::block::{Blocks, Number, Sample};

/// Models that measure, in order of preference: the newer inverter model, the older ones, meters.
pub const MEASURING: [u16; 15] = [701, 101, 102, 103, 111, 112, 113, 201, 202, 203, 204, 211, 212, 213, 214];

/// True for a model of a meter.
#[must_use]
pub const fn is_meter(id: u16) -> bool {
    matches!(id, 201..=204 | 211..=214)
}

type Points = [(Quantity, &'static str); 8];

/// Points of 701 that are a quantity as they stand.
const NEWER: Points = [
    (Quantity::ActivePower, "W"),
    (Quantity::ReactivePower, "Var"),
    (Quantity::ApparentPower, "VA"),
    (Quantity::Current, "A"),
    (Quantity::Frequency, "Hz"),
    (Quantity::EnergyInjected, "TotWhInj"),
    (Quantity::EnergyAbsorbed, "TotWhAbs"),
    (Quantity::Temperature, "TmpCab"),
];

/// The same of 101 to 103 and 111 to 113.
const LEGACY: Points = [
    (Quantity::ActivePower, "W"),
    (Quantity::ReactivePower, "VAr"),
    (Quantity::ApparentPower, "VA"),
    (Quantity::Current, "A"),
    (Quantity::Frequency, "Hz"),
    (Quantity::EnergyInjected, "WH"),
    (Quantity::DcPower, "DCW"),
    (Quantity::Temperature, "TmpCab"),
];

/// The same of 201 to 204 and 211 to 214.
const METER: [(Quantity, &str); 7] = [
    (Quantity::ActivePower, "W"),
    (Quantity::ReactivePower, "VAR"),
    (Quantity::ApparentPower, "VA"),
    (Quantity::Current, "A"),
    (Quantity::Frequency, "Hz"),
    (Quantity::EnergyInjected, "TotWhExp"),
    (Quantity::EnergyAbsorbed, "TotWhImp"),
];

/// The points of a measuring model.
#[must_use]
pub const fn points(id: u16) -> &'static [(Quantity, &'static str)] {
    match id {
        701 => &NEWER,
        _ if is_meter(id) => &METER,
        _ => &LEGACY,
    }
}

/// The point of a measuring model that counts injected energy.
#[must_use]
pub const fn energy_point(id: u16) -> &'static str {
    match id {
        701 => "TotWhInj",
        122 => "ActWh",
        _ if is_meter(id) => "TotWhExp",
        _ => "WH",
    }
}

/// A point in gateway terms: positive is injected into the grid. A meter's positive power is taken from the grid unless
/// the device map says otherwise.
#[must_use]
pub fn turned(blocks: &Blocks, id: u16, quantity: Quantity, number: Number) -> Number {
    let flows = matches!(quantity, Quantity::ActivePower | Quantity::ReactivePower);
    match number {
        // Not negated: that would make -0 of 0.
        Number::Good(value) if flows && is_meter(id) && blocks.meter_sign == MeterSign::ImportPositive => {
            Number::Good(0.0 - value)
        }
        other => other,
    }
}

/// Phase voltages to neutral.
const NEUTRAL_70X: [&str; 3] = ["VL1", "VL2", "VL3"];
const NEUTRAL: [&str; 3] = ["PhVphA", "PhVphB", "PhVphC"];
/// Between phases; meters 203 and 204 spell it in a way of their own.
const BETWEEN: [&str; 3] = ["PPVphAB", "PPVphBC", "PPVphCA"];
const BETWEEN_METER: [&str; 3] = ["PhVphAB", "PhVphBC", "PhVphCA"];

/// Line to neutral, mean of the phases that report; where a three-phase device tells only line to line, that by the
/// square root of three.
pub fn voltage(id: u16, sample: &Sample<'_>) -> (&'static str, Number) {
    let three_phase = match id {
        701 => sample.integer("ACType") == Some(2),
        103 | 113 | 203 | 204 | 213 | 214 => true,
        _ => false,
    };
    if id == 701 {
        return match (sample.number("LNV"), mean(sample, &NEUTRAL_70X)) {
            (Number::Absent, (_, Number::Absent)) if three_phase => ("LLV", to_neutral(sample.number("LLV"))),
            (Number::Absent, phases) => phases,
            (average, _) => ("LNV", average),
        };
    }
    let phases = mean(sample, &NEUTRAL);
    if phases.1 != Number::Absent {
        return phases;
    }
    if is_meter(id) && sample.number("PhV") != Number::Absent {
        return ("PhV", sample.number("PhV"));
    }
    if !three_phase {
        return phases;
    }
    let between = if matches!(id, 203 | 204) { &BETWEEN_METER } else { &BETWEEN };
    let (path, number) = mean(sample, between);
    (path, to_neutral(number))
}

fn to_neutral(number: Number) -> Number {
    match number {
        Number::Good(volts) => Number::Good(volts / 3.0_f64.sqrt()),
        other => other,
    }
}

/// The mean of the phases that report. A phase that reads 0 beside others that do not is not connected.
fn mean(sample: &Sample<'_>, paths: &[&'static str; 3]) -> (&'static str, Number) {
    let [first, ..] = *paths;
    let (mut sum, mut count, mut bad) = (0.0, 0.0, None);
    let mut zero = false;
    for path in paths {
        match sample.number(path) {
            Number::Absent => {}
            Number::Good(0.0) => zero = true,
            Number::Good(volts) => {
                sum += volts;
                count += 1.0;
            }
            Number::Bad(fault) => bad = Some((*path, fault)),
        }
    }
    match bad {
        _ if count > 0.0 => (first, Number::Good(sum / count)),
        Some((path, fault)) => (path, Number::Bad(fault)),
        None if zero => (first, Number::Good(0.0)),
        None => (first, Number::Absent),
    }
}
