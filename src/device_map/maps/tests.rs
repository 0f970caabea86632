use super::super::{LinkOptions, SunspecOptions};
use super::*;
use crate::device_map::MapKind;
use crate::device_map::registers::RegisterMap;
use std::time::Duration;

const HEAD: &str = "format = 1\nid = \"acme\"\ntitle = \"Acme\"\nkind = \"sunspec\"\n";

#[test]
fn shipped_maps_are_good() {
    for path in shipped::paths().iter().filter(|p| !p.contains('/') && p.ends_with(".toml")) {
        let map = parse_map(path, &shipped::text(path).unwrap()).unwrap_or_else(|faults| panic!("{faults}"));
        assert_eq!(format!("{}.toml", map.id), **path, "the file is named after the id");
    }
    let maps = Maps::builtin();
    let generic = maps.get("sunspec").unwrap();
    assert_eq!((&generic.link, &generic.sunspec), (&LinkOptions::default(), &SunspecOptions::default()));
    assert_eq!(maps.get("sma").unwrap().sunspec.shadow_models, [123]);
    assert_eq!(maps.nearest("sunspce"), Some("sunspec"));
}

#[test]
fn every_key_arrives() {
    let map = parse_map(
        "a.toml",
        &format!(
            "{HEAD}revision = \"1\"\nsource = \"note\"\n[link]\nconnect_timeout_ms = 2000\nresponse_timeout_ms = 1500\n\
             inter_request_ms = 20\nmax_read = 60\nmax_write = 10\n[sunspec]\nbase = [50000, 0]\n\
             ignore_models = [64110]\nreadback = {{ 124 = \"none\", 123 = \"none\", 704 = \"strict\" }}\n"
        ),
    )
    .unwrap();
    assert_eq!(
        map,
        DeviceMap {
            id: "acme".into(),
            title: "Acme".into(),
            kind: MapKind::Sunspec,
            matches: None,
            registers: RegisterMap::default(),
            link: LinkOptions {
                connect_timeout: Duration::from_secs(2),
                response_timeout: Duration::from_millis(1500),
                inter_request: Duration::from_millis(20),
                max_read: 60,
                max_write: 10,
                ..LinkOptions::default()
            },
            sunspec: SunspecOptions {
                base: vec![50000, 0],
                ignore_models: vec![64110],
                shadow_models: vec![123, 124],
                ..SunspecOptions::default()
            },
        }
    );
}

#[test]
fn a_file_replaces_the_builtin_map_and_a_wrong_one_stops_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("sunspec.toml", "format = 1\nid = \"sunspec\"\ntitle = \"Ours\"\nkind = \"sunspec\"\n");
    write("a.toml", HEAD);
    write("b.toml", HEAD);
    write("c.toml", "format = 2\n");
    write("readme.md", "not a map");
    let (maps, faults) = Maps::load(&[folder.path().to_owned(), folder.path().join("missing")]);
    assert_eq!(maps.get("sunspec").unwrap().title, "Ours");
    assert!(maps.get("acme").is_some() && maps.get("sma").is_some());
    let text: Vec<String> = faults.iter().map(ToString::to_string).collect();
    let text = text.join("\n").replace(&folder.path().display().to_string(), "maps");
    assert_eq!(
        text,
        "maps/b.toml: the id \"acme\" is already that of maps/a.toml; give one of them another id\n\
         maps/c.toml:1:1: this file has no id; add id = \"my-inverter\"\n\
         maps/c.toml:1:1: this file has no kind; add kind = \"sunspec\"\n\
         maps/c.toml:1:1: this file has no title; add title = \"My inverter\"\n\
         maps/c.toml:1:10: format must be 1, but this is 2\n\
         maps/missing: the device-map folder cannot be read: No such file or directory (os error 2)"
    );
}

#[test]
fn another_kind_is_named_and_its_keys_are_not_faults() {
    let text = "format = 1\nid = \"x\"\ntitle = \"X\"\nkind = \"registers\"\n[[point]]\nname = \"p\"\n";
    assert_eq!(
        parse_map("x.toml", text).unwrap_err().to_string(),
        "x.toml:4:8: kind \"registers\" is not supported by this version; it supports \"sunspec\""
    );
}
