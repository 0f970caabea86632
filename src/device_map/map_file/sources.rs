//! Where a map finds those that it extends: by id in the folders, each of which is searched once at most.

use crate::device_map::maps::map_files;
use crate::device_map::shipped;
use crate::toml_file::TomlFile;
use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The map files of some folders by id. Nothing is read before the first map that extends another.
#[derive(Debug, Default)]
pub struct Index {
    folders: Vec<PathBuf>,
    files: OnceCell<BTreeMap<String, PathBuf>>,
}

impl Index {
    /// An index of these folders, the first of two maps with one id counting.
    pub fn of(folders: &[PathBuf]) -> Self {
        Self { folders: folders.to_vec(), files: OnceCell::new() }
    }

    fn files(&self) -> &BTreeMap<String, PathBuf> {
        self.files.get_or_init(|| {
            let mut files = BTreeMap::new();
            // A folder or file that cannot be read is reported where it is read for its own sake.
            let paths = self.folders.iter().flat_map(|folder| map_files(folder, &mut Vec::new()));
            for path in paths {
                let Ok((_, mut root)) = TomlFile::read(&path, super::MAX_BYTES) else { continue };
                if !root.has("format") {
                    continue;
                }
                if let Some(id) = root.text("id", "\"my-outstation\"") {
                    files.entry(id.value).or_insert(path);
                }
            }
            files
        })
    }
}

/// What a map that is read can refer to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sources<'a> {
    path: Option<&'a Path>,
    index: Option<&'a Index>,
}

impl<'a> Sources<'a> {
    /// Those of a map in a file.
    pub const fn of_file(path: &'a Path, index: &'a Index) -> Self {
        Self { path: Some(path), index: Some(index) }
    }

    /// The file that is read; `None` for a text.
    pub fn own(&self) -> Option<PathBuf> {
        self.path.map(Path::to_owned)
    }

    /// The file of a map in the folders.
    pub fn find(&self, id: &str) -> Option<PathBuf> {
        self.index?.files().get(id).cloned()
    }

    /// All ids that can be extended, as far as is known without reading the maps.
    pub fn ids(&self) -> Vec<String> {
        let own = self.index.map(|index| index.files().keys().cloned().collect()).unwrap_or_default();
        let mut ids: Vec<String> = own;
        let shipped = shipped::paths();
        let shipped = shipped.iter().filter_map(|path| path.strip_suffix(".toml"));
        ids.extend(shipped.filter(|id| id.starts_with("dnp3-")).map(str::to_owned));
        ids.sort();
        ids.dedup();
        ids
    }
}
