//! The SunSpec model tables that are built in: `device-maps/sunspec/models/ID.toml`, each parsed when it is first asked for.
//!
//! The tables are made by `device-maps/sunspec/convert.py`. A table is one group, and so is each `[[groups]]` in it:
//!
//! | key | means |
//! |---|---|
//! | `id` | model id (top only) |
//! | `name` | group name |
//! | `sync` | true: read and written in one request |
//! | `count` | instances: absent 1; a number; 0 as many as L leaves room for; a text is the top-level point that says it |
//! | `points` | in register order, one a line |
//! | `groups` | subgroups, in register order, after the points |
//!
//! Of a point: `n` name, `t` type, `size` registers (only where the type does not say), `sf` scale factor (a point, or
//! the power itself), `u` unit, `w` writable, `m` mandatory, `s` static, `v` symbols with their values or bit numbers.

use super::model::{Group, Model, Point, PointType, Repeat, Scale, Symbol};
use super::model_json::{is_model_json, read_model_json};
use super::shipped;
use crate::toml_file::{Fault, Faults, Table, TomlFile};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

const FOLDER: &str = "sunspec/models/";

/// Largest table read. The largest that ships has 20 KiB.
const MAX_BYTES: usize = 256 * 1024;

/// Most model files in one folder.
const MAX_FILES: usize = 1000;

/// Deepest nesting of groups. The models that ship need 4.
const MAX_DEPTH: usize = 8;

/// The model tables that a gateway knows: those built in, and those of its map folders.
#[derive(Debug, Default)]
pub struct Library {
    parsed: Mutex<HashMap<u16, Option<Arc<Model>>>>,
    added: HashMap<u16, Arc<Model>>,
}

/// The tables that are built in.
pub fn models() -> &'static Library {
    static LIBRARY: OnceLock<Library> = OnceLock::new();
    LIBRARY.get_or_init(Library::default)
}

impl Library {
    /// The tables that are built in and others, which replace built-in ones of the same id.
    #[must_use]
    pub fn with(added: impl IntoIterator<Item = Model>) -> Self {
        let added = added.into_iter().map(|model| (model.id, Arc::new(model))).collect();
        Self { added, ..Self::default() }
    }

    /// The tables that are built in, and the `*.json` model files of folders, which replace built-in ones of the same
    /// id. A file with a fault is left out, and so is the second of two files with the same id.
    pub(super) fn load(folders: &[PathBuf], faults: &mut Vec<Fault>) -> Self {
        let mut first: HashMap<u16, PathBuf> = HashMap::new();
        let mut models = Vec::new();
        let paths: Vec<PathBuf> = folders.iter().flat_map(|folder| json_files(folder, faults)).collect();
        for path in paths {
            match read_model_json(&path) {
                Err(wrong) => faults.extend(wrong),
                Ok(model) => match first.get(&model.id) {
                    Some(other) => faults.push(Fault::of_file(
                        path.display().to_string(),
                        format!(
                            "model {} is already that of {}; keep one of them",
                            model.id,
                            other.display()
                        ),
                    )),
                    None => {
                        first.insert(model.id, path);
                        models.push(model);
                    }
                },
            }
        }
        Self::with(models)
    }

    /// The model of an id; `None` if it is neither built in nor added.
    #[must_use]
    pub fn get(&self, id: u16) -> Option<Arc<Model>> {
        if let Some(added) = self.added.get(&id) {
            return Some(added.clone());
        }
        if !std::ptr::eq(self, models()) {
            return models().get(id);
        }
        let mut parsed = self.parsed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = parsed.get(&id) {
            return known.clone();
        }
        let text = shipped::text(&format!("{FOLDER}{id}.toml"))?;
        // Every shipped table is parsed by a test, so a fault here cannot reach a user.
        let model = parse_model(&format!("{id}.toml"), &text).ok().map(Arc::new);
        parsed.insert(id, model.clone());
        model
    }

    /// The ids of all models, ascending.
    #[must_use]
    pub fn ids(&self) -> Vec<u16> {
        let id = |path: &str| path.strip_prefix(FOLDER)?.strip_suffix(".toml")?.parse().ok();
        let mut ids: Vec<u16> = shipped::paths().iter().filter_map(|path| id(path)).collect();
        ids.extend(self.added.keys());
        ids.sort_unstable();
        ids.dedup();
        ids
    }
}

/// The `*.json` of a folder, sorted. A folder that cannot be read is told by whoever reads its map files.
fn json_files(folder: &Path, faults: &mut Vec<Fault>) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|path| is_model_json(path) && !super::maps::is_hidden(path) && path.is_file())
        .take(MAX_FILES + 1)
        .collect();
    if files.len() > MAX_FILES {
        let message = format!("more than {MAX_FILES} model files; keep models in a folder of their own");
        faults.push(Fault::of_file(folder.display().to_string(), message));
    }
    files.sort();
    files
}

/// Reads one model table; `name` is what faults call the file.
///
/// # Errors
/// Every fault of the text.
pub fn parse_model(name: &str, text: &str) -> Result<Model, Faults> {
    let (file, root) = TomlFile::parse(name, text, MAX_BYTES)?;
    model_of_table(&file, root)
}

/// Reads one model table that is already parsed.
///
/// # Errors
/// Every fault of the file.
pub fn model_of_table(file: &TomlFile, mut root: Table) -> Result<Model, Faults> {
    let id = root.required_integer("id", 1..=65534, "123").and_then(|id| u16::try_from(id.value).ok());
    let group = read_group(root, 0);
    match (id, group) {
        (Some(id), Some(group)) if !file.is_faulty() => Ok(Model { id, group }),
        _ => Err(file.faults()),
    }
}

fn read_group(mut table: Table, depth: usize) -> Option<Group> {
    if depth > MAX_DEPTH {
        table.fault(format!("groups are nested deeper than {MAX_DEPTH}"));
        return None;
    }
    let name = table.required_text("name", "\"inverter\"");
    let sync = table.boolean("sync").is_some_and(|sync| sync.value);
    let repeat = read_repeat(&mut table);
    let points = table.tables("points").into_iter().filter_map(read_point).collect();
    let groups = table.tables("groups").into_iter().filter_map(|g| read_group(g, depth + 1)).collect();
    table.finish();
    Some(Group { name: name?.value, sync, repeat, points, groups })
}

fn read_repeat(table: &mut Table) -> Repeat {
    let Some(item) = table.take("count") else { return Repeat::Times(1) };
    if item.is_text() {
        return item.text("\"NPt\"").map_or(Repeat::Times(1), |name| Repeat::Point(name.value));
    }
    let times = item.integer(&(0..=65535), "0").and_then(|n| u16::try_from(n.value).ok());
    match times {
        Some(0) => Repeat::FillLength,
        times => Repeat::Times(times.unwrap_or(1)),
    }
}

fn read_point(mut table: Table) -> Option<Point> {
    let name = table.required_text("n", "\"W\"");
    let kind = table.required_text("t", "\"int16\"").and_then(|word| {
        let kind = PointType::from_name(&word.value);
        if kind.is_none() {
            word.place.fault(format!("\"{}\" is no SunSpec type", word.value.escape_debug()));
        }
        kind
    });
    let size = table.take("size");
    let scale = table.take("sf").and_then(|item| {
        if item.is_text() {
            return item.text("\"W_SF\"").map(|name| Scale::Point(name.value));
        }
        let power = item.integer(&(-10..=10), "-1")?;
        i8::try_from(power.value).ok().map(Scale::Power)
    });
    let unit = table.text("u", "\"W\"").map(|unit| unit.value);
    let [writable, mandatory, fixed] = ["w", "m", "s"].map(|key| table.boolean(key).is_some_and(|b| b.value));
    let symbols = table.table("v", "v").map(read_symbols).unwrap_or_default();
    let place = table.place().clone();
    table.finish();
    let kind = kind?;
    let stated =
        size.and_then(|item| item.integer(&(1..=1024), "8")).and_then(|n| u16::try_from(n.value).ok());
    let size = match (kind.registers(), stated) {
        (Some(own), Some(size)) if own != size && kind != PointType::Pad => {
            place.fault(format!("a point of type {} has {own} registers, not {size}", kind.name()));
            own
        }
        (own, stated) => stated.or(own).or_else(|| {
            place.fault("a text point needs its size in registers, such as size = 16");
            None
        })?,
    };
    Some(Point { name: name?.value, kind, size, scale, unit, writable, mandatory, fixed, symbols })
}

fn read_symbols(mut table: Table) -> Vec<Symbol> {
    let mut symbols: Vec<Symbol> = table
        .rest()
        .into_iter()
        .filter_map(|(name, item)| {
            let value = item.integer(&(0..=i64::from(u32::MAX)), "1")?;
            Some(Symbol { name: name.value, value: u32::try_from(value.value).ok()? })
        })
        .collect();
    symbols.sort_by(|a, b| (a.value, &a.name).cmp(&(b.value, &b.name)));
    symbols
}

#[cfg(test)]
mod tests;
