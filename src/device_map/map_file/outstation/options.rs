//! `[control]`, `[quality]` and `[identify]`: how commands are sent, when a value counts, and who is meant.

use super::addresses::Shifts;
use super::layers::Layers;
use crate::device_map::dnp3::{AnalogNumber, ControlOptions, Mark, Operate, QualityRules, Switch};
use crate::toml_file::Item;
use std::time::Duration;

/// Most raw values in a list.
pub(super) const MAX_RAW: usize = 500;

/// How an output is operated.
pub(super) const OPERATE: [(&str, Operate); 2] = [("select", Operate::Select), ("direct", Operate::Direct)];

/// With what a binary output is operated.
pub(super) const SWITCH: [(&str, Switch); 3] =
    [("latch", Switch::Latch), ("pulse", Switch::Pulse), ("trip-close", Switch::TripClose)];

const NUMBERS: [(&str, AnalogNumber); 3] =
    [("int32", AnalogNumber::Int32), ("int16", AnalogNumber::Int16), ("float32", AnalogNumber::Float32)];

pub(super) fn control(layers: Option<Layers>) -> ControlOptions {
    let usual = ControlOptions::default();
    let Some(mut layers) = layers else { return usual };
    let control = ControlOptions {
        analog: layers.word("analog", &OPERATE).unwrap_or(usual.analog),
        binary: layers.word("binary", &OPERATE).unwrap_or(usual.binary),
        number: layers.word("number", &NUMBERS).unwrap_or(usual.number),
        switch: layers.word("switch", &SWITCH).unwrap_or(usual.switch),
        pulse: layers
            .integer("pulse_ms", 1..=60_000, "1000")
            .and_then(|ms| u64::try_from(ms.value).ok())
            .map_or(usual.pulse, Duration::from_millis),
        batch: layers
            .integer("batch", 1..=20, "1")
            .and_then(|n| u16::try_from(n.value).ok())
            .unwrap_or(usual.batch),
        verify: layers
            .integer("verify_ms", 100..=600_000, "5000")
            .and_then(|ms| u64::try_from(ms.value).ok())
            .map_or(usual.verify, Duration::from_millis),
    };
    layers.finish();
    control
}

pub(super) fn quality(layers: Option<Layers>) -> QualityRules {
    let usual = QualityRules::default();
    let Some(mut layers) = layers else { return usual };
    let quality = QualityRules {
        assume_online: layers.boolean("assume_online").map_or(usual.assume_online, |given| given.value),
        null_raw: layers
            .take("null_raw")
            .map_or(usual.null_raw, |given| raw_list(given.item, "[quality]: null_raw")),
    };
    layers.finish();
    quality
}

pub(super) fn identify(mut layers: Layers, shifts: &Shifts) -> Option<Mark> {
    const LABEL: &str = "[identify]";
    let at = layers.require("at", LABEL, "\"AI0\"");
    let any_of = layers.require("any_of", LABEL, "[100]");
    layers.finish();
    let at = at.and_then(|given| shifts.spot_of(given.item, given.level, LABEL, "\"AI0\""));
    let any_of = any_of?.item;
    let place = any_of.place().clone();
    let any_of = raw_list(any_of, "[identify]: any_of");
    if any_of.is_empty() {
        place.fault("[identify]: any_of needs at least one raw value that the point has");
        return None;
    }
    Some(Mark { at: at?.at, any_of })
}

/// A list of raw values.
pub(super) fn raw_list(item: Item, label: &str) -> Vec<i64> {
    let Some(list) = item.list("[100]") else { return Vec::new() };
    if list.value.len() > MAX_RAW {
        list.place.fault(format!("{label} has more than {MAX_RAW} values"));
    }
    let range = i64::from(i32::MIN)..=i64::from(u32::MAX);
    let number = |item: Item| item.integer(&range, "100").map(|n| n.value);
    list.value.into_iter().take(MAX_RAW).filter_map(number).collect()
}
