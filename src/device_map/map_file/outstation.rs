//! A map of kind `dnp3`: an outstation, its points, and the commands made of them.
//!
//! One file below for each part. A map may extend another one; its tables are then read as layers, of which the uppermost
//! that has a key gives it, so that each fault has the place where it is written.

mod addresses;
mod chain;
mod commands;
mod curves;
mod layers;
mod link;
mod options;
mod points;
mod steps;

use super::Sources;
use crate::device_map::dnp3::{Mark, OutstationMap};
use crate::device_map::map::{DeviceMap, MapKind, SunspecOptions};
use crate::device_map::registers::RegisterMap;
use crate::device_map::{LinkOptions, profile};
use crate::toml_file::{Table, TomlFile};
use layers::Layers;
use std::sync::Arc;

/// Most commands.
const MAX_COMMANDS: usize = 50;

/// What only maps of Modbus devices have.
const OF_MODBUS: [(&str, &str); 4] = [
    ("match", "[match]"),
    ("sunspec", "[sunspec]"),
    ("defaults", "[defaults]"),
    ("procedure", "[[procedure]]"),
];

/// Reads the map; of its root, what all maps have was taken. The files that it extends are added to `below`.
pub(super) fn read(
    (id, title): (Option<String>, Option<String>),
    root: Table,
    sources: &Sources,
    below: &mut Vec<TomlFile>,
) -> Option<DeviceMap> {
    // What it lacks may be below a map that is not found, or in a table that is wrong.
    let says_more = root.has("extends") || root.has("point");
    let mut levels = chain::read(id.as_deref(), root, sources, below);
    for level in &mut levels {
        for (key, shown) in OF_MODBUS {
            if let Some(item) = level.root.take_quietly(key) {
                item.place().fault(format!("kind \"dnp3\" has no {shown}; it is for Modbus devices"));
            }
        }
    }
    let shifts = addresses::Shifts::read(&mut levels);
    let profile = read_profile(&mut levels, &shifts);
    let (link, session) = link::read(Layers::section(&mut levels, "link", "[link]"));
    let control = options::control(Layers::section(&mut levels, "control", "[control]"));
    let quality = options::quality(Layers::section(&mut levels, "quality", "[quality]"));
    let identify = read_identify(&mut levels, &shifts);
    let points = points::read(&mut levels, &shifts);
    let context = steps::Context { points: &points, shifts: &shifts, number: control.number };
    let commands = commands::read(&mut levels, &context);
    let window = Layers::section(&mut levels, "curve_window", "[curve_window]");
    let has_window = window.is_some();
    let window = window.and_then(|layers| curves::window(layers, &shifts));
    let curves = curves::read(&mut levels, has_window, window.as_ref(), &context);
    if let Some(top) = levels.first()
        && points.list.is_empty()
        && !says_more
    {
        top.root.fault(
            "kind \"dnp3\" needs points; add [[point]] with name = \"p\" and at = \"AI0\", or extends = \"dnp3-an2018\"",
        );
    }
    for level in levels {
        level.root.finish();
    }
    let outstation = OutstationMap {
        session,
        control,
        quality,
        identify,
        points: points.list,
        commands,
        window,
        curves,
        profile,
    };
    Some(DeviceMap {
        id: id?,
        title: title?,
        kind: MapKind::Dnp3,
        matches: None,
        link,
        sunspec: SunspecOptions::default(),
        registers: RegisterMap::default(),
        outstation: Some(Arc::new(outstation)),
    })
}

/// `[identify]` counts only if the map has it itself, or takes the place of the one below: else a map of one outstation that
/// deviates would be taken for all that have the mark of the profile.
fn read_identify(levels: &mut [chain::Level], shifts: &addresses::Shifts) -> Option<Mark> {
    let top = levels.first()?;
    let counts = top.root.has("identify") || levels.iter().skip(1).any(|level| level.id == top.id);
    if counts {
        return options::identify(Layers::section(levels, "identify", "[identify]")?, shifts);
    }
    for level in levels {
        level.root.take_quietly("identify");
    }
    None
}

/// `profile = "an2018-001"`: the names of all points, for the tools, at the addresses after all shifts.
fn read_profile(
    levels: &mut [chain::Level],
    shifts: &addresses::Shifts,
) -> Option<Arc<crate::device_map::dnp3::Profile>> {
    let mut found = None;
    for (number, level) in levels.iter_mut().enumerate() {
        let Some(word) = level.root.text("profile", "\"an2018-001\"") else { continue };
        if found.is_some() {
            continue;
        }
        found = profile::shipped(&word.value).map(|profile| (number, profile));
        if found.is_none() {
            let ids = profile::ids();
            let known: Vec<&str> = ids.iter().map(String::as_str).collect();
            word.place.fault(format!(
                "profile {} is not known; {}",
                super::words::quoted(&word.value),
                super::words::instead(&word.value, &known)
            ));
        }
    }
    let (number, profile) = found?;
    Some(if shifts.is_empty() { profile } else { Arc::new(shifts.moved_profile(&profile, number)) })
}

/// Timeouts of a link of DNP3, if the map does not say.
fn usual_link() -> LinkOptions {
    LinkOptions { response_timeout: std::time::Duration::from_secs(10), ..LinkOptions::default() }
}

#[cfg(test)]
mod tests;
