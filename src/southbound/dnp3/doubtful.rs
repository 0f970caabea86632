//! What an outstation tells so that it cannot be used, or that nobody measured, in words for an operator: a value that is missed
//! must not be missed in silence.
//!
//! Pure. Only what matters is named: what is measured, what forbids commands, what percentages refer to, alarms. A device that
//! lacks something has no fault: an input that is just not live (without ONLINE) may belong to what it does not have, and counts
//! only where nothing else tells the same quantity.

use super::image::{Image, OLD, Value, flag};
use crate::der::{Quality, Quantity};
use crate::device_map::dnp3::{At, OutstationMap, OutstationPoint, StepSource};
use crate::device_map::registers::RegisterQuantity;
use crate::southbound::aggregate::reading_of;
use jiff::Timestamp;
use std::collections::BTreeSet;

/// Most points that are named for one reason; reasons there are few.
const MOST_NAMED: usize = 4;

/// What cannot be used, and why. `left_out`: what is not asked for, which is told elsewhere.
#[must_use]
pub fn words(image: &Image, left_out: &dyn Fn(At) -> bool) -> Vec<String> {
    let readings = super::readings::readings(image, &|_| true, &|_| true);
    let lost: BTreeSet<usize> =
        readings.iter().filter(|r| r.quality != Quality::Good).map(|r| r.quantity.index()).collect();
    let bases = bases(image.map());
    let mut reasons: Vec<(&str, Vec<&OutstationPoint>)> = Vec::new();
    let matters = |point: &OutstationPoint, why: &str| {
        let (offline, comm_lost) = image.seen(point.at).map_or((false, false), |seen| {
            let faults = flag::COMM_LOST | flag::RESTART | flag::ONLINE;
            (seen.flags & faults == 0, seen.flags & flag::COMM_LOST != 0)
        });
        match point.quantity.and_then(|(quantity, _)| reading_of(quantity)) {
            Some(quantity) => lost.contains(&quantity.index()) || !offline,
            None if point.blocks.is_some() => true,
            None => {
                (comm_lost || why == OLD) && (point.alarm.is_some() || bases.contains(point.name.as_str()))
            }
        }
    };
    let power =
        |point: &OutstationPoint| is_power(point) && image.seen(point.at).is_none() && !left_out(point.at);
    for point in &image.map().points {
        let why = match image.value(point) {
            Value::Bad(why) if matters(point, why) => why,
            Value::Absent if power(point) => "the outstation does not tell it",
            _ => continue,
        };
        match reasons.iter_mut().find(|(known, _)| *known == why) {
            Some((_, points)) => points.push(point),
            None => reasons.push((why, vec![point])),
        }
    }
    reasons.iter_mut().for_each(|(_, points)| points.sort_by_key(|point| !is_power(point)));
    let told = reasons.iter().map(|(why, points)| sentence(image, why, points));
    told.chain(by_hand(image, &bases)).collect()
}

/// What can be used, but was put there by hand and not measured.
fn by_hand(image: &Image, bases: &BTreeSet<&str>) -> Option<String> {
    let matters = |point: &&OutstationPoint| {
        let measured = point.quantity.and_then(|(quantity, _)| reading_of(quantity)).is_some();
        measured || point.blocks.is_some() || bases.contains(point.name.as_str())
    };
    let forced = |point: &&OutstationPoint| matches!(image.value(point), Value::Number { forced: true, .. });
    let points: Vec<&OutstationPoint> = image.map().points.iter().filter(matters).filter(forced).collect();
    (!points.is_empty()).then(|| format!("{} put there by hand, not measured (forced)", are(&points)))
}

fn is_power(point: &OutstationPoint) -> bool {
    point.quantity.is_some_and(|(quantity, _)| quantity == RegisterQuantity::Reading(Quantity::ActivePower))
}

/// The names of what percentages refer to.
fn bases(map: &OutstationMap) -> BTreeSet<&str> {
    let steps = map.commands.iter().flat_map(|command| &command.steps);
    let names = steps.filter_map(|step| match &step.value {
        StepSource::PercentOf { positive, negative, .. } => Some([Some(positive), negative.as_ref()]),
        StepSource::Constant(_) | StepSource::Argument(_) => None,
    });
    names.flatten().flatten().map(String::as_str).collect()
}

fn sentence(image: &Image, why: &str, points: &[&OutstationPoint]) -> String {
    let last: Option<Timestamp> = points.iter().filter_map(|point| image.last_good(point.at)).max();
    let last =
        last.map_or_else(String::new, |at| format!(", last good {}", at.strftime("%Y-%m-%d %H:%M:%SZ")));
    format!("{} not usable: {why}{last}", are(points))
}

/// Points by name, and whether it is one.
fn are(points: &[&OutstationPoint]) -> String {
    let names: Vec<String> =
        points.iter().take(MOST_NAMED).map(|point| format!("{} ({})", point.name, point.at)).collect();
    let more = points.len().saturating_sub(names.len());
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let are = if points.len() > 1 { "are" } else { "is" };
    format!("{}{more} {are}", names.join(", "))
}

#[cfg(test)]
mod tests;
