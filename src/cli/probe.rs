//! `dergate probe LINK`: what one device is, its models and live values, as a table or as JSON; from a recording too.
//!
//! It decides nothing about registers: the southbound room finds out, this file prints.

mod document;
mod outstation;
mod text;
mod units;

use super::device::{How, ONE_SESSION, Target, best_map, ended, progress};
use super::record::Recorded;
use super::{End, record, say};
use crate::device_map::{DEFAULT_OUTSTATION, DeviceMap, MapKind, Maps};
use crate::southbound::tools::{MarkReport, Outstation, Recording, replay_outstation};
use crate::southbound::{ProbeError, ProbeReport, probe_recording};
pub(super) use outstation::{point_document as outstation_point, point_row, point_table, time};
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub(super) use document::point as point_document;

const EXAMPLES: &str = "\
Examples:  dergate probe 'modbus+tcp://192.0.2.21:502?unit=1'
           dergate probe 'modbus+tcp://192.0.2.21' --unit 1,2,126
           dergate probe 'modbus+tcp://192.0.2.31' --map sungrow-sg
           dergate probe 'dnp3+tcp://192.0.2.41:20000?outstation=10&master=1'
           dergate probe 'dnp3+tcp://192.0.2.41?outstation=10' --filter AI530..AI560
           dergate probe --from inverter.json --all

Of a DNP3 outstation class 0 and ranges are read and never events, so that no other master misses one. Many outstations \
serve one connection at a time: while a tool is connected, the gateway that drives the outstation may be cut off.

--json prints one object: manufacturer, model, serial, version, base, map, ratings, models (id, \
instance, device, name, known, address, length, points), registers (map, title, recognised, points; of a register map), readings, capability, warnings; a point has \
point, table, address, type, raw, value, unit, symbols, scale, quality, fault and writable. With --unit it \
prints an array: unit, answers, sunspec, and what it is. A DNP3 outstation has outstation (map, title, recognised, \
fault, states, alarms, modes, counts, points), whose points have point, kind, index, name, profile, raw, value, unit, \
symbols, scale, offset, flags, quality, fault, time, synchronised, class and writable. \
A failure with nothing to show prints error, kind and exit_status instead.";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// How the device is reached: modbus+tcp://HOST:PORT?unit=N, modbus+tls://…, modbus+rtu:///dev/ttyUSB0?baud=9600,
    /// dnp3+tcp://HOST:PORT?outstation=N&master=N, dnp3+tls://…, dnp3+serial:///dev/ttyS0?baud=9600
    #[arg(value_name = "LINK", required_unless_present = "from")]
    link: Option<String>,
    /// Decodes a file of `dergate record` instead of asking a device
    #[arg(long, value_name = "FILE", conflicts_with_all = ["link", "unit"])]
    from: Option<PathBuf>,
    /// Asks several units and shows which of them answer: all, usual, or a list such as 1,2,126; each that does not
    /// answer costs one time-out
    #[arg(long, value_name = "LIST")]
    unit: Option<String>,
    /// Shows the points too that the device does not implement; of a DNP3 outstation all, not only those of the map
    #[arg(long)]
    all: bool,
    /// Of a DNP3 outstation, shows only the points of a range (AI530..AI560), or with this in address or name
    #[arg(long, value_name = "TEXT", conflicts_with = "unit")]
    filter: Option<String>,
    /// Prints one object, for scripts
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    pub(super) how: How,
}

/// How a report is shown.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Style<'a> {
    /// As JSON.
    pub json: bool,
    /// Points that are not implemented too.
    pub all: bool,
    /// With colours.
    pub colours: bool,
    /// Only points of an outstation with this.
    pub filter: Option<&'a str>,
}

/// Carries out the command.
pub(super) async fn run(args: &Args, out: &mut dyn Write) -> std::io::Result<End> {
    let colours = std::io::stdout().is_terminal();
    let style = Style { json: args.json, all: args.all, colours, filter: args.filter.as_deref() };
    if let Some(words) = style.filter.and_then(outstation::filter_fault) {
        return Ok(End::Usage(words));
    }
    match (&args.from, &args.link) {
        (Some(file), _) => from_file(file, &args.how, style, out).await,
        (None, Some(link)) => match &args.unit {
            Some(list) => units::run(link, list, &args.how, style, out).await,
            None => from_device(link, &args.how, style, out).await,
        },
        (None, None) => Ok(End::Usage("name a LINK, or a recording with --from".to_owned())),
    }
}

pub(super) async fn from_device(
    link: &str,
    how: &How,
    style: Style<'_>,
    out: &mut dyn Write,
) -> std::io::Result<End> {
    let target = match how.target(link) {
        Ok(target) => target,
        Err(end) => return Ok(end),
    };
    if let Some(outstation) = target.outstation() {
        return from_outstation(&target, &outstation, style, out).await;
    }
    if style.filter.is_some() {
        return Ok(filter_is_for_outstations());
    }
    let session = target.session();
    match session.discover(&progress()).await {
        Ok(report) => {
            let map = map_of(&report, &target.maps);
            show(out, &target.link.to_string(), &report, map.as_deref(), style)
        }
        Err(error @ ProbeError::NotSunspec { .. }) if target.map.is_none() => {
            let fitting = session.maps_that_fit(&target.maps).await;
            let right: Vec<String> =
                fitting.iter().map(|id| format!("dergate probe LINK --map {id}")).collect();
            Ok(if right.is_empty() {
                target.ended(&error).await
            } else {
                End::Failed(format!(
                    "{error}\nits registers look like those of a map: {}",
                    right.join(", or ")
                ))
            })
        }
        Err(error) => Ok(target.ended(&error).await),
    }
}

async fn from_outstation(
    target: &Target,
    outstation: &Outstation,
    style: Style<'_>,
    out: &mut dyn Write,
) -> std::io::Result<End> {
    match outstation.discover(&progress()).await {
        Ok(report) => {
            let map = map_of(&report, &target.maps);
            let end = show(out, &target.link.to_string(), &report, map.as_deref(), style)?;
            if !style.json && !target.link.is_serial() {
                say(ONE_SESSION);
            }
            Ok(end)
        }
        Err(error) => Ok(target.ended(&error).await),
    }
}

fn filter_is_for_outstations() -> End {
    End::Usage("--filter is for DNP3 outstations".to_owned())
}

async fn from_file(file: &Path, how: &How, style: Style<'_>, out: &mut dyn Write) -> std::io::Result<End> {
    let recorded = match record::load(file) {
        Ok(recorded) => recorded,
        Err(words) => return Ok(End::Failed(words)),
    };
    let (maps, map) = match how.maps() {
        Ok(maps) => maps,
        Err(end) => return Ok(end),
    };
    let of_outstation = matches!(recorded, Recorded::Outstation(_));
    if let Some(map) = map.as_ref().filter(|map| (map.kind == MapKind::Dnp3) != of_outstation) {
        let (is, of) = if of_outstation { ("Modbus", "DNP3") } else { ("DNP3", "Modbus") };
        let words = format!("device map \"{}\" is for {is}, and the recording is of {of}", map.id);
        return Ok(End::Usage(words));
    }
    let recording = match recorded {
        Recorded::Device(_) if style.filter.is_some() => return Ok(filter_is_for_outstations()),
        Recorded::Device(recording) => recording,
        Recorded::Outstation(recording) => {
            let id =
                if maps.get(&recording.map).is_some() { recording.map.as_str() } else { DEFAULT_OUTSTATION };
            let Some(map) = map.or_else(|| maps.get(id).cloned()) else {
                return Ok(End::Failed(format!("there is no device map \"{id}\" to read the recording by")));
            };
            let name = format!("{}, recorded {}", recording.link, time(recording.at));
            return match replay_outstation(&recording, &map).await {
                Ok(report) => show(out, &name, &report, map_of(&report, &maps).as_deref(), style),
                Err(error) => Ok(ended(&error)),
            };
        }
    };
    from_recording(&recording, how, &maps, map, style, out).await
}

async fn from_recording(
    recording: &Recording,
    how: &How,
    maps: &Maps,
    map: Option<Arc<DeviceMap>>,
    style: Style<'_>,
    out: &mut dyn Write,
) -> std::io::Result<End> {
    let map = match (map, &recording.map) {
        (None, Some(id)) => maps.get(id).cloned(),
        (map, _) => map,
    };
    let options = how.options(map.as_ref());
    match probe_recording(recording, &options, maps.models().clone()).await {
        Ok(report) => {
            let name = format!("{}, recorded {}", recording.link, recording.at);
            show(out, &name, &report, map_of(&report, maps).as_deref(), style)
        }
        Err(error) => Ok(ended(&error)),
    }
}

/// The map that was named for its registers, or else the one that fits best.
fn map_of(report: &ProbeReport, maps: &Maps) -> Option<String> {
    match (&report.registers, &report.outstation) {
        (Some(registers), _) => Some(registers.map.clone()),
        (None, Some(outstation)) => Some(outstation.map.clone()),
        (None, None) => best_map(maps, &report.nameplate),
    }
}

fn show(
    out: &mut dyn Write,
    name: &str,
    report: &ProbeReport,
    map: Option<&str>,
    style: Style<'_>,
) -> std::io::Result<End> {
    if style.json {
        writeln!(out, "{:#}", document::report(name, report, map, style))?;
    } else {
        text::report(out, name, report, map, style)?;
    }
    out.flush()?;
    if !style.json {
        for warning in warnings(report) {
            say(&format!("warning: {warning}"));
        }
    }
    let of_registers = report.registers.as_ref().and_then(|registers| registers.stranger.clone());
    let stranger = of_registers.or_else(|| match &report.outstation.as_ref()?.mark {
        MarkReport::Stranger(words) => Some(words.clone()),
        MarkReport::Fits(_) | MarkReport::NotSaid => None,
    });
    Ok(stranger.map_or(End::Done, |words| End::Failed(format!("the values above may mean nothing: {words}"))))
}

fn warnings(report: &ProbeReport) -> Vec<String> {
    let of_models = report
        .models
        .iter()
        .flat_map(|m| m.warnings.iter().map(move |w| format!("model {}: {w}", m.label())));
    report.warnings.iter().cloned().chain(of_models).collect()
}

#[cfg(test)]
mod tests;
