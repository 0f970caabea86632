//! `extends`: the map, and the maps below it.

use super::super::words::quoted;
use super::super::{MAX_BYTES, Sources, short_text};
use crate::device_map::shipped;
use crate::toml_file::{Faults, Placed, Table, TomlFile};
use std::path::PathBuf;

/// Most maps below one another, beside the first.
const MAX_DEPTH: usize = 4;

/// One map of the chain; the first one is the map that is read, the last one extends nothing.
#[derive(Debug)]
pub(super) struct Level {
    /// Its id, if that is right.
    pub(super) id: Option<String>,
    pub(super) root: Table,
}

/// Where a map is.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Source {
    File(PathBuf),
    Shipped(String),
}

/// The map and all maps below it. What cannot be found or read is a fault of the `extends` that names it.
pub(super) fn read(
    id: Option<&str>,
    mut root: Table,
    sources: &Sources,
    below: &mut Vec<TomlFile>,
) -> Vec<Level> {
    let mut next = root.text("extends", "\"dnp3-an2018\"");
    let mut ids: Vec<String> = id.map(str::to_owned).into_iter().collect();
    let mut seen: Vec<Source> = sources.own().map(Source::File).into_iter().collect();
    let mut levels = vec![Level { id: id.map(str::to_owned), root }];
    while let Some(wanted) = next.take() {
        if levels.len() > MAX_DEPTH {
            wanted.place.fault(format!(
                "more than {MAX_DEPTH} maps below one another; extend {} or one of those below it directly",
                quoted(&wanted.value)
            ));
            break;
        }
        let Some(source) = find(&wanted, &ids, &seen, sources) else { break };
        let (file, mut table) = match open(&source) {
            Ok(read) => read,
            Err(faults) => {
                cannot(&wanted, &faults);
                break;
            }
        };
        below.push(file);
        let Some(kept) = head(&mut table, &wanted) else { break };
        next = kept;
        levels.push(Level { id: Some(wanted.value.clone()), root: table });
        ids.push(wanted.value);
        seen.push(source);
    }
    levels
}

/// A file of a folder before one that ships; a map that replaces a shipped one may extend just that.
fn find(wanted: &Placed<String>, ids: &[String], seen: &[Source], sources: &Sources) -> Option<Source> {
    let shipped = Source::Shipped(wanted.value.clone());
    let has_shipped = shipped::text(&format!("{}.toml", wanted.value)).is_some();
    let in_shipped = matches!(seen.last(), Some(Source::Shipped(_)));
    let own = if in_shipped { None } else { sources.find(&wanted.value) };
    let own = own.map(Source::File).filter(|source| !seen.contains(source));
    let found = own.or_else(|| Some(shipped).filter(|source| has_shipped && !seen.contains(source)));
    // Read from text, a map has no file by which it would be known again.
    let again = ids.contains(&wanted.value) && (found.is_none() || !replaces(seen, &wanted.value, ids));
    match found {
        Some(source) if !again => Some(source),
        _ if ids.contains(&wanted.value) => {
            let way: Vec<String> = ids.iter().chain([&wanted.value]).map(|id| quoted(id)).collect();
            wanted.place.fault(format!(
                "extends goes round in a circle: {}; take one of them out",
                way.join(" extends ")
            ));
            None
        }
        _ => {
            let ids = sources.ids();
            let known: Vec<&str> = ids.iter().map(String::as_str).collect();
            wanted.place.fault(format!(
                "there is no device map {} to extend; {}",
                quoted(&wanted.value),
                super::super::words::instead(&wanted.value, &known)
            ));
            None
        }
    }
}

/// True if the map that asks has the id it asks for, so that it can only mean the shipped one.
fn replaces(seen: &[Source], id: &str, ids: &[String]) -> bool {
    ids.last().is_some_and(|last| last == id) && !matches!(seen.last(), Some(Source::Shipped(_)))
}

fn open(source: &Source) -> Result<(TomlFile, Table), Faults> {
    match source {
        Source::File(path) => TomlFile::read(path, MAX_BYTES),
        Source::Shipped(id) => {
            let name = format!("{id}.toml");
            TomlFile::parse(&name, &shipped::text(&name).unwrap_or_default(), MAX_BYTES)
        }
    }
}

fn cannot(wanted: &Placed<String>, faults: &Faults) {
    let first = faults.iter().next().map(ToString::to_string).unwrap_or_default();
    wanted.place.fault(format!("the map {} cannot be extended: {first}", quoted(&wanted.value)));
}

/// Takes what each map says of itself; what it extends in turn.
fn head(table: &mut Table, wanted: &Placed<String>) -> Option<Option<Placed<String>>> {
    table.required_integer("format", 1..=1, "1");
    for key in ["id", "title", "revision", "source"] {
        table.text(key, "\"…\"").and_then(|text| short_text(text, key));
    }
    let kind = table.required_text("kind", "\"dnp3\"")?;
    if kind.value != "dnp3" {
        wanted.place.fault(format!(
            "the map {} is of kind {}; only a map of kind \"dnp3\" can be extended",
            quoted(&wanted.value),
            quoted(&kind.value)
        ));
        return None;
    }
    Some(table.text("extends", "\"dnp3-an2018\""))
}
