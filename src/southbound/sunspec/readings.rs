//! Which point of which model is which quantity, and what a poll's answers come to.
//!
//! Pure. Power factor is not taken from the device (SunSpec reference 7, note a). The newer models are preferred and
//! no quantity is read twice.

use super::block::{Blocks, Class, Number, Sample};
use crate::der::{Quality, Quantity, Reading};
use jiff::Timestamp;

/// Models that measure, in order of preference.
pub const MEASURING: [u16; 7] = [701, 101, 102, 103, 111, 112, 113];
/// Models that know a state of charge, in order of preference, and their point for it.
const CHARGE: [(u16, &str); 3] = [(713, "SoC"), (802, "SoC"), (124, "ChaState")];

/// Points of 701 that are a quantity as they stand.
const POINTS_70X: [(Quantity, &str); 8] = [
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
const POINTS_LEGACY: [(Quantity, &str); 8] = [
    (Quantity::ActivePower, "W"),
    (Quantity::ReactivePower, "VAr"),
    (Quantity::ApparentPower, "VA"),
    (Quantity::Current, "A"),
    (Quantity::Frequency, "Hz"),
    (Quantity::EnergyInjected, "WH"),
    (Quantity::DcPower, "DCW"),
    (Quantity::Temperature, "TmpCab"),
];

/// Where the quantities of a device come from. Chosen once after discovery, and kept: two counters of one device
/// need not agree (SunSpec reference 7, note b).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sources {
    /// The model of the measurements.
    pub measuring: Option<u16>,
    /// The model of the state of charge.
    pub charge: Option<(u16, &'static str)>,
    /// 122.ActWh counts the energy, since the measuring model does not.
    pub energy_122: bool,
    /// 122.WAval tells the available power.
    pub available_122: bool,
}

/// Chooses the sources from a first reading of everything, and sets the class of each block.
pub fn choose(blocks: &mut Blocks) -> Sources {
    let has = |id: &u16| blocks.get(*id).is_some();
    let speaks = |id: &u16| blocks.good(*id, "W").is_some();
    let measuring = MEASURING.into_iter().find(speaks).or_else(|| MEASURING.into_iter().find(has));
    let charge = charge(blocks);
    let counts = measuring.is_some_and(|id| {
        let path = if id == 701 { "TotWhInj" } else { "WH" };
        blocks.good(id, path).is_some_and(|wh| wh > 0.0)
    });
    let sources = Sources {
        measuring,
        charge,
        energy_122: !counts && blocks.good(122, "ActWh").is_some_and(|wh| wh > 0.0),
        available_122: blocks.good(122, "WAval").is_some(),
    };
    classify(blocks, sources);
    sources
}

fn charge(blocks: &Blocks) -> Option<(u16, &'static str)> {
    CHARGE
        .into_iter()
        .find(|(id, path)| blocks.good(*id, path).is_some() && blocks.good(*id, "WHRtg") != Some(0.0))
}

impl Sources {
    /// Adds what showed itself later: a device that was found at night does not implement everything then. What was
    /// chosen stays.
    pub fn add_found(&mut self, blocks: &mut Blocks) {
        let before = *self;
        self.charge = self.charge.or_else(|| charge(blocks));
        self.available_122 |= blocks.good(122, "WAval").is_some();
        if *self != before {
            classify(blocks, *self);
        }
    }
}

fn classify(blocks: &mut Blocks, sources: Sources) {
    for block in &mut blocks.list {
        let id = block.at.id;
        let measures = Some(id) == sources.measuring || sources.charge.is_some_and(|(m, _)| m == id);
        let from_122 = id == 122 && (sources.energy_122 || sources.available_122);
        block.class = match id {
            _ if measures || from_122 => Class::Fast,
            // The last three are no sources yet, but may show a value later.
            120 | 121 | 123 | 124 | 702 | 703 | 704 | 122 | 713 | 802 => Class::Slow,
            _ => Class::OnDemand,
        };
    }
    // Something must be read to see that the device is there.
    if blocks.list.iter().all(|b| b.class != Class::Fast)
        && let Some(first) = blocks.list.first_mut()
    {
        first.class = Class::Fast;
    }
}

/// A point that is implemented but cannot be used: model, path and why.
pub type PointFault = (u16, &'static str, super::block::Fault);

/// What the blocks just read say. `asked` tells when a block of this poll was asked for, and `None` for any other.
pub fn readings(
    blocks: &Blocks,
    sources: Sources,
    asked: &dyn Fn(u16) -> Option<Timestamp>,
) -> (Vec<Reading>, Vec<PointFault>) {
    let mut out = Gather {
        readings: Vec::with_capacity(Quantity::ALL.len()),
        faults: Vec::new(),
        at: Timestamp::UNIX_EPOCH,
    };
    if let Some(id) = sources.measuring
        && let Some(at) = asked(id)
        && let Some(sample) = blocks.sample(id)
        && !just_woken(id, &sample)
    {
        out.at = at;
        let points = if id == 701 { &POINTS_70X } else { &POINTS_LEGACY };
        for (quantity, path) in points {
            let number = sample.number(path);
            // A counter at 0 beside measurements that are not there counts nothing either (SMA at night).
            let asleep = sample.integer(path) == Some(0) && sample.number("W") == Number::Absent;
            let energy = *quantity == Quantity::EnergyInjected;
            if !(energy && (sources.energy_122 || asleep)) {
                out.put(id, *quantity, path, number);
            }
        }
        let (path, voltage) = voltage(id, &sample);
        out.put(id, Quantity::Voltage, path, voltage);
    }
    if let Some((id, path)) = sources.charge
        && let Some(at) = asked(id)
        && let Some(sample) = blocks.sample(id)
    {
        out.at = at;
        out.put(id, Quantity::StateOfCharge, path, sample.number(path));
    }
    if let Some(at) = asked(122)
        && let Some(sample) = blocks.sample(122)
    {
        out.at = at;
        if sources.energy_122 {
            out.put(122, Quantity::EnergyInjected, "ActWh", sample.number("ActWh"));
        }
        if sources.available_122 {
            out.put(122, Quantity::AvailableActivePower, "WAval", sample.number("WAval"));
        }
    }
    (out.readings, out.faults)
}

/// Which quantities a device has reported. One that it reported and then does not (asleep, a block that fails) is
/// not known any more, and says so instead of standing at its last value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reported([bool; Quantity::ALL.len()]);

impl Reported {
    /// Notes what a poll's readings tell, and adds what is missing from them as invalid.
    pub fn complete(&mut self, readings: &mut Vec<Reading>, at: Timestamp) {
        for (quantity, reported) in Quantity::ALL.into_iter().zip(&mut self.0) {
            if readings.iter().any(|r| r.quantity == quantity) {
                *reported = true;
            } else if *reported {
                readings.push(Reading { quantity, value: f64::NAN, quality: Quality::Invalid, at });
            }
        }
    }
}

struct Gather {
    readings: Vec<Reading>,
    faults: Vec<PointFault>,
    at: Timestamp,
}

impl Gather {
    fn put(&mut self, model: u16, quantity: Quantity, path: &'static str, number: Number) {
        let (value, quality) = match number {
            Number::Absent => return,
            Number::Good(value) => (value, Quality::Good),
            Number::Bad(fault) => {
                self.faults.push((model, path, fault));
                // Never 0: a value that is not known must not look like one.
                (f64::NAN, Quality::Invalid)
            }
        };
        self.readings.push(Reading { quantity, value, quality, at: self.at });
    }
}

/// Phase voltages to neutral.
const NEUTRAL_70X: [&str; 3] = ["VL1", "VL2", "VL3"];
const NEUTRAL_LEGACY: [&str; 3] = ["PhVphA", "PhVphB", "PhVphC"];
const BETWEEN_LEGACY: [&str; 3] = ["PPVphAB", "PPVphBC", "PPVphCA"];

/// Line to neutral, mean of the phases that report; where a three-phase device tells only line to line, that by the
/// square root of three.
fn voltage(id: u16, sample: &Sample<'_>) -> (&'static str, Number) {
    let three_phase = match id {
        701 => sample.integer("ACType") == Some(2),
        103 | 113 => true,
        _ => false,
    };
    if id == 701 {
        return match (sample.number("LNV"), mean(sample, &NEUTRAL_70X)) {
            (Number::Absent, (_, Number::Absent)) if three_phase => ("LLV", to_neutral(sample.number("LLV"))),
            (Number::Absent, phases) => phases,
            (average, _) => ("LNV", average),
        };
    }
    match mean(sample, &NEUTRAL_LEGACY) {
        (_, Number::Absent) if three_phase => {
            let (path, number) = mean(sample, &BETWEEN_LEGACY);
            (path, to_neutral(number))
        }
        phases => phases,
    }
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

/// In the first seconds after wake-up some inverters answer with zeros: voltages, scale factors and counter all 0
/// (SunSpec reference 7, note d). Such an answer is no measurement.
fn just_woken(id: u16, sample: &Sample<'_>) -> bool {
    if !(101..=103).contains(&id) {
        return false;
    }
    let zero = |path: &str| sample.integer(path).unwrap_or(0) == 0;
    ["PhVphA", "PhVphB", "PhVphC", "V_SF", "W_SF", "Hz_SF", "A_SF", "WH_SF", "Hz", "WH"].into_iter().all(zero)
        && sample.implemented("WH").is_some()
        && sample.integer("PhVphA") == Some(0)
}

#[cfg(test)]
mod tests;
