//! `dergate probe LINK`: what one device is, its models and live values, as a table or as JSON; from a recording too.
//!
//! It decides nothing about registers: the southbound room finds out, this file prints.

mod document;
mod text;
mod units;

use super::device::{How, best_map, ended, progress};
use super::{End, record, say};
use crate::device_map::Maps;
use crate::southbound::{ProbeError, ProbeReport, probe_recording};
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};

pub(super) use document::point as point_document;

const EXAMPLES: &str = "\
Examples:  dergate probe 'modbus+tcp://192.0.2.21:502?unit=1'
           dergate probe 'modbus+tcp://192.0.2.21' --unit 1,2,126
           dergate probe 'modbus+tcp://192.0.2.31' --map sungrow-sg
           dergate probe --from inverter.json --all

--json prints one object: manufacturer, model, serial, version, base, map, ratings, models (id, \
instance, device, name, known, address, length, points), registers (map, title, recognised, points; of a register map), readings, capability, warnings; a point has \
point, table, address, type, raw, value, unit, symbols, scale, quality, fault and writable. With --unit it \
prints an array: unit, answers, sunspec, and what it is.";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// How the device is reached: modbus+tcp://HOST:PORT?unit=N, modbus+tls://…, modbus+rtu:///dev/ttyUSB0?baud=9600
    #[arg(value_name = "LINK", required_unless_present = "from")]
    link: Option<String>,
    /// Decodes a file of `dergate record` instead of asking a device
    #[arg(long, value_name = "FILE", conflicts_with_all = ["link", "unit"])]
    from: Option<PathBuf>,
    /// Asks several units and shows which of them answer: all, usual, or a list such as 1,2,126; each that does not
    /// answer costs one time-out
    #[arg(long, value_name = "LIST")]
    unit: Option<String>,
    /// Shows the points too that the device does not implement
    #[arg(long)]
    all: bool,
    /// Prints one object, for scripts
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    pub(super) how: How,
}

/// How a report is shown.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Style {
    /// As JSON.
    pub json: bool,
    /// Points that are not implemented too.
    pub all: bool,
    /// With colours.
    pub colours: bool,
}

/// Carries out the command.
pub(super) async fn run(args: &Args, out: &mut dyn Write) -> std::io::Result<End> {
    let style = Style { json: args.json, all: args.all, colours: std::io::stdout().is_terminal() };
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
    style: Style,
    out: &mut dyn Write,
) -> std::io::Result<End> {
    let target = match how.target(link) {
        Ok(target) => target,
        Err(end) => return Ok(end),
    };
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
                ended(&error)
            } else {
                End::Failed(format!(
                    "{error}\nits registers look like those of a map: {}",
                    right.join(", or ")
                ))
            })
        }
        Err(error) => Ok(ended(&error)),
    }
}

async fn from_file(file: &Path, how: &How, style: Style, out: &mut dyn Write) -> std::io::Result<End> {
    let recording = match record::load(file) {
        Ok(recording) => recording,
        Err(words) => return Ok(End::Failed(words)),
    };
    let (maps, map) = match how.maps() {
        Ok(maps) => maps,
        Err(end) => return Ok(end),
    };
    let map = match (map, &recording.map) {
        (None, Some(id)) => maps.get(id).cloned(),
        (map, _) => map,
    };
    let options = how.options(map.as_ref());
    match probe_recording(&recording, &options, maps.models().clone()).await {
        Ok(report) => {
            let name = format!("{}, recorded {}", recording.link, recording.at);
            show(out, &name, &report, map_of(&report, &maps).as_deref(), style)
        }
        Err(error) => Ok(ended(&error)),
    }
}

/// The map that was named for its registers, or else the one that fits best.
fn map_of(report: &ProbeReport, maps: &Maps) -> Option<String> {
    match &report.registers {
        Some(registers) => Some(registers.map.clone()),
        None => best_map(maps, &report.nameplate),
    }
}

fn show(
    out: &mut dyn Write,
    name: &str,
    report: &ProbeReport,
    map: Option<&str>,
    style: Style,
) -> std::io::Result<End> {
    if style.json {
        writeln!(out, "{:#}", document::report(name, report, map, style.all))?;
    } else {
        text::report(out, name, report, map, style)?;
    }
    out.flush()?;
    if !style.json {
        for warning in warnings(report) {
            say(&format!("warning: {warning}"));
        }
    }
    let stranger = report.registers.as_ref().and_then(|registers| registers.stranger.clone());
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
