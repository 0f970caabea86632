//! All that a running gateway knows of one device: `dergate status --device NAME`.

use super::document::{Device, Document, Nameplate};
use super::events;
use super::words::{age, amount, moment};
use crate::cli::table::{Align, Table, printable};
use crate::nearest::nearest;
use jiff::Timestamp;
use std::io::{self, Write};

/// The device of a name or mRID.
///
/// # Errors
/// There is none, or the name is that of several; in words.
pub(super) fn find<'d>(document: &'d Document, asked: &str) -> Result<&'d Device, String> {
    let asked = asked.trim();
    let named: Vec<&Device> =
        document.devices.iter().filter(|d| d.name == asked || d.mrid.eq_ignore_ascii_case(asked)).collect();
    match named.as_slice() {
        [device] => Ok(device),
        [] => {
            let near = nearest(asked, document.devices.iter().map(|d| d.name.as_str()));
            let right = near.map_or_else(
                || "`dergate status` lists them".to_owned(),
                |near| format!("did you mean \"{}\"?", printable(near)),
            );
            Err(format!("this gateway has no device \"{}\"; {right}", printable(asked)))
        }
        several => Err(format!(
            "{} devices answer to \"{}\"; write the mRID, which --json shows",
            several.len(),
            printable(asked)
        )),
    }
}

/// Writes what is known of it.
pub(super) fn show(device: &Device, now: Timestamp, out: &mut dyn Write) -> io::Result<()> {
    let (name, mrid) = (printable(&device.name), printable(&device.mrid));
    writeln!(out, "{name} ({mrid}) at {}", moment(now))?;
    let reason = printable(&device.reason);
    let colon = if reason.is_empty() { "" } else { ": " };
    let (state, since) = (printable(&device.state), age(device.since, now));
    writeln!(out, "  state       {state} for {since}{colon}{reason}")?;
    if !device.link.is_empty() {
        let map =
            device.map.as_deref().map_or_else(|| "? (known once the device was read)".to_owned(), printable);
        writeln!(out, "  link        {}", printable(&device.link))?;
        writeln!(out, "  map         {map}")?;
    }
    writeln!(out, "  nameplate   {}", device.nameplate.as_ref().map_or_else(|| "?".to_owned(), plate))?;
    if let Some(able) = &device.capability {
        let most = amount(able.injection_max, "W");
        let power = match able.absorption_max {
            Some(least) if least > 0.0 => format!("{} .. {most}", amount(Some(-least), "W")),
            _ => most,
        };
        let controls = if able.controls.is_empty() { "none".to_owned() } else { able.controls.join(", ") };
        writeln!(out, "  capability  {power}; controls: {}", printable(&controls))?;
    }
    if let Some(effect) = &device.effect {
        let (asked, seen) = (printable(&effect.asked), printable(&effect.effect));
        let reason = printable(&effect.reason);
        let colon = if reason.is_empty() { "" } else { ": " };
        writeln!(out, "  effect      {asked}: {seen}, {} ago{colon}{reason}", age(effect.at, now))?;
    }
    values(device, now, out)?;
    events::of_device(device, now, out)
}

fn plate(plate: &Nameplate) -> String {
    let parts = [
        plate.manufacturer.clone(),
        plate.model.clone(),
        plate.version.as_ref().map(|version| format!("version {version}")),
        plate.serial.as_ref().map(|serial| format!("serial {serial}")),
    ];
    let known: Vec<String> = parts.into_iter().flatten().filter(|part| !part.is_empty()).collect();
    if known.is_empty() { "?".to_owned() } else { printable(&known.join(", ")) }
}

fn values(device: &Device, now: Timestamp, out: &mut dyn Write) -> io::Result<()> {
    if device.values.is_empty() {
        return writeln!(out, "\nVALUES: none");
    }
    let mut names: Vec<&String> = device.values.keys().collect();
    names.sort();
    writeln!(out, "\nVALUES: {}", names.len())?;
    let mut table = Table::new([
        ("QUANTITY", Align::Left),
        ("VALUE", Align::Right),
        ("QUALITY", Align::Left),
        ("AGE", Align::Right),
    ]);
    for name in names {
        let Some(value) = device.values.get(name) else { continue };
        table.push([
            name.clone(),
            amount(value.value, &value.unit),
            value.quality.clone(),
            age(value.at, now),
        ]);
    }
    table.write(out, "  ")
}
