//! A device-map file, read and checked into a [`DeviceMap`]: SunSpec reference section 13.
//!
//! One file below for each part of the format. Every fault of a file is reported, not only the first. It opens no other
//! file: what must hold between maps is the matter of [`super::Maps`].

mod checks;
mod commands;
mod identify;
mod input;
mod link;
mod matching;
mod measure;
mod names;
mod outstation;
mod points;
mod refs;
mod sources;
mod steps;
mod sunspec;
mod units;
mod values;
mod words;

use super::library::{Library, models};
use super::map::{DeviceMap, MapKind, SunspecOptions};
use super::registers::RegisterMap;
use crate::toml_file::{Faults, Placed, Table, TomlFile};
pub(super) use sources::{Index, Sources};
use std::path::Path;

/// Largest map file read.
pub(super) const MAX_BYTES: usize = 256 * 1024;

/// Longest id.
const MAX_ID: usize = 64;

/// Longest title and other free text.
const MAX_TEXT: usize = 500;

const KINDS: [(&str, MapKind); 4] = [
    ("sunspec", MapKind::Sunspec),
    ("registers", MapKind::Registers),
    ("hybrid", MapKind::Hybrid),
    ("dnp3", MapKind::Dnp3),
];

/// What only maps with plain registers have.
const OF_REGISTERS: [(&str, &str); 5] = [
    ("defaults", "[defaults]"),
    ("identify", "[identify]"),
    ("point", "[[point]]"),
    ("command", "[[command]]"),
    ("procedure", "[[procedure]]"),
];

/// Reads a map file; its faults name it as `path` is written. A map that it extends is in the same folder, or ships with
/// the program.
///
/// # Errors
/// It cannot be read, or every fault in it.
pub fn read_map(path: &Path) -> Result<DeviceMap, Faults> {
    let folder = path.parent().unwrap_or_else(|| Path::new("."));
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    read_map_with(path, models(), &Index::of(&[folder.to_owned()]))
}

/// As [`read_map`]; its references may name the models of this library, and it may extend the maps of this index.
///
/// # Errors
/// It cannot be read, or every fault in it.
pub fn read_map_with(path: &Path, library: &Library, index: &Index) -> Result<DeviceMap, Faults> {
    let (file, root) = TomlFile::read(path, MAX_BYTES)?;
    checked(&file, root, library, &Sources::of_file(path, index))
}

/// Reads a map from text; `name` is what faults call the file.
///
/// # Errors
/// Every fault of the text.
pub fn parse_map(name: &str, text: &str) -> Result<DeviceMap, Faults> {
    let (file, root) = TomlFile::parse(name, text, MAX_BYTES)?;
    map_of_table(&file, root)
}

/// Reads a map from a table that is already parsed.
///
/// # Errors
/// Every fault of the file.
pub fn map_of_table(file: &TomlFile, root: Table) -> Result<DeviceMap, Faults> {
    checked(file, root, models(), &Sources::default())
}

fn checked(
    file: &TomlFile,
    root: Table,
    library: &Library,
    sources: &Sources<'_>,
) -> Result<DeviceMap, Faults> {
    let mut below = Vec::new();
    let map = read_root(root, library, sources, &mut below);
    match map {
        Some(map) if !file.is_faulty() && !below.iter().any(TomlFile::is_faulty) => Ok(map),
        _ => Err(below.iter().fold(file.faults(), |faults, below| faults.and(below.faults()))),
    }
}

fn read_root(
    mut root: Table,
    library: &Library,
    sources: &Sources<'_>,
    below: &mut Vec<TomlFile>,
) -> Option<DeviceMap> {
    root.required_integer("format", 1..=1, "1");
    let id = root.required_text("id", "\"my-inverter\"").and_then(map_id);
    let title = root.required_text("title", "\"My inverter\"").and_then(|text| short_text(text, "title"));
    for key in ["revision", "source"] {
        root.text(key, "\"…\"").and_then(|text| short_text(text, key));
    }
    let kind = root.required_text("kind", "\"sunspec\"");
    // Which keys are right depends on the kind: nothing else is judged without it.
    let kind = kind.and_then(|kind| words::one_of(&kind, "kind", &KINDS))?;
    if kind == MapKind::Dnp3 {
        return outstation::read((id, title), root, sources, below);
    }
    refuse_others(&mut root, kind);
    let matches = root.table("match", "[match]").and_then(matching::read);
    let (link, limits) = root.table("link", "[link]").map(link::read).unwrap_or_default();
    let sunspec = match root.table("sunspec", "[sunspec]") {
        Some(table) => sunspec::read(table, library),
        None => SunspecOptions::default(),
    };
    let registers = match kind {
        MapKind::Sunspec | MapKind::Dnp3 => RegisterMap::default(),
        MapKind::Registers | MapKind::Hybrid => read_registers(&mut root, kind, library, &limits),
    };
    root.finish();
    Some(DeviceMap { id: id?, title: title?, kind, matches, link, sunspec, registers, outstation: None })
}

/// Takes the parts that this kind of map has not.
fn refuse_others(root: &mut Table, kind: MapKind) {
    match kind {
        MapKind::Hybrid | MapKind::Dnp3 => {}
        MapKind::Sunspec => {
            for (key, shown) in OF_REGISTERS {
                if let Some(item) = root.take_quietly(key) {
                    item.place().fault(format!(
                        "kind \"sunspec\" has no {shown}; write kind = \"hybrid\" for registers beside the SunSpec chain"
                    ));
                }
            }
        }
        MapKind::Registers => {
            if let Some(item) = root.take_quietly("sunspec") {
                item.place().fault(
                    "kind \"registers\" has no [sunspec]; write kind = \"hybrid\" for a device with a SunSpec chain too",
                );
            }
            if let Some(item) = root.take_quietly("match") {
                item.place().fault(
                    "[match] compares SunSpec model 1, which kind \"registers\" has not; write [identify] instead",
                );
            }
        }
    }
}

fn read_registers(root: &mut Table, kind: MapKind, library: &Library, limits: &link::Limits) -> RegisterMap {
    let defaults = root.table("defaults", "[defaults]").map(points::read_defaults).unwrap_or_default();
    let identify = root.table("identify", "[identify]").and_then(|table| identify::read(table, &defaults));
    let tables = root.tables("point");
    if tables.is_empty() && kind == MapKind::Registers {
        root.fault(
            "kind \"registers\" needs points; add [[point]] with name = \"p\", address = 100 and type = \"u16\"",
        );
    }
    let points = points::read(tables, &defaults);
    checks::overlaps(&points.list);
    checks::sizes(&points.list, limits);
    checks::scale_sources(&points);
    let context = commands::Context { points: &points, kind, library };
    let commands = commands::read(root.tables("command"), &context);
    let procedures = commands::read_procedures(root.tables("procedure"), &context);
    let points = points.list.into_iter().map(|read| read.point).collect();
    RegisterMap { identify, points, commands, procedures }
}

fn map_id(id: Placed<String>) -> Option<String> {
    let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if !id.value.is_empty() && id.value.len() <= MAX_ID && id.value.chars().all(good) {
        return Some(id.value);
    }
    id.place.fault(format!(
        "an id is 1 to {MAX_ID} of the characters a-z, 0-9 and -; write id = \"my-inverter\""
    ));
    None
}

fn short_text(text: Placed<String>, key: &str) -> Option<String> {
    let length = text.value.chars().count();
    if text.value.trim().is_empty() || length > MAX_TEXT {
        text.place.fault(format!("{key} must have 1 to {MAX_TEXT} characters"));
        return None;
    }
    Some(text.value)
}

#[cfg(test)]
mod tests;
