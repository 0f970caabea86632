//! Whether a device rests: signs that an inverter without sun is going to sleep, or sleeps.
//!
//! Pure. What follows from them is decided in `device::states`.

use super::{Sources, points::is_meter};
use crate::southbound::sunspec::block::{Blocks, Number, Sample};

/// Less than this share of the rating is no production.
const NOTHING: f64 = 0.01;
/// Types of DER in model 120 that have a storage.
const STORING: [i128; 2] = [80, 82];
/// The type that has a PV source and nothing else.
const PV: i128 = 4;

/// True if a measuring model's answer tells nothing at all: at night some inverters implement no point of it.
#[must_use]
pub fn speechless(id: u16, sample: &Sample<'_>) -> bool {
    let absent = |path: &str| sample.number(path) == Number::Absent;
    absent("W") && absent("Hz") && super::points::voltage(id, sample).1 == Number::Absent
}

/// In the first seconds after wake-up some inverters answer with zeros: voltages, scale factors and counter all 0
/// (SunSpec reference 7, note d). Such an answer is no measurement.
#[must_use]
pub fn just_woken(id: u16, sample: &Sample<'_>) -> bool {
    if (111..=113).contains(&id) {
        // No scale factors here.
        return ["PhVphA", "Hz", "WH", "W"].into_iter().all(|path| sample.number(path) == Number::Good(0.0));
    }
    if !(101..=103).contains(&id) {
        return false;
    }
    let zero = |path: &str| sample.integer(path).unwrap_or(0) == 0;
    ["PhVphA", "PhVphB", "PhVphC", "V_SF", "W_SF", "Hz_SF", "A_SF", "WH_SF", "Hz", "WH"].into_iter().all(zero)
        && sample.implemented("WH").is_some()
        && sample.integer("PhVphA") == Some(0)
}

/// True if the device has a battery: it has work at night.
#[must_use]
pub fn stores(blocks: &Blocks, sources: Sources) -> bool {
    let kind = blocks.sample(120).and_then(|s| s.integer("DERTyp"));
    sources.charge.is_some()
        || kind.is_some_and(|kind| STORING.contains(&kind))
        || [(124, "WChaMax"), (702, "WChaRteMaxRtg"), (713, "WHRtg")]
            .into_iter()
            .any(|(id, path)| blocks.good(id, path).is_some_and(|v| v > 0.0))
}

/// True if the device says that it stores nothing: it tells a charge rate of 0, or is of a type that has PV alone.
#[must_use]
pub fn stores_nothing(blocks: &Blocks, sources: Sources) -> bool {
    let kind = blocks.sample(120).and_then(|s| s.integer("DERTyp"));
    let told = kind == Some(PV) || blocks.good(702, "WChaRteMaxRtg") == Some(0.0);
    told && !stores(blocks, sources)
}

/// Whether an inverter produces nothing of its own accord; `None` if its answer does not tell. `shadows` are models that
/// do not show what was written to them.
#[must_use]
pub fn quiet(blocks: &Blocks, sources: Sources, shadows: &[u16]) -> Option<bool> {
    let id = sources.measuring.filter(|id| !is_meter(*id))?;
    let sample = blocks.sample(id)?;
    if just_woken(id, &sample) {
        return None;
    }
    let off = |(model, path): &(u16, &str)| {
        !shadows.contains(model) && blocks.sample(*model).and_then(|s| s.integer(path)) == Some(0)
    };
    // It was told to stop: that is no night.
    if [(123, "Conn"), (703, "ES")].iter().any(off) {
        return Some(false);
    }
    let state = if id == 701 { sample.integer("InvSt") } else { sample.integer("St") };
    // A fault is no night either.
    if matches!((id, state), (701, Some(6))) || (id != 701 && state == Some(7)) {
        return Some(false);
    }
    let resting = match (id, state) {
        // OFF, SLEEPING, SHUTTING_DOWN, STANDBY.
        (701, Some(state)) => matches!(state, 0 | 1 | 5 | 7),
        (_, Some(state)) => matches!(state, 1 | 2 | 6 | 8),
        (_, None) => false,
    };
    let rating = [(702, "WMaxRtg"), (120, "WRtg"), (702, "WMax"), (121, "WMax")]
        .into_iter()
        .find_map(|(id, path)| blocks.good(id, path).filter(|w| *w > 0.0));
    let idle = sample.good("W").map(|watts| watts.abs() <= NOTHING * rating.unwrap_or(0.0));
    match (idle, resting) {
        // A state that says "off" beside real power lies (SunSpec reference 7, note d).
        (Some(idle), _) => Some(idle),
        (None, true) => Some(true),
        (None, false) => None,
    }
}
