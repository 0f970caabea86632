//! All device maps that a gateway knows: the ones built in, and the ones from folders.

use super::library::Library;
use super::map::DeviceMap;
use super::map_file::{parse_map, read_map};
use super::shipped;
use crate::toml_file::{Fault, nearest};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Most map files in one folder.
const MAX_FILES: usize = 1000;

/// Device maps by id.
#[derive(Clone, Debug, Default)]
pub struct Maps {
    by_id: BTreeMap<String, Arc<DeviceMap>>,
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
        let mut found: BTreeMap<String, (PathBuf, Arc<DeviceMap>)> = BTreeMap::new();
        for folder in folders {
            for path in map_files(folder, &mut faults) {
                let map = match read_map(&path) {
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
        let mut maps = Self::builtin();
        maps.models = Arc::new(Library::load(folders, &mut faults));
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

/// The `*.toml` of a folder, sorted; folders in it are not map files.
fn map_files(folder: &Path, faults: &mut Vec<Fault>) -> Vec<PathBuf> {
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
        .filter(|path| path.extension().is_some_and(|e| e == "toml") && path.is_file())
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
