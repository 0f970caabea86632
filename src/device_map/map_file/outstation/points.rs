//! `[[point]]` of an outstation: what its points report.

use super::super::measure::{self, Written};
use super::super::names::{MAX_POINTS, Missing, POLLS, point_name, symbols};
use super::super::points::not_zero;
use super::super::values::NUMBERS;
use super::super::words::{instead, quoted};
use super::addresses::{Shifts, Spot};
use super::chain::Level;
use super::layers::Layers;
use super::options::raw_list;
use crate::device_map::dnp3::{At, OutstationPoint, PointKind};
use crate::device_map::registers::{RegisterQuantity, RegisterType};
use crate::toml_file::{Item, Place, Placed};
use std::collections::{BTreeMap, BTreeSet};

/// Longest words of an alarm or a reason.
const MAX_WORDS: usize = 200;

/// All points of a map.
#[derive(Debug, Default)]
pub(super) struct Points {
    pub(super) list: Vec<OutstationPoint>,
    missing: Missing,
}

impl Points {
    /// The point of a name; a fault if there is none.
    pub(super) fn find(&self, name: &Placed<String>, label: &str) -> Option<&OutstationPoint> {
        let found = self.list.iter().find(|point| point.name == name.value);
        if found.is_none() {
            self.missing.fault(name, label, self.list.iter().map(|point| point.name.as_str()));
        }
        found
    }
}

/// The tables of a key in all levels, those of one name together, in the order of the lowest; and those without a name.
pub(super) fn named(
    levels: &mut [Level],
    (key, by, remove): (&'static str, &'static str, &'static str),
    most: usize,
    good: impl Fn(Placed<String>) -> Option<Placed<String>>,
) -> Vec<(String, Layers)> {
    let mut found: Vec<(String, Layers)> = Vec::new();
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    for (number, level) in levels.iter_mut().enumerate().rev() {
        if let Some(list) = level.root.texts(remove, "[\"name\"]") {
            for name in list.value.into_iter().take(most) {
                if places.remove(&name.value).is_none() {
                    let known: Vec<&str> = places.keys().map(String::as_str).take(MAX_POINTS).collect();
                    let right = instead(&name.value, &known);
                    name.place.fault(format!(
                        "{remove}: no map below has a {key} {}; {right}",
                        quoted(&name.value)
                    ));
                }
            }
        }
        let tables = level.root.tables(key);
        if let Some(over) = tables.get(most) {
            over.fault(format!("more than {most} of [[{key}]]; a map has at most so many"));
        }
        let mut here: BTreeSet<String> = BTreeSet::new();
        for mut table in tables.into_iter().take(most) {
            let Some(name) = table.required_text(by, "\"p\"").and_then(&good) else { continue };
            if !here.insert(name.value.clone()) {
                name.place.fault(format!(
                    "the {by} \"{}\" is already that of another {key}; each is written once",
                    name.value
                ));
                continue;
            }
            match places.get(&name.value).and_then(|k| found.get_mut(*k)) {
                Some((_, layers)) => layers.cover(number, table),
                None => {
                    places.insert(name.value.clone(), found.len());
                    found.push((name.value, Layers::of(number, table)));
                }
            }
        }
    }
    // What was removed keeps its place in the list, but no name leads to it.
    let kept: BTreeSet<usize> = places.into_values().collect();
    found.into_iter().enumerate().filter(|(k, _)| kept.contains(k)).map(|(_, named)| named).collect()
}

pub(super) fn read(levels: &mut [Level], shifts: &Shifts) -> Points {
    let mut points = Points::default();
    let mut taken: BTreeMap<At, String> = BTreeMap::new();
    for (name, layers) in named(levels, ("point", "name", "remove_points"), MAX_POINTS, point_name) {
        let label = format!("point \"{name}\"");
        let Some((point, place)) = read_point(layers, name.clone(), &label, shifts) else {
            points.missing.but_wrong(name);
            continue;
        };
        if let Some(other) = taken.get(&point.at) {
            place.fault(format!("{label} is at {}, as is \"{other}\"; one point has one name", point.at));
        }
        taken.insert(point.at, name);
        points.list.push(point);
    }
    twice(&points.list, levels);
    points
}

/// Two points that report the same would overwrite each other.
fn twice(points: &[OutstationPoint], levels: &[Level]) {
    for (k, point) in points.iter().enumerate() {
        let Some((quantity, _)) = point.quantity else { continue };
        let other =
            points.iter().take(k).find(|other| other.quantity.is_some_and(|(known, _)| known == quantity));
        if let (Some(other), Some(top)) = (other, levels.first()) {
            top.root.fault(format!(
                "points \"{}\" and \"{}\" both report {}; one point reports it",
                other.name,
                point.name,
                super::super::units::word(quantity)
            ));
        }
    }
}

fn read_point(
    mut layers: Layers,
    name: String,
    label: &str,
    shifts: &Shifts,
) -> Option<(OutstationPoint, Place)> {
    let spot = layers
        .require("at", label, "\"AI537\"")
        .and_then(|given| shifts.spot_of(given.item, given.level, label, "\"AI537\""));
    let kind = spot.as_ref().map(|spot| spot.at.kind);
    let scale = layers.number("scale", NUMBERS, "0.1").and_then(|scale| not_zero(scale, label));
    let offset = layers.number("offset", NUMBERS, "0").map_or(0.0, |offset| offset.value);
    let (unit, quantity) = measure(&mut layers, kind, label);
    let poll = layers.word("poll", &POLLS);
    let without_online = layers.boolean("without_online").is_some_and(|given| given.value);
    let invalid = layers.take("invalid").map(|given| raw_list(given.item, &format!("{label}: invalid")));
    let symbols = layers.take("enum").map(|given| read_symbols(given.item, label));
    let only_while = layers.take("only_while").and_then(|given| {
        let label = format!("{label}: only_while");
        switch(shifts.spot_of(given.item, given.level, &label, "\"BI27\"")?, &label)
    });
    let alarm = layers.text("alarm", "\"overvoltage\"").and_then(|text| words(text, "alarm", label));
    let blocks = layers.text("blocks", "\"switched to local\"").and_then(|text| words(text, "blocks", label));
    let sequence = layers.boolean("sequence").is_some_and(|given| given.value);
    layers.finish();
    let Spot { at, place } = spot?;
    let point = OutstationPoint {
        name,
        at,
        scale: scale.unwrap_or(1.0),
        offset,
        unit,
        quantity,
        poll: poll.unwrap_or_default(),
        without_online,
        invalid: invalid.unwrap_or_default(),
        symbols: symbols.unwrap_or_default(),
        only_while,
        alarm,
        blocks,
        sequence,
    };
    Some((point, place))
}

/// Unit, quantity and sign. Who a device is, no point tells: that is in the device attributes.
fn measure(layers: &mut Layers, kind: Option<PointKind>, label: &str) -> measure::Measure {
    let written = Written {
        unit: layers.text("unit", "\"W\""),
        quantity: layers.text("quantity", "\"active_power\""),
        phase: layers.text("phase", "\"l1\""),
        negate: layers.boolean("negate"),
    };
    let at = written.quantity.as_ref().map(|word| word.place.clone());
    let as_register = match kind {
        Some(PointKind::BinaryInput | PointKind::BinaryOutput | PointKind::DoubleBitInput) => {
            RegisterType::Bool
        }
        _ => RegisterType::I32,
    };
    let (unit, quantity) = measure::of(written, Some(as_register), label);
    if let (Some((RegisterQuantity::Identity(_), _)), Some(at)) = (&quantity, at) {
        at.fault(format!(
            "{label}: no point tells who an outstation is; it is read from its device attributes. Leave quantity out"
        ));
        return (unit, None);
    }
    (unit, quantity)
}

/// An address that is on or off.
pub(super) fn binary(spot: Spot, label: &str) -> Option<At> {
    if spot.at.kind.is_binary() {
        return Some(spot.at);
    }
    spot.place.fault(format!("{label}: {} is not on or off; write a point such as \"BI27\"", spot.at));
    None
}

/// An address that is on or off, or a number that is 0 or not.
fn switch(spot: Spot, label: &str) -> Option<At> {
    if spot.at.kind != PointKind::Counter {
        return Some(spot.at);
    }
    spot.place
        .fault(format!("{label}: {} counts, which is not on or off; write \"BI27\" or \"AI33\"", spot.at));
    None
}

fn words(text: Placed<String>, key: &str, label: &str) -> Option<String> {
    if !text.value.trim().is_empty() && text.value.chars().count() <= MAX_WORDS {
        return Some(text.value);
    }
    text.place.fault(format!("{label}: {key} has 1 to {MAX_WORDS} characters, as an operator reads them"));
    None
}

/// `enum = { 0 = "off", 1 = "on" }`
fn read_symbols(item: Item, label: &str) -> Vec<(i64, String)> {
    let Some(table) = item.table("enum = { 0 = \"off\" }") else { return Vec::new() };
    symbols(table, |text| text.parse::<i32>().ok().map(i64::from), ("", "1 = \"on\"", label))
}
