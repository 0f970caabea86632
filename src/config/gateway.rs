//! `[gateway]`: the name, and the folders.

use crate::toml_file::Table;
use std::path::{Path, PathBuf};

const DATA_DIR: &str = "/var/lib/dergate";
const MAPS_FOLDER: &str = "device-maps";

/// `[gateway]` as far as it is right.
#[derive(Debug)]
pub(super) struct Read {
    pub name: Option<String>,
    pub data_dir: PathBuf,
    pub device_maps: Vec<PathBuf>,
}

impl Default for Read {
    fn default() -> Self {
        Self { name: None, data_dir: PathBuf::from(DATA_DIR), device_maps: Vec::new() }
    }
}

/// `folder` is where the file stands: relative paths begin there.
pub(super) fn read(mut table: Table, folder: &Path) -> Read {
    let name = table.required_text("name", "\"substation-12\"").and_then(super::registry::name);
    let data_dir = table.text("data_dir", "\"/var/lib/dergate\"").map(|text| {
        if text.value.trim().is_empty() {
            text.place.fault("data_dir is empty; leave it out for /var/lib/dergate");
        }
        folder.join(text.value)
    });
    let device_maps = match table.texts("device_maps", "[\"device-maps\"]") {
        Some(list) => {
            let mut folders = Vec::new();
            for text in list.value {
                let path = folder.join(&text.value);
                if !path.is_dir() {
                    text.place.fault(format!(
                        "there is no folder {}; create it or take it off the list",
                        path.display()
                    ));
                } else if folders.contains(&path) {
                    text.place.fault("this folder is named twice; once is enough");
                } else {
                    folders.push(path);
                }
            }
            folders
        }
        None => Some(folder.join(MAPS_FOLDER)).filter(|path| path.is_dir()).into_iter().collect(),
    };
    table.finish();
    Read {
        name: name.map(|n| n.value),
        data_dir: data_dir.unwrap_or_else(|| PathBuf::from(DATA_DIR)),
        device_maps,
    }
}
