//! The arrows of ARCHITECTURE.md, read off the sources: which room may name which, and where foreign crates may be named.
//!
//! Test modules (`tests.rs`, `tests/`) are read too, but may also name what they need to play the other end.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Room, and what it may name. A path names itself and all below it; `!` after it means exactly that.
const ARROWS: &[(&str, &[&str])] = &[
    ("main", &["cli"]),
    ("lib", &[]),
    (
        "cli",
        &[
            "app",
            "admin",
            "config",
            "core",
            "der",
            "device_map",
            "nearest",
            "northbound",
            "simulator",
            "southbound",
            "store",
            "toml_file",
        ],
    ),
    ("app", &["admin", "config", "core", "der", "northbound", "simulator", "southbound", "store", "systemd"]),
    (
        "config",
        &[
            "der",
            "device_map",
            "nearest",
            "toml_file",
            "admin::Settings",
            "core::Settings",
            "northbound::Settings",
            "northbound::FlowDirection",
            "northbound::PartialResult",
            "southbound::DeviceSettings",
            "southbound::Link",
            "southbound::ModbusTcp",
            "southbound::Dnp3Addresses",
            "southbound::Dnp3Tcp",
            "southbound::SPEAKS_DNP3",
            "southbound::tls",
            "store::Settings",
        ],
    ),
    ("device_map", &["der", "nearest", "toml_file"]),
    ("southbound", &["core::port", "device_map", "der", "backoff", "nearest"]),
    ("northbound", &["core::service", "der", "backoff"]),
    ("admin", &["core::service", "der"]),
    ("core", &["der"]),
    ("store", &["der", "core::port"]),
    ("simulator", &["der", "device_map", "nearest", "toml_file"]),
    ("der", &[]),
    ("backoff", &[]),
    ("nearest", &[]),
    ("toml_file", &["nearest"]),
    ("systemd", &[]),
    ("testing", &[]),
];

/// Foreign crate, and the rooms that are its home. Crates not listed may be used by all.
const HOMES: &[(&str, &[&str])] = &[
    ("tokio_modbus", &["southbound/modbus"]),
    ("tokio_serial", &["southbound/modbus", "southbound/dnp3/diagnosis", "simulator"]),
    ("dnp3", &["southbound/dnp3", "simulator/dnp3"]),
    ("rusqlite", &["store"]),
    ("quick_xml", &["northbound"]),
    ("clap", &["cli"]),
    ("toml", &["toml_file"]),
    ("rust_embed", &["device_map"]),
    ("prometheus_client", &["admin"]),
    ("sd_notify", &["systemd"]),
    ("axum", &["northbound", "admin", "simulator"]),
    ("hyper", &["northbound", "admin", "simulator", "cli"]),
    ("serde_json", &["device_map", "admin", "cli", "simulator", "store"]),
    ("serde", &["admin", "cli", "simulator", "store"]),
    ("tracing_subscriber", &["cli"]),
    ("rustls", &["southbound/tls", "simulator/tls"]),
    ("tokio_rustls", &["southbound/tls", "southbound/modbus/tls", "simulator/tls"]),
    ("x509_parser", &["southbound/tls", "simulator/tls"]),
];

struct Source {
    path: String,
    room: String,
    code: String,
    test: bool,
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    walk(&root, &mut files);
    assert!(files.len() > 30, "the sources were not found under {}", root.display());
    files
        .into_iter()
        .map(|file| {
            let path = file.strip_prefix(&root).unwrap().to_str().unwrap().replace('\\', "/");
            let room = path.split(['/', '.']).next().unwrap().to_owned();
            let text = fs::read_to_string(&file).unwrap();
            let code: Vec<&str> = text.lines().map(|line| line.split("//").next().unwrap()).collect();
            let test = path.ends_with("tests.rs") || path.contains("/tests/");
            Source { path, room, code: code.join("\n"), test }
        })
        .collect()
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(&path, files);
        } else if path.extension().is_some_and(|e| e == "rs") {
            files.push(path);
        }
    }
}

/// Every path below `crate::` that the code names, use-trees spread out: `core::port::Poll`, `der::Mrid`.
fn named(code: &str) -> BTreeSet<String> {
    let mut paths = BTreeSet::new();
    for at in beginnings(code, "crate::") {
        spread(&code[at + "crate::".len()..], "", &mut paths);
    }
    paths
}

/// Where a path begins with this word.
fn beginnings<'c>(code: &'c str, word: &'c str) -> impl Iterator<Item = usize> + 'c {
    let whole = |at: &usize| {
        let before = code[..*at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':')
    };
    code.match_indices(word).map(|(at, _)| at).filter(whole)
}

/// The same of every path that begins with `super::` in the file `path`; those of modules inside a file are taken for
/// those of the file.
fn named_above(path: &str, code: &str) -> BTreeSet<String> {
    let stem = path.strip_suffix(".rs").unwrap();
    let own: Vec<&str> = stem.strip_suffix("/mod").unwrap_or(stem).split('/').collect();
    let mut paths = BTreeSet::new();
    for at in beginnings(code, "super::") {
        let (mut tree, mut above) = (&code[at..], own.as_slice());
        while let (Some(rest), Some((_, parents))) = (tree.strip_prefix("super::"), above.split_last()) {
            (tree, above) = (rest, parents);
        }
        let mut here = BTreeSet::new();
        spread(tree, &above.join("::"), &mut here);
        // What is above a file of the top counts only if it is a room: it may be of a module inside the file.
        let room = |path: &String| ARROWS.iter().any(|(room, _)| path.split("::").next() == Some(room));
        paths.extend(here.into_iter().filter(room));
    }
    paths
}

/// Reads one use-tree or path, and gives what is left after it.
fn spread<'t>(tree: &'t str, prefix: &str, paths: &mut BTreeSet<String>) -> &'t str {
    let tree = tree.trim_start();
    if let Some(mut rest) = tree.strip_prefix('{') {
        loop {
            rest = rest.trim_start().trim_start_matches(',').trim_start();
            match rest.strip_prefix('}') {
                Some(after) => return after,
                None if rest.is_empty() => return rest,
                None => rest = spread(rest, prefix, paths),
            }
        }
    }
    let end = tree.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '*')).unwrap_or(tree.len());
    let (word, rest) = tree.split_at(end);
    if word.is_empty() {
        // Not a path at all, such as a macro fragment: step over it, so that this ends.
        return rest.get(1..).unwrap_or_default();
    }
    let path = if prefix.is_empty() { word.to_owned() } else { format!("{prefix}::{word}") };
    match rest.strip_prefix("::") {
        Some(inner) if !inner.starts_with('<') => spread(inner, &path, paths),
        _ => {
            paths.insert(path);
            // `Settings as AdminSettings`: the alias is ours, not a path.
            let alias = rest.trim_start().strip_prefix("as ").map(str::trim_start);
            alias.map_or(rest, |alias| alias.trim_start_matches(|c: char| c.is_alphanumeric() || c == '_'))
        }
    }
}

fn allowed(path: &str, room: &str, arrows: &[&str]) -> bool {
    let below = |arrow: &str| path == arrow || path.starts_with(&format!("{arrow}::"));
    below(room) || arrows.iter().any(|arrow| below(arrow))
}

#[test]
fn rooms_name_only_the_rooms_their_arrows_point_at() {
    let mut wrong = Vec::new();
    for source in sources() {
        let (_, arrows) = ARROWS
            .iter()
            .find(|(room, _)| *room == source.room)
            .unwrap_or_else(|| panic!("{}: this room is not in the table of arrows", source.path));
        for path in named(&source.code).into_iter().chain(named_above(&source.path, &source.code)) {
            // Only tests are compiled with it.
            let testing = path.starts_with("testing::");
            if !allowed(&path, &source.room, arrows) && !source.test && !testing {
                wrong.push(format!("{} names crate::{path}", source.path));
            }
        }
    }
    assert!(wrong.is_empty(), "arrows that ARCHITECTURE.md does not have:\n  {}", wrong.join("\n  "));
}

#[test]
fn foreign_crates_are_named_only_in_their_homes() {
    let mut wrong = Vec::new();
    for source in &sources() {
        // Tests may name what they need, but for what its licence keeps apart.
        for (name, homes) in HOMES.iter().filter(|(name, _)| !source.test || *name == "dnp3") {
            let naming = format!("{name}::");
            // Also from the root of all crates, `::dnp3::…`, and as a whole, `use dnp3 as …;`.
            let rooted = source.code.contains(&format!(" ::{naming}"));
            let whole = [format!("use {name};"), format!("use {name} as"), format!("extern crate {name}")];
            let used = beginnings(&source.code, &naming).next().is_some()
                || rooted
                || whole.iter().any(|whole| source.code.contains(whole));
            let home = homes.iter().any(|home| {
                source.path == format!("{home}.rs") || source.path.starts_with(&format!("{home}/"))
            });
            if used && !home {
                wrong.push(format!("{} names {name}; its home is {}", source.path, homes.join(", ")));
            }
        }
    }
    assert!(wrong.is_empty(), "foreign crates outside their home:\n  {}", wrong.join("\n  "));
}

/// Its licence lets nobody pass it on: a program built without it must not know of it.
#[test]
fn the_crate_dnp3_is_only_behind_its_feature() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let all = sources();
    let (_, homes) = HOMES.iter().find(|(name, _)| *name == "dnp3").unwrap();
    for home in *homes {
        let parent = home.strip_suffix("/dnp3").unwrap();
        let doors = [format!("{parent}/mod.rs"), format!("{parent}.rs")];
        let door = all.iter().find(|source| doors.contains(&source.path)).unwrap();
        let files = [format!("{home}/"), format!("{home}.rs")];
        let inside = all.iter().any(|source| files.iter().any(|file| source.path.starts_with(file)));
        let ways = ways_in(&door.code);
        assert_eq!(!ways.is_empty(), inside, "{} and src/{home} do not agree", door.path);
        assert!(ways.into_iter().all(|gated| gated), "{}: `mod dnp3` is not behind its feature", door.path);
    }
    for source in &all {
        let behind = source.code.lines().any(|line| line.contains("#[path") || line.contains("include!("));
        assert!(!behind, "{} reads another file by its path", source.path);
    }
    let manifest = fs::read_to_string(root.join("Cargo.toml")).unwrap();
    let line = manifest.lines().find(|line| line.starts_with("dnp3 = {")).unwrap();
    assert!(line.contains("optional = true") && line.contains("\"=1.7.0\""), "{line}");
    assert_eq!(manifest.matches("dep:dnp3").count(), 1, "one feature brings it");
}

/// For each `mod dnp3;` of a file: whether it is behind the feature.
fn ways_in(code: &str) -> Vec<bool> {
    let lines: Vec<&str> = code.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let mut ways = Vec::new();
    for (place, line) in lines.iter().enumerate() {
        let words: Vec<&str> = line.split_whitespace().collect();
        if words.ends_with(&["mod", "dnp3;"]) {
            let attributes = lines[..place].iter().rev().take_while(|line| line.starts_with("#["));
            ways.push(attributes.into_iter().any(|line| line.contains("feature = \"dnp3\"")));
        }
    }
    ways
}

/// The licence forbids publishing measurements of the library.
#[test]
fn nothing_tells_how_fast_dnp3_is() {
    const OF_SPEED: [&str; 8] =
        ["throughput", "latency", "msg/s", "points/s", "values/s", "µs", "per second", "a second"];
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut benches = Vec::new();
    walk(&root.join("benches"), &mut benches);
    assert!(!benches.is_empty());
    for file in benches {
        let text = fs::read_to_string(&file).unwrap().to_lowercase();
        assert!(!text.contains("dnp3"), "{} measures DNP3", file.display());
    }
    for folder in [root.to_owned(), root.join("benches"), root.join("device-maps"), root.join("docs")] {
        for page in fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path()) {
            if page.extension().is_none_or(|e| e != "md") {
                continue;
            }
            // A link may have a second end point.
            let text = fs::read_to_string(&page).unwrap().to_lowercase().replace("a second end point", "");
            for line in text.lines().filter(|line| line.contains("dnp3")) {
                // The second of two is no measure of time.
                let line = line.replace("second end point", "end point");
                let told = OF_SPEED.iter().any(|word| line.contains(word));
                assert!(!told, "{} tells how fast DNP3 is: {line}", page.display());
            }
        }
    }
}

#[test]
fn the_reader_of_ways_in_sees_what_it_should() {
    assert_eq!(
        ways_in("#[cfg(feature = \"dnp3\")]\n#[doc(hidden)]\npub(crate) mod dnp3;\nmod link;"),
        [true]
    );
    assert_eq!(ways_in("#[cfg(feature = \"dnp3\")]\nmod a;\nmod dnp3;"), [false]);
    assert!(ways_in("mod dnp3_tools;").is_empty());
}

#[test]
fn the_vocabulary_has_no_clock_no_sockets_and_no_tasks() {
    for source in sources().iter().filter(|s| s.room == "der" && !s.test) {
        for word in
            ["tokio::", "std::fs", "std::net", "std::io", "Timestamp::now", "SystemTime", "Instant::now"]
        {
            assert!(!source.code.contains(word), "{} names {word}", source.path);
        }
    }
}

#[test]
fn decisions_of_the_core_never_read_a_clock() {
    // The edges that may: the task, the ports, and the northbound's service.
    let edges = ["core/task.rs", "core/port.rs", "core/service.rs", "core/service/snapshot.rs"];
    for source in sources().iter().filter(|s| s.room == "core" && !s.test) {
        let reads = source.code.contains("::now()");
        assert!(!reads || edges.contains(&source.path.as_str()), "{} reads a clock", source.path);
    }
}

#[test]
fn the_core_names_no_protocol() {
    for source in sources().iter().filter(|s| s.room == "core" && !s.test) {
        let code = source.code.to_lowercase();
        for word in ["modbus", "sunspec", "dnp3", "soap", "xml", "sqlite", "http"] {
            assert!(!code.contains(word), "{} names {word}", source.path);
        }
    }
}

#[test]
fn two_drivers_never_name_each_other() {
    const DRIVERS: [&str; 3] = ["dnp3", "registers", "sunspec"];
    for source in sources().iter().filter(|s| !s.test) {
        let Some(own) =
            DRIVERS.iter().find(|driver| source.path.starts_with(&format!("southbound/{driver}/")))
        else {
            continue;
        };
        for other in DRIVERS.iter().filter(|other| *other != own) {
            let (driver, below) = (format!("southbound::{other}"), format!("southbound::{other}::"));
            let paths = named(&source.code).into_iter().chain(named_above(&source.path, &source.code));
            let named = paths.into_iter().find(|path| *path == driver || path.starts_with(&below));
            assert_eq!(named, None, "{} names the driver {other}", source.path);
        }
    }
}

#[test]
fn no_file_is_over_500_lines() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    walk(&root.join("src"), &mut files);
    walk(&root.join("tests"), &mut files);
    for file in files {
        let lines = fs::read_to_string(&file).unwrap().lines().count();
        assert!(lines <= 500, "{} has {lines} lines: split it by direction or by noun", file.display());
    }
}

#[test]
fn the_reader_of_paths_upwards_sees_what_it_should() {
    let code = "use super::super::{sunspec::Book, held}; fn f() { super::image::take(); not_super::x(); }";
    let expected = ["southbound::dnp3::image::take", "southbound::held", "southbound::sunspec::Book"];
    assert_eq!(
        named_above("southbound/dnp3/device.rs", code),
        expected.into_iter().map(str::to_owned).collect()
    );
    let above = |path, code| named_above(path, code).into_iter().collect::<Vec<_>>();
    assert_eq!(above("southbound/dnp3/mod.rs", "use super::sunspec;"), ["southbound::sunspec"]);
    assert_eq!(above("core/mod.rs", "use super::store::Settings;"), ["store::Settings"]);
    assert!(above("app.rs", "mod inner { use super::Gateway; }").is_empty());
}

#[test]
fn the_reader_of_use_trees_sees_what_it_should() {
    let code = "use crate::{der::{Mrid as Id, Watts}, core::port}; fn f(x: crate::store::Settings) { mycrate::no(); }";
    let expected = ["core::port", "der::Mrid", "der::Watts", "store::Settings"];
    assert_eq!(named(code), expected.into_iter().map(str::to_owned).collect());
    assert!(allowed("core::port::Poll", "southbound", &["core::port"]));
    assert!(!allowed("core::service::Service", "southbound", &["core::port"]));
    assert!(!allowed("core::portal", "southbound", &["core::port"]));
}
