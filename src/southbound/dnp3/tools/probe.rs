//! Everything that an outstation shows, in the words and units of the gateway: as the driver sees it, read once.

use super::{Catalogue, Sweep, Tell, sweep};
use crate::device_map::DeviceMap;
use crate::device_map::dnp3::{At, OutstationMap, OutstationPoint};
use crate::southbound::ProbeReport;
use crate::southbound::dnp3::commands::Commands;
use crate::southbound::dnp3::image::{Image, is};
use crate::southbound::dnp3::readings::{nameplate, readings, stores_nothing};
use crate::southbound::dnp3::{Field, ReadError};
use crate::southbound::plausible::doubts;
use crate::southbound::tools::{MarkReport, OutstationReport, PointReport};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Reads everything, once.
///
/// # Errors
/// The outstation does not answer.
pub async fn discover<F: Field>(
    field: &F,
    map: &DeviceMap,
    outstation: &Arc<OutstationMap>,
    tell: Tell<'_>,
) -> Result<ProbeReport, ReadError> {
    let sweep = sweep(field, outstation, tell).await?;
    tell("device attributes");
    // They are extra: who is silent about them has been read all the same.
    let identity = field.identity().await.unwrap_or_default();
    let mut image = Image::new(outstation.clone());
    image.take(&sweep.seen.values().copied().collect::<Vec<_>>());
    let all = |_: &OutstationPoint| true;
    let mark = mark(outstation, &sweep);
    let mut warnings = sweep.notes.clone();
    warnings.extend(sweep.gaps.iter().map(|gap| format!("not read: {gap}")));
    if let MarkReport::Stranger(words) = &mark {
        warnings.push(words.clone());
    }
    let (plate, told) = (nameplate(&image, &identity), readings(&image, &all, &all));
    let able = Commands::new(&map.id, outstation.clone(), "").capability(&image);
    warnings.extend(doubts(&plate, &able, (&told, &map.id), stores_nothing(&image)));
    Ok(ProbeReport {
        nameplate: plate,
        base: None,
        models: Vec::new(),
        registers: None,
        readings: told,
        capability: able,
        outstation: Some(OutstationReport {
            map: map.id.clone(),
            title: map.title.clone(),
            mark,
            states: states(&image),
            alarms: alarms(&image),
            modes: modes(outstation, &image),
            points: points(outstation, &image, &sweep),
        }),
        warnings,
    })
}

/// How the outstation compares with the mark of its map.
fn mark(map: &OutstationMap, sweep: &Sweep) -> MarkReport {
    let Some(mark) = &map.identify else { return MarkReport::NotSaid };
    let wanted: Vec<String> = mark.any_of.iter().map(ToString::to_string).collect();
    let wanted = wanted.join(" or ");
    let at = mark.at;
    match sweep.seen.get(&at) {
        Some(seen) if mark.any_of.iter().any(|raw| is(seen.raw, *raw)) => {
            MarkReport::Fits(format!("{at} = {}", seen.raw))
        }
        Some(seen) => MarkReport::Stranger(format!(
            "{at} is {}, and the outstations that the map is for show {wanted}; name the right map with --map",
            seen.raw
        )),
        None => MarkReport::Stranger(format!(
            "it has no {at}, in which the outstations that the map is for show {wanted}; name the right map with --map"
        )),
    }
}

/// Points of the map that are on and are of its state.
fn states(image: &Image) -> Vec<String> {
    let of_state =
        |point: &&OutstationPoint| point.sequence && point.alarm.is_none() && point.at.kind.is_binary();
    let on = image.map().points.iter().filter(of_state).filter(|point| image.shows(point) == Some(true));
    on.map(|point| point.blocks.clone().unwrap_or_else(|| point.name.replace('_', " "))).collect()
}

fn alarms(image: &Image) -> Vec<String> {
    let on = image.map().points.iter().filter(|point| image.shows(point) == Some(true));
    on.filter_map(|point| point.alarm.clone()).collect()
}

/// What the map asks the outstation whether it supports it.
fn modes(map: &OutstationMap, image: &Image) -> Vec<(String, At, Option<bool>)> {
    let commands = map.commands.iter().filter_map(|c| Some((c.name.name().to_owned(), c.supports?)));
    let curves = map.curves.iter().filter_map(|c| Some((format!("{} curve", c.kind.name()), c.supports?)));
    commands.chain(curves).map(|(name, at)| (name, at, image.is_on(at))).collect()
}

/// All points that came, and those of the map that did not.
fn points(map: &OutstationMap, image: &Image, sweep: &Sweep) -> Vec<PointReport> {
    let catalogue = Catalogue::new(map);
    let addresses: BTreeSet<At> =
        sweep.seen.keys().copied().chain(map.points.iter().map(|point| point.at)).collect();
    let report = |at| {
        let mut report = catalogue.report(at, sweep.seen.get(&at));
        catalogue.only_while(&mut report, &|switch| image.is_on(switch));
        report
    };
    addresses.into_iter().map(report).collect()
}

#[cfg(test)]
mod tests;
