//! `[curve_window]` and `[[curve]]`: how the curves of an outstation are edited, and what follows them.

use super::super::values::NUMBERS;
use super::super::words::one_of;
use super::addresses::Shifts;
use super::chain::Level;
use super::commands::{order, plain, supports, writes_any};
use super::layers::Layers;
use super::points::{binary, named};
use super::steps::{self, Context};
use crate::der::CurveKind;
use crate::device_map::dnp3::{Argument, CurvePoints, CurveRoute, CurveWindow, PointKind, WindowPoint};
use crate::toml_file::{Item, Placed, Table};
use std::collections::BTreeMap;

/// Most curves of one function that are ours to write.
const MAX_NUMBERS: usize = 20;

/// Most points of a curve.
const MAX_POINTS: i64 = 1000;

const ARGUMENTS: [Argument; 9] = [
    Argument::CurveNumber,
    Argument::Response,
    Argument::Reversion,
    Argument::DroopOverBand,
    Argument::DroopUnderBand,
    Argument::DroopOverSlope,
    Argument::DroopUnderSlope,
    Argument::DroopOverGain,
    Argument::DroopUnderGain,
];

/// What a droop must write, each by one of its words.
const DROOP: [&[Argument]; 4] = [
    &[Argument::DroopOverBand],
    &[Argument::DroopUnderBand],
    &[Argument::DroopOverSlope, Argument::DroopOverGain],
    &[Argument::DroopUnderSlope, Argument::DroopUnderGain],
];

pub(super) fn window(mut layers: Layers, shifts: &Shifts) -> Option<CurveWindow> {
    const LABEL: &str = "[curve_window]";
    let mut point = |key: &'static str| {
        let given = layers.require(key, LABEL, "{ write = \"AO244\", read = \"AI328\" }")?;
        window_point(given.item, given.level, &format!("{LABEL}: {key}"), shifts)
    };
    let (select, kind, count) = (point("select"), point("type"), point("count"));
    let (x_unit, y_unit, first) = (point("x_unit"), point("y_unit"), point("first"));
    let max_points = layers.integer("max_points", 1..=MAX_POINTS, "100");
    let referenced = layers.take("referenced").and_then(|given| {
        let label = format!("{LABEL}: referenced");
        binary(shifts.spot_of(given.item, given.level, &label, "\"BI107\"")?, &label)
    });
    let locked = layers.boolean("locked_while_followed").is_some_and(|given| given.value);
    let place = layers.place().clone();
    layers.finish();
    let max_points = max_points.and_then(|n| u16::try_from(n.value).ok()).unwrap_or(100);
    let (select, kind, count, x_unit, y_unit, first) = (select?, kind?, count?, x_unit?, y_unit?, first?);
    let last = 2 * u32::from(max_points) - 1;
    if u32::from(first.write.max(first.read)) + last > u32::from(u16::MAX) {
        place.fault(format!("{LABEL}: {max_points} points from first on run past index 65535"));
        return None;
    }
    let single = [select, kind, count, x_unit, y_unit];
    let of_points = |index: u16, begin: u16| index >= begin && u32::from(index - begin) <= last;
    let twice = single.iter().enumerate().any(|(k, point)| {
        of_points(point.write, first.write)
            || of_points(point.read, first.read)
            || single.iter().take(k).any(|other| other.write == point.write || other.read == point.read)
    });
    if twice {
        place.fault(format!(
            "{LABEL}: two of its parts are at the same index, or within the {max_points} points from first on"
        ));
        return None;
    }
    Some(CurveWindow {
        select,
        kind,
        count,
        x_unit,
        y_unit,
        first,
        max_points,
        referenced,
        locked_while_followed: locked,
    })
}

/// `{ write = "AO244", read = "AI328" }`
fn window_point(item: Item, level: usize, label: &str, shifts: &Shifts) -> Option<WindowPoint> {
    if !item.is_table() {
        item.place()
            .fault(format!("{label} must be a table; write {{ write = \"AO244\", read = \"AI328\" }}"));
        return None;
    }
    let mut table = item.table(label)?;
    let mut index = |key: &'static str, kind: PointKind, example: &str| {
        let spot = shifts.spot(table.required_text(key, example)?, level, label)?;
        if spot.at.kind == kind {
            return Some(spot.at.index);
        }
        spot.place.fault(format!("{label}: {key} is {}, but must be an {}", spot.at, kind.letters()));
        None
    };
    let write = index("write", PointKind::AnalogOutput, "\"AO244\"");
    let read = index("read", PointKind::AnalogInput, "\"AI328\"");
    table.finish();
    Some(WindowPoint { write: write?, read: read? })
}

pub(super) fn read(
    levels: &mut [Level],
    has_window: bool,
    window: Option<&CurveWindow>,
    context: &Context<'_>,
) -> Vec<CurveRoute> {
    let words: Vec<(&str, CurveKind)> = CurveKind::ALL.iter().map(|kind| (kind.name(), *kind)).collect();
    let good = |name: Placed<String>| one_of(&name, "curve", &words).map(|_| name);
    let mut routes = Vec::new();
    let mut numbers: BTreeMap<u16, &'static str> = BTreeMap::new();
    for (word, layers) in named(levels, ("curve", "kind", "remove_curves"), words.len(), good) {
        let Some(kind) = CurveKind::from_name(&word) else { continue };
        let place = layers.place().clone();
        let Some(route) = read_route(layers, kind, context) else { continue };
        if let Some(points) = &route.points {
            if !has_window {
                place.fault(format!("curve \"{word}\" has points, so the map needs a [curve_window]"));
            }
            if window.is_some_and(|window| window.locked_while_followed) && points.numbers.len() < 2 {
                place.fault(format!(
                    "curve \"{word}\": a curve that is followed cannot be written here, so numbers needs a second one"
                ));
            }
            for number in &points.numbers {
                if let Some(other) = numbers.insert(*number, kind.name()) {
                    place.fault(format!(
                        "curve \"{word}\" has number {number}, which is \"{other}\"'s; a curve belongs to one function"
                    ));
                }
            }
        }
        routes.push(route);
    }
    routes
}

fn read_route(mut layers: Layers, kind: CurveKind, context: &Context<'_>) -> Option<CurveRoute> {
    let place = layers.place().clone();
    let label = format!("curve \"{}\"", kind.name());
    let supports = supports(&mut layers, &label, context);
    let has_points = layers.take("points");
    let with_points = has_points.is_some();
    let points = has_points
        .and_then(|given| given.item.table("points = { … }"))
        .and_then(|table| read_points(table, &format!("{label}: points"), context));
    let steps = layers
        .require("steps", &label, "[ { write = \"AO217\", reads = \"AI297\", from = \"curve\" } ]")
        .map(|given| steps::read((given.item, given.level), &label, "step", &ARGUMENTS, context));
    let release = layers
        .take("release")
        .map(|given| steps::read((given.item, given.level), &label, "release step", &[], context));
    layers.finish();
    let (steps, release) = (steps?, release.unwrap_or_default());
    order(&steps, &label);
    if with_points && !writes_any(&steps, &[Argument::CurveNumber]) {
        place.fault(format!("{label} never says which curve to follow; one step needs from = \"curve\""));
    }
    if !with_points && let Some(lacks) = DROOP.iter().find(|words| !writes_any(&steps, words)) {
        place.fault(format!(
            "{label} has no points, so it is a droop; one step needs from = \"{}\"",
            lacks.first().map_or("", |argument| argument.name())
        ));
    }
    if !with_points && kind != CurveKind::FrequencyWatt {
        place.fault(format!("{label} needs points = {{ … }}; only \"freq-watt\" can be a droop"));
    }
    match (kind.is_trip(), release.is_empty()) {
        (false, true) => place.fault(format!(
            "{label} has no release steps: the gateway could never undo it; add release = [ {{ write = \"BO29\", reads = \"BI81\", value = \"off\" }} ]"
        )),
        (true, false) => place.fault(format!(
            "{label} has release steps, but a protection is never switched off from afar; leave release out"
        )),
        _ => {}
    }
    if with_points && points.is_none() {
        return None;
    }
    Some(CurveRoute { kind, supports, points, steps: plain(steps), release: plain(release) })
}

/// `points = { type = 2, x_unit = 129, y_unit = 2, x_scale = 0.1, y_scale = 0.1, numbers = [1, 11] }`
fn read_points(mut table: Table, label: &str, context: &Context<'_>) -> Option<CurvePoints> {
    let mut raw = |key: &'static str, example: &str| {
        let number = table.required_integer(key, 0..=i64::from(i32::MAX), example)?;
        i32::try_from(number.value).ok()
    };
    let (kind, x_unit, y_unit) = (raw("type", "2"), raw("x_unit", "129"), raw("y_unit", "2"));
    let mut scale = |key: &'static str| {
        let scale = table.required_number(key, NUMBERS, "0.1")?;
        super::super::points::not_zero(scale, label)
    };
    let (x_scale, y_scale) = (scale("x_scale"), scale("y_scale"));
    let numbers = table.require("numbers", "[1, 11]");
    let swapped = table.boolean("swapped").is_some_and(|given| given.value);
    let exact = table.boolean("exact").is_some_and(|given| given.value);
    let y_percent_of = table.text("y_percent_of", "\"nominal_frequency\"");
    table.finish();
    let y_percent_of = y_percent_of.and_then(|name| Some(context.points.find(&name, label)?.name.clone()));
    let numbers = numbers.and_then(|item| read_numbers(item, label));
    Some(CurvePoints {
        kind: kind?,
        x_unit: x_unit?,
        y_unit: y_unit?,
        x_scale: x_scale?,
        y_scale: y_scale?,
        swapped,
        y_percent_of,
        exact,
        numbers: numbers?,
    })
}

fn read_numbers(item: Item, label: &str) -> Option<Vec<u16>> {
    let list = item.list("[1, 11]")?;
    if list.value.is_empty() || list.value.len() > MAX_NUMBERS {
        list.place.fault(format!("{label}: numbers has 1 to {MAX_NUMBERS} curves that are ours to write"));
        return None;
    }
    let mut found: Vec<u16> = Vec::new();
    for item in list.value {
        let Some(number) = item.integer(&(1..=i64::from(u16::MAX)), "1") else { continue };
        let Ok(value) = u16::try_from(number.value) else { continue };
        if found.contains(&value) {
            number.place.fault(format!("{label}: numbers has {value} twice; once is enough"));
        } else {
            found.push(value);
        }
    }
    Some(found)
}
