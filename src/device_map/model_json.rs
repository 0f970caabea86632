//! A SunSpec model from the SunSpec Alliance's own JSON, so that a vendor's model file dropped into a map folder works.
//!
//! Only facts are read (names, types, sizes, scale factors, units, access, symbols); texts and keys it does not know are
//! passed over. It decides nothing about devices.

use super::model::{Group, Model, Point, PointType, Repeat, Scale, Symbol};
use crate::nearest::nearest;
use crate::toml_file::{Fault, Faults};
use serde_json::{Map, Value};
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Largest file read. The largest of the Alliance has 80 KiB.
pub(super) const MAX_BYTES: u64 = 1024 * 1024;
/// Deepest nesting of groups.
const MAX_DEPTH: usize = 8;
/// Most points of a model, all groups together.
const MAX_POINTS: usize = 8192;
/// Most faults that are told of one file.
const MAX_FAULTS: usize = 50;
/// Longest name, unit or symbol.
const MAX_NAME: usize = 128;

/// True if a file should be a model, by its name. The Alliance's folder also has the schema of its models.
#[must_use]
pub fn is_model_json(path: &Path) -> bool {
    path.extension().is_some_and(|e| e == "json")
        && path.file_name().is_some_and(|name| name != "schema.json")
}

/// Reads a model file; its faults name it as `path` is written.
///
/// # Errors
/// It cannot be read, or every fault in it.
pub fn read_model_json(path: &Path) -> Result<Model, Faults> {
    let name = path.display().to_string();
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes));
    if let Err(why) = read {
        return Err(Fault::of_file(name, format!("cannot be read: {why}")).into());
    }
    if bytes.len() as u64 > MAX_BYTES {
        return Err(Fault::of_file(name, format!("larger than {MAX_BYTES} bytes: this is no model")).into());
    }
    parse_model_json(&name, &bytes)
}

/// Reads a model from the bytes of a file; `name` is what faults call it.
///
/// # Errors
/// Every fault of the text.
pub fn parse_model_json(name: &str, bytes: &[u8]) -> Result<Model, Faults> {
    let root: Value = match serde_json::from_slice(bytes) {
        Ok(root) => root,
        Err(why) => {
            let mut fault = Fault::of_file(name, format!("not valid JSON: {why}"));
            (fault.line, fault.column) = (why.line(), why.column());
            return Err(fault.into());
        }
    };
    let mut reader = Reader { file: name, faults: Vec::new(), points: 0, tops: Vec::new() };
    let model = reader.model(&root);
    match model {
        Some(model) if reader.faults.is_empty() => Ok(model),
        _ => Err(Faults::new(reader.faults)),
    }
}

struct Reader<'a> {
    file: &'a str,
    faults: Vec<Fault>,
    points: usize,
    /// Names of the top-level points, which counts refer to.
    tops: Vec<String>,
}

impl Reader<'_> {
    fn fault(&mut self, place: &str, message: impl std::fmt::Display) {
        if self.faults.len() < MAX_FAULTS {
            let colon = if place.is_empty() { "" } else { ": " };
            self.faults.push(Fault::of_file(self.file, format!("{place}{colon}{message}")));
        }
    }

    fn model(&mut self, root: &Value) -> Option<Model> {
        // The specification shows an outer object "model" that the Alliance's own files do not have.
        let root = root.get("model").unwrap_or(root);
        let Some(top) = root.get("group").and_then(Value::as_object) else {
            self.fault(
                "",
                "no SunSpec model: it needs \"id\" and \"group\"; keep other JSON files elsewhere",
            );
            return None;
        };
        let id = root.get("id").and_then(Value::as_u64).and_then(|id| u16::try_from(id).ok());
        let id = id.filter(|id| (1..=65534).contains(id));
        if id.is_none() {
            self.fault("id", "a model needs an id from 1 to 65534");
        }
        let names = top.get("points").and_then(Value::as_array).into_iter().flatten();
        self.tops = names.filter_map(|p| p.get("name")?.as_str().map(str::to_owned)).collect();
        let group = self.group(top, "", &[], 0)?;
        let head = group.points.iter().take(2).map(|p| (p.name.as_str(), p.size));
        if !head.eq([("ID", 1), ("L", 1)]) {
            self.fault("", "the first two points of a model are ID and L, of one register each");
        }
        Some(Model { id: id?, group })
    }

    fn group(
        &mut self,
        json: &Map<String, Value>,
        outer: &str,
        scales: &[String],
        depth: usize,
    ) -> Option<Group> {
        let name = self.text(json, outer, "name")?;
        let place = if outer.is_empty() { name.clone() } else { format!("{outer}.{name}") };
        if depth > MAX_DEPTH {
            self.fault(&place, format_args!("groups are nested deeper than {MAX_DEPTH}"));
            return None;
        }
        let sync = match json.get("type").and_then(Value::as_str) {
            None | Some("group") => false,
            Some("sync") => true,
            Some(other) => {
                self.fault(
                    &place,
                    format_args!("type \"{}\" is neither group nor sync", other.escape_debug()),
                );
                false
            }
        };
        let repeat = self.repeat(json, &place);
        let listed = json.get("points").and_then(Value::as_array);
        let points: Vec<Point> =
            listed.into_iter().flatten().filter_map(|point| self.point(point, &place)).collect();
        let mut scales = scales.to_vec();
        scales.extend(points.iter().filter(|p| p.kind == PointType::Sunssf).map(|p| p.name.clone()));
        for point in &points {
            if let Some(Scale::Point(sf)) = &point.scale
                && !scales.contains(sf)
            {
                let near = nearest(sf, scales.iter().map(String::as_str));
                let near = near.map_or_else(String::new, |near| format!("; did you mean \"{near}\"?"));
                let place = format!("{place}.{}", point.name);
                self.fault(
                    &place,
                    format_args!("sf \"{sf}\" is no sunssf point of its group or of one around it{near}"),
                );
            }
        }
        let inner = json.get("groups").and_then(Value::as_array);
        let groups = inner
            .into_iter()
            .flatten()
            .filter_map(|group| self.group(group.as_object()?, &place, &scales, depth + 1))
            .collect();
        Some(Group { name, sync, repeat, points, groups })
    }

    fn repeat(&mut self, json: &Map<String, Value>, place: &str) -> Repeat {
        match json.get("count") {
            None | Some(Value::Null) => Repeat::Times(1),
            Some(Value::String(name)) => {
                if !self.tops.contains(name) {
                    let name = name.escape_debug();
                    self.fault(place, format_args!("count \"{name}\" is no point at the top of the model"));
                }
                Repeat::Point(name.clone())
            }
            Some(number) => match number.as_u64().and_then(|n| u16::try_from(n).ok()) {
                Some(0) => Repeat::FillLength,
                Some(times) => Repeat::Times(times),
                None => {
                    self.fault(place, "count is a number from 0 to 65535, or the name of a point");
                    Repeat::Times(1)
                }
            },
        }
    }

    fn point(&mut self, json: &Value, group: &str) -> Option<Point> {
        let Some(json) = json.as_object() else {
            self.fault(group, "a point is an object with name and type");
            return None;
        };
        self.points += 1;
        if self.points > MAX_POINTS {
            if self.points == MAX_POINTS + 1 {
                self.fault(group, format_args!("more than {MAX_POINTS} points"));
            }
            return None;
        }
        let name = self.text(json, group, "name")?;
        let place = format!("{group}.{name}");
        let word = self.text(json, &place, "type")?;
        let Some(kind) = PointType::from_name(&word) else {
            let near = nearest(&word, PointType::ALL.into_iter().map(PointType::name));
            let near = near.map_or_else(String::new, |near| format!("; did you mean \"{near}\"?"));
            self.fault(&place, format_args!("\"{}\" is no SunSpec type{near}", word.escape_debug()));
            return None;
        };
        let size = self.size(json, kind, &place)?;
        let scale = self.scale(json, &place);
        let is = |key: &str, word: &str| json.get(key).and_then(Value::as_str) == Some(word);
        let unit = json.get("units").and_then(Value::as_str).map(str::trim).filter(|u| !u.is_empty());
        Some(Point {
            unit: unit.map(|unit| unit.chars().take(MAX_NAME).collect()),
            writable: is("access", "RW"),
            mandatory: is("mandatory", "M"),
            fixed: is("static", "S"),
            symbols: self.symbols(json, &place),
            name,
            kind,
            size,
            scale,
        })
    }

    fn size(&mut self, json: &Map<String, Value>, kind: PointType, place: &str) -> Option<u16> {
        let stated = json.get("size").and_then(Value::as_u64).and_then(|n| u16::try_from(n).ok());
        let stated = stated.filter(|n| (1..=1024).contains(n));
        match (kind.registers(), stated) {
            (Some(own), Some(size)) if own != size && kind != PointType::Pad => {
                let kind = kind.name();
                self.fault(place, format_args!("a point of type {kind} has {own} registers, not {size}"));
                None
            }
            (_, Some(size)) => Some(size),
            (Some(own), None) if !json.contains_key("size") => Some(own),
            _ => {
                self.fault(place, "size is a number of registers from 1 to 1024");
                None
            }
        }
    }

    fn scale(&mut self, json: &Map<String, Value>, place: &str) -> Option<Scale> {
        match json.get("sf")? {
            Value::Null => None,
            Value::String(name) => Some(Scale::Point(name.clone())),
            number => {
                let power = number.as_i64().and_then(|n| i8::try_from(n).ok());
                let power = power.filter(|n| (-10..=10).contains(n));
                if power.is_none() {
                    self.fault(place, "sf is the name of a sunssf point, or a power of ten from -10 to 10");
                }
                power.map(Scale::Power)
            }
        }
    }

    fn symbols(&mut self, json: &Map<String, Value>, place: &str) -> Vec<Symbol> {
        let listed = json.get("symbols").and_then(Value::as_array).into_iter().flatten();
        let mut symbols = Vec::new();
        for symbol in listed {
            let name = symbol.get("name").and_then(Value::as_str).filter(|n| n.len() <= MAX_NAME);
            let value = symbol.get("value").and_then(Value::as_u64).and_then(|n| u32::try_from(n).ok());
            let (Some(name), Some(value)) = (name, value) else {
                self.fault(place, "a symbol has a name, and a value from 0 to 4294967295");
                continue;
            };
            symbols.push(Symbol { name: name.to_owned(), value });
        }
        symbols.sort_by(|a: &Symbol, b: &Symbol| (a.value, &a.name).cmp(&(b.value, &b.name)));
        symbols
    }

    fn text(&mut self, json: &Map<String, Value>, place: &str, key: &str) -> Option<String> {
        let text = json.get(key).and_then(Value::as_str).map(str::trim);
        let text = text.filter(|text| !text.is_empty() && text.len() <= MAX_NAME);
        if text.is_none() {
            self.fault(place, format_args!("{key} is missing, or not a text of 1 to {MAX_NAME} bytes"));
        }
        text.map(str::to_owned)
    }
}

#[cfg(test)]
mod tests;
