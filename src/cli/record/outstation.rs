//! A recording of a DNP3 outstation: its points in one file, a line each.

use super::file::{FORMAT, VERSION, ours, save_text};
use super::{Args, Target, progress, say};
use crate::cli::End;
use crate::device_map::dnp3::At;
use crate::southbound::tools::{Outstation, OutstationRecording, RecordedIdentity, RecordedPoint};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::Write;

/// What such a file says it is.
pub(super) const KIND: &str = "dnp3";

/// Most points of a recording.
const MAX_POINTS: usize = 50_000;

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Document {
    format: String,
    version: u32,
    kind: String,
    /// The program that recorded.
    #[serde(default)]
    program: String,
    link: String,
    at: String,
    map: String,
    #[serde(default)]
    identity: Who,
    /// By address: raw value, flags in hexadecimal, the outstation's time.
    points: BTreeMap<String, String>,
    #[serde(default)]
    refused: Vec<String>,
    #[serde(default)]
    warnings: Vec<String>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Who {
    #[serde(default)]
    manufacturer: Option<String>,
    #[serde(default)]
    model: Option<String>,
    #[serde(default)]
    serial: Option<String>,
    #[serde(default)]
    version: Option<String>,
}

pub(super) async fn run(
    args: &Args,
    target: &Target,
    device: &Outstation,
    out: &mut dyn Write,
) -> std::io::Result<End> {
    let shown = args.output.display().to_string();
    let recording = match device.record(&progress()).await {
        Ok(recording) => recording,
        Err(error) => return Ok(target.ended(&error).await),
    };
    let text = serde_json::to_string_pretty(&document(&recording))?;
    if let Err(why) = save_text(&args.output, &text, args.force) {
        return Ok(End::Failed(format!("{shown} cannot be written: {why}")));
    }
    for words in recording.refused.iter().chain(&recording.warnings) {
        say(&format!("warning: {words}"));
    }
    let points = recording.points.len();
    if args.json {
        let document = serde_json::json!({
            "file": shown, "map": recording.map, "points": points, "refused": recording.refused.len(),
        });
        writeln!(out, "{document:#}")?;
    } else {
        writeln!(out, "{shown}: {points} points, from {}", recording.link)?;
    }
    out.flush()?;
    Ok(End::Done)
}

fn document(recording: &OutstationRecording) -> Document {
    let who = &recording.identity;
    Document {
        format: FORMAT.to_owned(),
        version: VERSION,
        kind: KIND.to_owned(),
        program: format!("dergate {}", env!("CARGO_PKG_VERSION")),
        link: recording.link.clone(),
        at: recording.at.to_string(),
        map: recording.map.clone(),
        identity: Who {
            manufacturer: who.manufacturer.clone(),
            model: who.model.clone(),
            serial: who.serial.clone(),
            version: who.version.clone(),
        },
        points: recording.points.iter().map(|(at, point)| (padded(*at), line(point))).collect(),
        refused: recording.refused.clone(),
        warnings: recording.warnings.clone(),
    }
}

/// With zeros before the index, so that the file is in the order of the points.
fn padded(at: At) -> String {
    format!("{}{:05}", at.kind.letters(), at.index)
}

/// `5000 01 2026-11-22T09:00:00Z?`.
fn line(point: &RecordedPoint) -> String {
    let time = point.time.map(|(at, right)| format!(" {at}{}", if right { "" } else { "?" }));
    format!("{} {:02X}{}", point.raw, point.flags, time.unwrap_or_default())
}

/// What a document holds.
pub(super) fn recording(document: Document) -> Result<OutstationRecording, String> {
    ours(&document.format, document.version)?;
    if document.points.len() > MAX_POINTS {
        return Err(format!("it has more than {MAX_POINTS} points"));
    }
    if document.points.is_empty() {
        return Err("it has no points".to_owned());
    }
    let at = document.at.parse().map_err(|why| format!("\"at\" is no time: {why}"))?;
    let who = document.identity;
    Ok(OutstationRecording {
        link: document.link,
        at,
        map: document.map,
        identity: RecordedIdentity {
            manufacturer: who.manufacturer,
            model: who.model,
            serial: who.serial,
            version: who.version,
        },
        points: document
            .points
            .iter()
            .map(|(address, text)| point(address, text))
            .collect::<Result<_, _>>()?,
        refused: document.refused,
        warnings: document.warnings,
    })
}

fn point(address: &str, text: &str) -> Result<(At, RecordedPoint), String> {
    let at = At::parse(address)
        .ok_or_else(|| format!("\"{}\" under points is no point such as AI537", address.escape_debug()))?;
    let wrong = || format!("\"{}\" at {at} is no value such as 5000 01", text.escape_debug());
    let mut words = text.split_ascii_whitespace();
    let raw = words.next().and_then(|word| word.parse().ok()).ok_or_else(wrong)?;
    let flags = words.next().and_then(|word| u8::from_str_radix(word, 16).ok()).ok_or_else(wrong)?;
    let time = match words.next() {
        None => None,
        Some(word) => {
            let right = !word.ends_with('?');
            Some((word.trim_end_matches('?').parse().map_err(|_| wrong())?, right))
        }
    };
    if words.next().is_some() {
        return Err(wrong());
    }
    Ok((at, RecordedPoint { raw, flags, time }))
}

#[cfg(test)]
mod tests;
