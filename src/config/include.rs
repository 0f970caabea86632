//! `include`: the further files of a configuration.

use crate::toml_file::Placed;
use std::path::{Path, PathBuf};

/// Most files included.
const MAX_FILES: usize = 10_000;

/// The files that the patterns mean, each once, in the order of the patterns and then of their names. Patterns begin
/// at the folder of `main`, which itself is never included. A pattern that matches nothing is fine, a name that does
/// not exist is a fault.
pub(super) fn paths(patterns: Option<Placed<Vec<Placed<String>>>>, main: &Path) -> Vec<PathBuf> {
    let folder = main.parent().unwrap_or(Path::new(""));
    let mut found: Vec<PathBuf> = Vec::new();
    let mut seen: std::collections::HashSet<PathBuf> = main.canonicalize().into_iter().collect();
    for pattern in patterns.into_iter().flat_map(|list| list.value) {
        for path in matches(&pattern, folder) {
            if found.len() >= MAX_FILES {
                pattern
                    .place
                    .fault(format!("more than {MAX_FILES} files are included; put more devices into each"));
                return found;
            }
            let real = path.canonicalize().unwrap_or_else(|_| path.clone());
            if seen.insert(real) {
                found.push(path);
            }
        }
    }
    found
}

fn matches(pattern: &Placed<String>, folder: &Path) -> Vec<PathBuf> {
    let text = pattern.value.as_str();
    if text.trim().is_empty() {
        pattern.place.fault("an include is empty; write include = [\"devices.d/*.toml\"]");
        return Vec::new();
    }
    if Path::new(text).is_absolute() {
        pattern.place.fault("an include is relative to this file; write it without the leading /");
        return Vec::new();
    }
    if !text.contains(['*', '?', '[']) {
        let path = folder.join(text);
        if path.is_file() {
            return vec![path];
        }
        pattern
            .place
            .fault(format!("there is no file {}; create it or take it off the list", path.display()));
        return Vec::new();
    }
    if let Err(why) = glob::Pattern::new(text) {
        pattern.place.fault(format!(
            "this pattern is wrong at its character {} ({}); write include = [\"devices.d/*.toml\"]",
            why.pos + 1,
            why.msg
        ));
        return Vec::new();
    }
    let fixed = glob::Pattern::escape(&folder.display().to_string());
    let whole = Path::new(&fixed).join(text);
    glob::glob(&whole.display().to_string())
        .into_iter()
        .flatten()
        .filter_map(Result::ok)
        .filter(|path| path.is_file())
        .take(MAX_FILES + 1)
        .collect()
}
