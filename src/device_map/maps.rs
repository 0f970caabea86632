//! All device maps that a gateway knows: the ones built in, and the ones from folders.

use super::dnp3::{At, PointKind};
use super::library::Library;
use super::map::{DeviceMap, Match};
use super::map_file::{Index, parse_map, read_map_with};
use super::shipped;
use crate::nearest::nearest;
use crate::toml_file::Fault;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The map of outstations whose configuration names none and whose mark no map knows.
pub const DEFAULT_OUTSTATION: &str = "dnp3-an2018";

/// The point by which outstations of the DER profiles are told apart: the version of the profile.
pub const MARK: At = At { kind: PointKind::AnalogInput, index: 0 };

/// Most map files in one folder.
const MAX_FILES: usize = 1000;

/// Device maps by id.
#[derive(Clone, Debug, Default)]
pub struct Maps {
    pub(super) by_id: BTreeMap<String, Arc<DeviceMap>>,
    models: Arc<Library>,
}

impl Maps {
    /// The maps that ship with the program.
    #[must_use]
    pub fn builtin() -> Self {
        let read = |path: &str| {
            let text = shipped::text(path)?;
            // Every shipped map is read by a test, so a fault here cannot reach a user.
            let map = parse_map(path, &text).ok()?;
            Some((map.id.clone(), Arc::new(map)))
        };
        let top = |path: &&str| !path.contains('/') && path.ends_with(".toml");
        let paths = shipped::paths();
        let by_id = paths.iter().map(AsRef::as_ref).filter(top).filter_map(read).collect();
        Self { by_id, models: Arc::default() }
    }

    /// The maps that ship with the program and those of the folders, which replace built-in ones of the same id.
    /// A file with a fault is left out, and so is the second of two files with the same id.
    #[must_use]
    pub fn load(folders: &[PathBuf]) -> (Self, Vec<Fault>) {
        let mut faults = Vec::new();
        let mut maps = Self::builtin();
        // First: what the maps refer to.
        maps.models = Arc::new(Library::load(folders, &mut faults));
        let index = Index::of(folders);
        let mut found: BTreeMap<String, (PathBuf, Arc<DeviceMap>)> = BTreeMap::new();
        for folder in folders {
            for path in map_files(folder, &mut faults) {
                let map = match read_map_with(&path, &maps.models, &index) {
                    Ok(map) => map,
                    Err(wrong) => {
                        faults.extend(wrong);
                        continue;
                    }
                };
                match found.entry(map.id.clone()) {
                    Entry::Vacant(free) => {
                        free.insert((path, Arc::new(map)));
                    }
                    Entry::Occupied(first) => faults.push(Fault::of_file(
                        path.display().to_string(),
                        format!(
                            "the id \"{}\" is already that of {}; give one of them another id",
                            map.id,
                            first.get().0.display()
                        ),
                    )),
                }
            }
        }
        faults.extend(ties(&found, &maps));
        maps.by_id.extend(found.into_iter().map(|(id, (_, map))| (id, map)));
        (maps, faults)
    }

    /// The SunSpec models: those built in, and those of the folders.
    #[must_use]
    pub const fn models(&self) -> &Arc<Library> {
        &self.models
    }

    /// The map of an id.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&Arc<DeviceMap>> {
        self.by_id.get(id)
    }

    /// The map of an outstation whose configuration names none, by the raw value of the point at [`MARK`]. It is
    /// [`DEFAULT_OUTSTATION`] if the outstation has no such point, or if no map names the value. Of several maps the first
    /// by id that does not ship with the program wins: a map of the site knows better.
    #[must_use]
    pub fn outstation_for(&self, raw: Option<i64>) -> Option<&Arc<DeviceMap>> {
        let marked = |map: &&Arc<DeviceMap>| {
            let mark = map.outstation.as_ref().and_then(|outstation| outstation.identify.as_ref());
            mark.is_some_and(|mark| mark.at == MARK && raw.is_some_and(|raw| mark.any_of.contains(&raw)))
        };
        let ships = |map: &&Arc<DeviceMap>| shipped::text(&format!("{}.toml", map.id)).is_some();
        self.by_id.values().filter(marked).min_by_key(ships).or_else(|| self.get(DEFAULT_OUTSTATION))
    }

    /// All ids, sorted.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.by_id.keys().map(String::as_str)
    }

    /// The id that was probably meant.
    #[must_use]
    pub fn nearest(&self, id: &str) -> Option<&str> {
        nearest(id, self.ids())
    }
}

/// Maps of the folders that are meant for just the same devices as another map: which of them to take would be chance.
fn ties(found: &BTreeMap<String, (PathBuf, Arc<DeviceMap>)>, builtin: &Maps) -> Vec<Fault> {
    let kept = builtin.by_id.iter().filter(|(id, _)| !found.contains_key(*id));
    let kept = kept.map(|(id, map)| (format!("the built-in map \"{id}\""), map));
    let mut known: Vec<(String, &Arc<DeviceMap>)> = kept.collect();
    let mut faults = Vec::new();
    for (path, map) in found.values() {
        let Some(wanted) = &map.matches else { continue };
        let same = |other: &Match| other.priority == wanted.priority && folded(other) == folded(wanted);
        if let Some((other, _)) = known.iter().find(|(_, other)| other.matches.as_ref().is_some_and(same)) {
            faults.push(Fault::of_file(
                path.display().to_string(),
                format!(
                    "match is the same as that of {other} (both priority {}); raise one priority",
                    wanted.priority
                ),
            ));
        }
        known.push((path.display().to_string(), map));
    }
    faults
}

/// The globs as they are compared.
fn folded(wanted: &Match) -> (Option<String>, Option<String>, Vec<String>) {
    let mut version: Vec<String> = wanted.version.iter().map(|glob| glob.to_lowercase()).collect();
    version.sort();
    let fold =
        |glob: &Option<String>| glob.as_ref().filter(|glob| *glob != "*").map(|glob| glob.to_lowercase());
    (fold(&wanted.manufacturer), fold(&wanted.model), version)
}

/// What editors and file managers leave beside a file: `.#acme.toml`, `._acme.toml`.
#[must_use]
pub fn is_hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."))
}

/// The `*.toml` of a folder, sorted; folders in it and hidden files are not map files.
pub(super) fn map_files(folder: &Path, faults: &mut Vec<Fault>) -> Vec<PathBuf> {
    let name = folder.display().to_string();
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(why) => {
            faults.push(Fault::of_file(name, format!("the device-map folder cannot be read: {why}")));
            return Vec::new();
        }
    };
    let mut files: Vec<PathBuf> = entries
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|e| e == "toml") && !is_hidden(path) && path.is_file())
        .take(MAX_FILES + 1)
        .collect();
    if files.len() > MAX_FILES {
        faults.push(Fault::of_file(
            name,
            format!("more than {MAX_FILES} map files; keep maps in a folder of their own"),
        ));
    }
    files.sort();
    files
}

#[cfg(test)]
mod tests;
