//! What a DNP3 outstation shows beside what all devices do, for people and for scripts.

use super::Style;
use crate::cli::device::number;
use crate::cli::table::{Align, Table, printable};
use crate::device_map::dnp3::PointKind;
use crate::southbound::tools::{MarkReport, OutstationReport, Pick, PointReport, PointValue, flag_words};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::io::{self, Write};

/// Which map it was read by, and whether it is one of it.
pub(super) fn mark(out: &mut dyn Write, shown: &OutstationReport) -> io::Result<()> {
    let how = match &shown.mark {
        MarkReport::NotSaid => "not checked".to_owned(),
        MarkReport::Fits(words) => format!("recognised by {words}"),
        MarkReport::Stranger(_) => "NOT recognised, see the warning".to_owned(),
    };
    writeln!(out, "  {:<22} {} ({how})", "points of", printable(&shown.title))
}

/// In what state it is, and what it says that it supports.
pub(super) fn state(out: &mut dyn Write, shown: &OutstationReport) -> io::Result<()> {
    writeln!(out, "\nState")?;
    let states = if shown.states.is_empty() { "not told".to_owned() } else { shown.states.join(", ") };
    let alarms = if shown.alarms.is_empty() { "none".to_owned() } else { shown.alarms.join(", ") };
    writeln!(out, "  {:<22} {}", "state", printable(&states))?;
    writeln!(out, "  {:<22} {}", "alarms", printable(&alarms))?;
    for (label, wanted) in
        [("supports", Some(true)), ("does not support", Some(false)), ("does not say", None)]
    {
        let modes = shown.modes.iter().filter(|(_, _, says)| *says == wanted);
        let modes: Vec<String> = modes.map(|(name, at, _)| format!("{name} ({at})")).collect();
        if !modes.is_empty() {
            writeln!(out, "  {label:<22} {}", printable(&modes.join(", ")))?;
        }
    }
    Ok(())
}

/// How many points it has, and those that are to be shown.
pub(super) fn points(out: &mut dyn Write, shown: &OutstationReport, style: Style<'_>) -> io::Result<()> {
    writeln!(out, "\nPoints that it has")?;
    if shown.counts().is_empty() {
        writeln!(out, "  none")?;
    }
    for (kind, came, unknown) in shown.counts() {
        let words = if unknown == 0 {
            String::new()
        } else {
            format!(", {unknown} of them in neither map nor profile")
        };
        writeln!(out, "  {:<22} {came}{words}", kind_words(kind))?;
    }
    table_of(out, shown, style)
}

const fn kind_words(kind: PointKind) -> &'static str {
    match kind {
        PointKind::BinaryInput => "binary inputs (BI)",
        PointKind::DoubleBitInput => "double-bit (DBI)",
        PointKind::BinaryOutput => "binary outputs (BO)",
        PointKind::Counter => "counters (CTR)",
        PointKind::AnalogInput => "analog inputs (AI)",
        PointKind::AnalogOutput => "analog outputs (AO)",
    }
}

/// The points that are to be shown: those of the map, all, or those that fit a filter.
fn wanted<'a>(shown: &'a OutstationReport, style: Style<'a>) -> impl Iterator<Item = &'a PointReport> {
    let range = style.filter.and_then(|text| match Pick::parse(text) {
        Ok(Pick::Range(kind, from, to)) => Some((kind, from, to)),
        _ => None,
    });
    let text = style.filter.map(str::to_lowercase);
    shown.points.iter().filter(move |point| match (&range, &text) {
        (Some((kind, from, to)), _) => point.at.kind == *kind && (*from..=*to).contains(&point.at.index),
        (None, Some(text)) => {
            let names = [&point.name, &point.profile].into_iter().flatten();
            point.at.to_string().to_lowercase().contains(text)
                || names.into_iter().any(|name| name.to_lowercase().contains(text))
        }
        (None, None) => style.all || point.name.is_some() && point.seen.is_some(),
    })
}

fn table_of(out: &mut dyn Write, shown: &OutstationReport, style: Style<'_>) -> io::Result<()> {
    match style.filter {
        Some(text) => writeln!(out, "\nPoints with {}", printable(text))?,
        None if style.all => writeln!(out, "\nAll points")?,
        None => writeln!(out, "\nPoints of map {}", printable(&shown.map))?,
    }
    let mut table = point_table();
    for point in wanted(shown, style) {
        table.push(point_row(point));
    }
    if table.is_empty() {
        return writeln!(out, "  none");
    }
    table.write(out, "  ")?;
    let came = |point: &&PointReport| point.seen.is_some();
    let foreign = shown.points.iter().filter(came).filter(|point| point.name.is_none()).count();
    let missing = shown.points.iter().filter(|point| point.seen.is_none()).count();
    if style.filter.is_some() || style.all || foreign + missing == 0 {
        return Ok(());
    }
    let words = [(foreign, "that the map does not use"), (missing, "of the map that did not come")]
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, words)| format!("{count} {words}"));
    writeln!(out, "  and {} (--all shows them)", words.collect::<Vec<_>>().join(", "))
}

/// Why a filter can fit no point, and what would be right.
pub(super) fn filter_fault(text: &str) -> Option<String> {
    let fault = text.contains("..").then(|| Pick::parse(text).err())??;
    Some(format!("--filter {fault}"))
}

/// The columns of [`point_row`].
pub fn point_table() -> Table<10> {
    let left = |head| (head, Align::Left);
    Table::new([
        left("POINT"),
        left("NAME"),
        ("VALUE", Align::Right),
        left("UNIT"),
        left("MEANING"),
        ("RAW", Align::Right),
        left("FLAGS"),
        left("TIME"),
        left("CLASS"),
        left("QUALITY"),
    ])
}

pub fn point_row(point: &PointReport) -> [String; 10] {
    let seen = point.seen.as_ref();
    let text = |of: &dyn Fn(&PointValue) -> String| seen.map_or_else(|| "-".to_owned(), of);
    let quality = match seen.and_then(|seen| seen.fault.as_ref()) {
        Some(why) => format!("{}: {why}", point.quality()),
        None => point.quality().to_owned(),
    };
    [
        point.at.to_string(),
        point.known_as().unwrap_or_default().to_owned(),
        point.usable().map_or_else(|| "-".to_owned(), |value| value.to_string()),
        point.unit.clone().unwrap_or_default(),
        meaning(point),
        text(&|seen| seen.raw.to_string()),
        text(&|seen| flags(point.at.kind, seen.flags)),
        text(&|seen| {
            seen.time.map_or_else(String::new, |(at, right)| {
                format!("{}{}", time(at), if right { "" } else { " (its clock is not set)" })
            })
        }),
        point.class.map(|class| class.to_string()).unwrap_or_default(),
        quality,
    ]
}

/// Names of a value that can be used.
pub fn meaning(point: &PointReport) -> String {
    let seen = point.seen.as_ref().filter(|seen| seen.fault.is_none());
    seen.map(|seen| seen.symbols.join(", ")).unwrap_or_default()
}

/// Flags by name; the usual one alone is not worth a word.
pub fn flags(kind: PointKind, flags: u8) -> String {
    let words = flag_words(kind, flags);
    if words.is_empty() { "none".to_owned() } else { words.join("+") }
}

/// A time to the millisecond.
pub fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

pub(super) fn document(shown: &OutstationReport, style: Style<'_>) -> Value {
    let (recognised, fault) = match &shown.mark {
        MarkReport::NotSaid => (None, None),
        MarkReport::Fits(_) => (Some(true), None),
        MarkReport::Stranger(words) => (Some(false), Some(words)),
    };
    let modes = shown
        .modes
        .iter()
        .map(|(name, at, says)| json!({ "mode": name, "point": at.to_string(), "supported": says }));
    let counts = shown
        .counts()
        .into_iter()
        .map(|(kind, came, unknown)| json!({ "kind": kind.letters(), "points": came, "unknown": unknown }));
    json!({
        "map": shown.map,
        "title": shown.title,
        "recognised": recognised,
        "fault": fault,
        "states": shown.states,
        "alarms": shown.alarms,
        "modes": modes.collect::<Vec<_>>(),
        "counts": counts.collect::<Vec<_>>(),
        "points": wanted(shown, style).map(point_document).collect::<Vec<_>>(),
    })
}

/// One point.
pub fn point_document(point: &PointReport) -> Value {
    let seen = point.seen.as_ref();
    let time = seen.and_then(|seen| seen.time);
    json!({
        "point": point.at.to_string(),
        "kind": point.at.kind.letters(),
        "index": point.at.index,
        "name": point.name,
        "profile": point.profile,
        "raw": seen.map(|seen| number(seen.raw)),
        "value": point.usable().map(number),
        "unit": point.unit,
        "symbols": seen.filter(|seen| seen.fault.is_none()).map(|seen| seen.symbols.clone()).unwrap_or_default(),
        "scale": number(point.scale),
        "offset": number(point.offset),
        "flags": seen.map(|seen| flag_words(point.at.kind, seen.flags)),
        "quality": point.quality(),
        "fault": seen.and_then(|seen| seen.fault.clone()),
        "time": time.map(|(at, _)| at.to_string()),
        "synchronised": time.map(|(_, right)| right),
        "class": point.class,
        "writable": point.at.kind.is_output(),
    })
}
