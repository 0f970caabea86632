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

#[test]
fn a_vendors_model_in_a_map_folder_is_used_and_a_wrong_one_is_told() {
    let dir = tempfile::TempDir::new().unwrap();
    let points = r#"{"name":"ID","type":"uint16","size":1},{"name":"L","type":"uint16","size":1}"#;
    let model = |id: u16, more: &str| {
        format!(r#"{{"id":{id},"group":{{"name":"acme","type":"group","points":[{points}{more}]}}}}"#)
    };
    let x = r#",{"name":"X","type":"int16","size":1}"#;
    let write = |name: &str, text: String| std::fs::write(dir.path().join(name), text).unwrap();
    write("a.json", model(64123, x));
    write("b.json", model(64123, ""));
    write("c.json", "{}".into());
    write("d.json", model(1, x));
    let (maps, faults) = Maps::load(&[dir.path().to_owned()]);
    let said: Vec<String> = faults.iter().map(ToString::to_string).collect();
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(
        said[0].contains("b.json: model 64123 is already that of") && said[0].contains("a.json"),
        "{said:?}"
    );
    assert!(said[1].contains("c.json: no SunSpec model"), "{said:?}");
    assert_eq!(maps.models().get(64123).unwrap().group.points.len(), 3);
    assert_eq!(maps.models().get(1).unwrap().group.name, "acme", "it replaces the built-in one");
    assert_eq!(maps.models().get(103).unwrap(), crate::device_map::models().get(103).unwrap());
    assert!(maps.models().ids().contains(&64123));
}
