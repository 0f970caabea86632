//! What devices recorded by themselves, latest first: of all devices the last ones, of one device all that are kept.

use super::document::{Device, Event};
use super::words::age;
use crate::cli::table::{Align, Table};
use jiff::Timestamp;
use std::cmp::Reverse;
use std::collections::HashMap;
use std::io::{self, Write};

/// Events shown of all devices together.
const SHOWN: usize = 10;
/// Events of one device among them, while others have something to tell.
const OF_ONE: usize = 4;

/// The last events of all devices; nothing if there is none.
pub(super) fn latest(devices: &[Device], now: Timestamp, out: &mut dyn Write) -> io::Result<()> {
    let all = devices.iter().flat_map(|device| device.events.iter().map(move |event| (device, event)));
    let mut all: Vec<(&Device, &Event)> = all.collect();
    if all.is_empty() {
        return Ok(());
    }
    all.sort_by_key(|(_, event)| Reverse(when(event)));
    let (count, all) = (all.len(), fair(all));
    let shown = all.len();
    let more = if count > shown || devices.iter().any(|device| device.events_left_out > 0) {
        "; --device NAME shows all that are kept of one"
    } else {
        ""
    };
    writeln!(out, "\nEVENTS: the last {shown} that devices recorded by themselves{more}")?;
    let mut table = Table::new([
        ("AT", Align::Left),
        ("AGE", Align::Right),
        ("DEVICE", Align::Left),
        ("POINT", Align::Left),
        ("VALUE", Align::Left),
    ]);
    for (device, event) in all {
        let [at, age, point, value] = cells(event, now);
        table.push([at, age, device.name.clone(), point, value]);
    }
    table.write(out, "  ")
}

/// Those that are shown: one device that tells much does not push out what the others tell.
fn fair<'d>(latest_first: Vec<(&'d Device, &'d Event)>) -> Vec<(&'d Device, &'d Event)> {
    let mut told: HashMap<&str, usize> = HashMap::new();
    let (few, more): (Vec<_>, Vec<_>) = latest_first.into_iter().partition(|(device, _)| {
        let told = told.entry(&device.mrid).or_default();
        *told += 1;
        *told <= OF_ONE
    });
    let mut shown: Vec<_> = few.into_iter().chain(more).take(SHOWN).collect();
    shown.sort_by_key(|(_, event)| Reverse(when(event)));
    shown
}

/// The events that are kept of one device, latest received first.
pub(super) fn of_device(device: &Device, now: Timestamp, out: &mut dyn Write) -> io::Result<()> {
    if device.events.is_empty() {
        return writeln!(out, "\nEVENTS: none");
    }
    writeln!(out, "\nEVENTS: the last {} that it recorded by itself", device.events.len())?;
    let mut table = Table::new([
        ("AT", Align::Left),
        ("AGE", Align::Right),
        ("POINT", Align::Left),
        ("VALUE", Align::Left),
    ]);
    for event in &device.events {
        table.push(cells(event, now));
    }
    table.write(out, "  ")?;
    match device.events_left_out {
        0 => Ok(()),
        older => writeln!(
            out,
            "  {older} older ones are not kept; the log of the gateway had them, as far as it has room"
        ),
    }
}

/// When it happened, as far as that can be believed: a clock that nobody set, or one that is ahead, would put the news of
/// tonight at the end of the list or for ever at its top.
fn when(event: &Event) -> Timestamp {
    match event.received {
        Some(received) if event.clock == "device" => event.at.min(received),
        Some(received) => received,
        None => event.at,
    }
}

/// When, how long ago, what, and what it became; behind that, in brackets, how far it can be believed and how often it was told.
fn cells(event: &Event, now: Timestamp) -> [String; 4] {
    let at = event.at.strftime("%Y-%m-%d %H:%M:%S%.3fZ").to_string();
    let mut notes = Vec::new();
    if event.quality != "good" {
        notes.push(event.quality.clone());
    }
    match event.clock.as_str() {
        "device" => {}
        "gateway" => notes.push("time of receipt".to_owned()),
        "device, not synchronised" => notes.push("its clock is not synchronised".to_owned()),
        other => notes.push(format!("time by {other}")),
    }
    if event.repeats > 0 {
        let since = event.first.map_or_else(|| "?".to_owned(), |first| first.strftime("%F %TZ").to_string());
        let times = if event.repeats == 1 { "once" } else { &format!("{} times", event.repeats) };
        notes.push(format!("and {times} before, since {since}"));
    }
    let value = match notes.as_slice() {
        [] => event.value.clone(),
        notes => format!("{} ({})", event.value, notes.join(", ")),
    };
    [at, age(Some(when(event)), now), event.point.clone(), value]
}
