//! A device-map file, read and checked into a [`DeviceMap`].
//!
//! Only kind `sunspec` so far: a file of another kind is refused by that word, not by each of its keys.

use super::map::{DeviceMap, LinkOptions, MapKind, SunspecOptions};
use super::registers::RegisterMap;
use crate::toml_file::{Faults, Item, Placed, Table, TomlFile};
use std::ops::RangeInclusive;
use std::path::Path;
use std::time::Duration;

/// Largest map file read.
pub(super) const MAX_BYTES: usize = 256 * 1024;

/// Longest id.
const MAX_ID: usize = 64;

/// Longest title and other free text.
const MAX_TEXT: usize = 500;

/// A timeout beyond this would make one silent device look like a hung gateway.
const TIMEOUT_MS: RangeInclusive<i64> = 100..=120_000;

/// Reads a map file; its faults name it as `path` is written.
///
/// # Errors
/// It cannot be read, or every fault in it.
pub fn read_map(path: &Path) -> Result<DeviceMap, Faults> {
    let (file, root) = TomlFile::read(path, MAX_BYTES)?;
    map_of_table(&file, root)
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
    match read_root(root) {
        Some(map) if !file.is_faulty() => Ok(map),
        _ => Err(file.faults()),
    }
}

fn read_root(mut root: Table) -> Option<DeviceMap> {
    root.required_integer("format", 1..=1, "1");
    let id = root.required_text("id", "\"my-inverter\"").and_then(map_id);
    let title = root.required_text("title", "\"My inverter\"").and_then(|text| short_text(text, "title"));
    let kind = root.required_text("kind", "\"sunspec\"");
    for key in ["revision", "source"] {
        root.text(key, "\"…\"").and_then(|text| short_text(text, key));
    }
    if let Some(kind) = &kind
        && kind.value != "sunspec"
    {
        kind.place.fault(match kind.value.as_str() {
            known @ ("registers" | "hybrid") => {
                format!("kind \"{known}\" is not supported by this version; it supports \"sunspec\"")
            }
            _ => "kind is not known; write kind = \"sunspec\"".to_owned(),
        });
        return None;
    }
    let link = root.table("link", "[link]").map(read_link).unwrap_or_default();
    let sunspec = root.table("sunspec", "[sunspec]").map(read_sunspec).unwrap_or_default();
    root.finish();
    kind?;
    Some(DeviceMap {
        id: id?,
        title: title?,
        kind: MapKind::Sunspec,
        matches: None,
        link,
        sunspec,
        registers: RegisterMap::default(),
    })
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

fn read_link(mut table: Table) -> LinkOptions {
    let default = LinkOptions::default();
    let mut millis = |key, range: RangeInclusive<i64>, else_use: Duration| {
        let given = table.integer(key, range, "3000").and_then(|ms| u64::try_from(ms.value).ok());
        given.map_or(else_use, Duration::from_millis)
    };
    let connect_timeout = millis("connect_timeout_ms", TIMEOUT_MS, default.connect_timeout);
    let response_timeout = millis("response_timeout_ms", TIMEOUT_MS, default.response_timeout);
    let inter_request = millis("inter_request_ms", 0..=10_000, default.inter_request);
    let mut count = |key, range, example, else_use| {
        table.integer(key, range, example).and_then(|n| u16::try_from(n.value).ok()).unwrap_or(else_use)
    };
    let max_read = count("max_read", 2..=125, "125", default.max_read);
    let max_write = count("max_write", 1..=123, "123", default.max_write);
    table.finish();
    LinkOptions { connect_timeout, response_timeout, inter_request, max_read, max_write, ..default }
}

fn read_sunspec(mut table: Table) -> SunspecOptions {
    let default = SunspecOptions::default();
    let base = match table.integers("base", 0..=65535, "[40000]") {
        Some(list) if list.value.is_empty() => {
            list.place.fault("base is empty; name at least one address, such as base = [40000]");
            default.base
        }
        Some(list) => distinct(list.value, "base"),
        None => default.base,
    };
    let ignore_models = table
        .integers("ignore_models", 1..=65534, "[64110]")
        .map(|list| distinct(list.value, "ignore_models"))
        .unwrap_or_default();
    let shadow_models = table.table("readback", "[sunspec.readback]").map(read_readback).unwrap_or_default();
    table.finish();
    SunspecOptions { base, ignore_models, shadow_models, ..default }
}

fn distinct(list: Vec<Placed<i64>>, key: &str) -> Vec<u16> {
    let mut seen = Vec::new();
    for number in list {
        let Ok(value) = u16::try_from(number.value) else { continue };
        if seen.contains(&value) {
            number.place.fault(format!("{key} names {value} twice; once is enough"));
        } else {
            seen.push(value);
        }
    }
    seen
}

/// `readback = { 123 = "none" }`: the models whose registers do not show what was written.
fn read_readback(mut table: Table) -> Vec<u16> {
    let mut shadow = Vec::new();
    for (model, how) in table.rest() {
        let id = model.value.parse::<u16>().ok().filter(|id| (1..=65534).contains(id));
        if id.is_none() {
            model.place.fault("the keys of readback are model ids; write readback = { 123 = \"none\" }");
        }
        if let (Some(true), Some(id)) = (is_none(how), id) {
            shadow.push(id);
        }
    }
    shadow.sort_unstable();
    shadow
}

fn is_none(how: Item) -> Option<bool> {
    let how = how.text("\"none\"")?;
    match how.value.as_str() {
        "none" => Some(true),
        "strict" => Some(false),
        _ => {
            how.place.fault("read-back of a model is \"strict\" or \"none\"");
            None
        }
    }
}
