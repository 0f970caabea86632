//! `dergate check`: config files, device maps and model tables, without touching the network.
//!
//! What a file is, is told by what stands in it, not by its name. It changes nothing.

use super::End;
use crate::nearest::nearest;
use crate::toml_file::{Fault, Faults, Table, TomlFile};
use crate::{config, device_map, simulator};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Most files checked of one folder, and how deep it is searched.
const MAX_FILES: usize = 10_000;
const MAX_DEPTH: usize = 8;

/// A kind of file that can be checked.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    /// What one of it and several of them are called in the summary.
    pub names: (&'static str, &'static str),
    /// How a person recognises it, for the fault of a file that is of no kind.
    pub sign: &'static str,
    /// True if the file is of this kind.
    pub is: fn(&Table) -> bool,
    /// Every fault of the file.
    pub check: fn(&Path, &TomlFile, Table) -> Faults,
}

/// The kinds, in the order in which they are tried. A further kind of file is a further entry.
pub const KINDS: &[Kind] = &[
    Kind {
        names: ("gateway configuration", "gateway configurations"),
        sign: "a gateway configuration has [gateway]",
        is: is_config,
        check: |path, file, root| {
            config::of_table(path, file, root).map_or_else(|faults| faults, |c| c.lapsed)
        },
    },
    Kind {
        names: ("device map", "device maps"),
        sign: "a device map has format = 1",
        is: |root| root.has("format") || (root.has("kind") && root.has("id")),
        check: |path, _, root| check_map(path, &root),
    },
    Kind {
        names: ("plant", "plants"),
        sign: "a simulated plant has [[sunspec]] or [[dnp3]]",
        is: |root| root.has("sunspec") || root.has("registers") || root.has("dnp3"),
        check: |_, file, root| simulator::plant_of_table(file, root).err().unwrap_or_default(),
    },
    Kind {
        names: ("model table", "model tables"),
        sign: "a SunSpec model table has id and points",
        is: |root| root.has("id") && root.has("points"),
        check: |_, file, root| device_map::model_of_table(file, root).err().unwrap_or_default(),
    },
    Kind {
        names: ("included file", "included files"),
        sign: "an included file has [[device]] or [[group]]",
        is: |root| root.has("device") || root.has("group"),
        check: |_, file, root| config::check_fragment(file, root),
    },
];

/// A SunSpec model as the Alliance writes it; told by its name, since it is no TOML.
const MODEL_FILE: Kind = Kind {
    names: ("model file", "model files"),
    sign: "a SunSpec model of the Alliance is a *.json file",
    is: |_| false,
    check: |_, _, _| Faults::default(),
};

const EXAMPLE: &str = "\
Example:  dergate check config/gateway.toml device-maps";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLE)]
pub(super) struct Args {
    /// Files and folders; without any, the installed /etc/dergate/gateway.toml
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Prints one array of faults, for scripts
    #[arg(long)]
    json: bool,
}

/// Carries out the command.
pub(super) fn run(args: &Args, out: &mut dyn Write) -> std::io::Result<End> {
    let clean = check(&args.paths, args.json, out)?;
    Ok(if clean { End::Done } else { End::Failed(String::new()) })
}

/// Checks files, and the `*.toml` and `*.json` of folders; without paths, the installed gateway.toml. Prints every fault and a
/// summary, or with `json` one array of faults. True if there is none.
///
/// # Errors
/// `out` cannot be written.
pub fn check(paths: &[PathBuf], json: bool, out: &mut dyn Write) -> std::io::Result<bool> {
    let installed = [PathBuf::from(config::DEFAULT_PATH)];
    let paths = if paths.is_empty() { &installed } else { paths };
    let mut seen = Seen::default();
    for path in paths {
        if path.is_dir() {
            seen.folder(path);
        } else {
            seen.file(path);
        }
    }
    let faults = Faults::new(std::mem::take(&mut seen.faults));
    if json {
        print_json(&faults, out)?;
    } else {
        for fault in &faults {
            writeln!(out, "{fault}")?;
        }
        for remark in &Faults::new(seen.remarks.clone()) {
            writeln!(out, "{remark}")?;
        }
        writeln!(out, "{}", seen.summary(faults.len()))?;
    }
    Ok(faults.is_empty())
}

/// What was checked, and what was found.
#[derive(Debug, Default)]
struct Seen {
    files: usize,
    kinds: BTreeMap<&'static str, (usize, Kind)>,
    faults: Vec<Fault>,
    /// Said, but not counted.
    remarks: Vec<Fault>,
}

impl Seen {
    fn folder(&mut self, folder: &Path) {
        let mut files = Vec::new();
        known_files(folder, 0, &mut files);
        if files.is_empty() {
            let message = "no *.toml or *.json file in this folder; name a file or the folder that has them";
            self.faults.push(Fault::of_file(folder.display().to_string(), message));
        }
        if files.len() > MAX_FILES {
            let message = format!("more than {MAX_FILES} files; only the first ones are checked");
            self.faults.push(Fault::of_file(folder.display().to_string(), message));
            files.truncate(MAX_FILES);
        }
        for file in files {
            self.file(&file);
        }
    }

    fn file(&mut self, path: &Path) {
        self.files += 1;
        if path.extension().is_some_and(|extension| extension == "json") {
            self.kinds.entry(MODEL_FILE.names.0).or_insert((0, MODEL_FILE)).0 += 1;
            return self.faults.extend(device_map::read_model_json(path).err().into_iter().flatten());
        }
        let (file, root) = match TomlFile::read(path, config::MAX_BYTES) {
            Ok(read) => read,
            Err(faults) => return self.faults.extend(faults),
        };
        let Some(kind) = KINDS.iter().find(|kind| (kind.is)(&root)) else {
            let signs: Vec<&str> = KINDS.iter().map(|kind| kind.sign).collect();
            let message = format!("this is no file of dergate; {}", signs.join(", "));
            return self.faults.push(Fault::of_file(path.display().to_string(), message));
        };
        self.kinds.entry(kind.names.0).or_insert((0, *kind)).0 += 1;
        self.faults.extend((kind.check)(path, &file, root));
        self.remarks.extend(file.remarks());
    }

    /// `3 files checked (1 gateway configuration, 2 device maps): no faults`
    fn summary(&self, faults: usize) -> String {
        let kind = |(count, kind): &(usize, Kind)| {
            let (one, many) = kind.names;
            format!("{count} {}", if *count == 1 { one } else { many })
        };
        let kinds: Vec<String> = self.kinds.values().map(kind).collect();
        let kinds = if kinds.is_empty() { String::new() } else { format!(" ({})", kinds.join(", ")) };
        let files = if self.files == 1 { "1 file".to_owned() } else { format!("{} files", self.files) };
        let faults = match faults {
            0 => "no faults".to_owned(),
            1 => "1 fault".to_owned(),
            n => format!("{n} faults"),
        };
        format!("{files} checked{kinds}: {faults}")
    }
}

fn check_map(path: &Path, root: &Table) -> Faults {
    match device_map::read_map(path) {
        Ok(map) => {
            if let Some(words) = map.lacks() {
                root.place().remark(format!("warning: {words}"));
            }
            Faults::default()
        }
        Err(faults) => faults,
    }
}

/// `[gateway]` may be the very word that is misspelt.
fn is_config(root: &Table) -> bool {
    let words = ["gateway", "northbound", "admin", "include"];
    root.keys().any(|key| nearest(key, words).is_some())
}

fn known_files(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    let mut paths: Vec<PathBuf> = entries.filter_map(Result::ok).map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths.into_iter().filter(|path| !device_map::is_hidden(path)) {
        if found.len() > MAX_FILES {
            return;
        }
        if path.is_dir() {
            // A folder behind a link may lead back up.
            if depth < MAX_DEPTH && !path.is_symlink() {
                known_files(&path, depth + 1, found);
            }
        } else if path.extension().is_some_and(|extension| extension == "toml")
            || device_map::is_model_json(&path)
        {
            found.push(path);
        }
    }
}

fn print_json(faults: &Faults, out: &mut dyn Write) -> std::io::Result<()> {
    let place = |number: usize| Some(number).filter(|n| (1..usize::MAX).contains(n));
    let object = |fault: &Fault| {
        serde_json::json!({
            "file": fault.file,
            "line": place(fault.line),
            "column": place(fault.column),
            "message": fault.message,
        })
    };
    let list: Vec<serde_json::Value> = faults.iter().map(object).collect();
    serde_json::to_writer_pretty(&mut *out, &list)?;
    writeln!(out)
}

#[cfg(test)]
mod tests;
