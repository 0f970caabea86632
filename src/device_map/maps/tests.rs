use super::super::{LinkOptions, SunspecOptions};
use super::*;
use crate::device_map::MapKind;
use crate::device_map::registers::{RegisterMap, RegisterTable, RegisterType};
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
            outstation: None,
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
fn the_map_that_is_meant_for_a_device_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let write = |id: &str, matching: &str| {
        let text =
            format!("format = 1\nid = \"{id}\"\ntitle = \"T\"\nkind = \"sunspec\"\n[match]\n{matching}\n");
        std::fs::write(folder.path().join(format!("{id}.toml")), text).unwrap();
    };
    write("any", "manufacturer = \"acme*\"");
    write("big", "manufacturer = \"Acme*\"\nmodel = \"AC-9*\"\npriority = 5");
    write("new", "manufacturer = \"Acme*\"\nversion = [\"5.*\", \"6.*\"]\npriority = 7");
    let (maps, faults) = Maps::load(&[folder.path().to_owned()]);
    assert_eq!(faults, []);
    let best =
        |manufacturer, model, version| maps.best(manufacturer, model, version).map(|map| map.id.as_str());
    assert_eq!(best("  ACME Solar ", "AC-1", "4.1"), Some("any"));
    assert_eq!(best("Acme", " ac-90 ", "4.1"), Some("big"));
    assert_eq!(best("Acme", "AC-90", "6.0"), Some("new"));
    assert_eq!(best("Other", "AC-90", "6.0"), None);
    assert_eq!(best("", "", ""), None);
    assert_eq!(best("SMA", "STP 25.0", "4.01.15.R"), Some("sma"));
    assert_eq!(best("SolarEdge ", "SE10K", "4.9"), Some("solaredge"));
    assert_eq!(best("SolarEdge", "WattNode", "1"), None);
    assert_eq!(best("Fronius", "Symo GEN24 10.0", "1.2"), Some("fronius"));
    assert_eq!(best("KOSTAL", "PLENTICORE plus 10", "1"), Some("kostal"));
}

#[test]
fn no_two_shipped_maps_are_meant_for_just_the_same_devices() {
    let maps = Maps::builtin();
    let found = maps.by_id.iter().map(|(id, map)| (id.clone(), (PathBuf::from(id), map.clone()))).collect();
    assert_eq!(ties(&found, &Maps::default()), []);
}

/// The images are decoded by the driver's tests; here, that none is missing and none is of another map.
#[test]
fn every_map_with_registers_has_an_image_of_its_readable_points() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/register-images");
    let maps = Maps::builtin();
    let with_registers: Vec<&Arc<DeviceMap>> =
        maps.by_id.values().filter(|map| !matches!(map.kind, MapKind::Sunspec | MapKind::Dnp3)).collect();
    assert!(with_registers.len() >= 7);
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), with_registers.len());
    for map in with_registers {
        let text = std::fs::read_to_string(folder.join(format!("{}.toml", map.id))).unwrap();
        let image: toml::Table = text.parse().unwrap();
        assert_eq!(image["map"].as_str(), Some(map.id.as_str()));
        let points = image["points"].as_table().unwrap();
        for (name, value) in points {
            let point = map.registers.point(name).unwrap_or_else(|| panic!("{}: {name}", map.id));
            assert_eq!(value.is_str(), matches!(point.kind, RegisterType::Text(_)), "{}: {name}", map.id);
        }
        for point in &map.registers.points {
            let table = match point.table {
                RegisterTable::Holding => "holding",
                RegisterTable::Input => "input",
            };
            let covered = image[table].as_table().unwrap().iter().any(|(start, values)| {
                let (start, count) = (start.parse::<usize>().unwrap(), values.as_array().unwrap().len());
                let (first, size) = (usize::from(point.address), usize::from(point.kind.registers()));
                (start..start + count).contains(&first) && first + size <= start + count
            });
            assert!(covered, "{}: {} is not in the image", map.id, point.name);
        }
    }
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

#[test]
fn what_editors_leave_in_a_folder_disturbs_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("acme.toml", HEAD);
    for name in
        [".acme.toml", "._acme.toml", ".#acme.toml", "acme.toml~", "#acme.toml#", "acme.toml.bak", ".m.json"]
    {
        write(name, "\u{0}not = for us");
    }
    std::fs::create_dir(folder.path().join("old.toml")).unwrap();
    let (maps, faults) = Maps::load(&[folder.path().to_owned()]);
    assert_eq!(faults, []);
    assert!(maps.get("acme").is_some());
}

#[test]
fn a_file_made_to_exhaust_the_reader_does_not() {
    let whole = |text: &str| parse_map("x.toml", &format!("{HEAD}{text}"));
    let deep = 100_000;
    for text in [
        format!("x = {}{}", "[".repeat(deep), "]".repeat(deep)),
        format!("x = {}1{}", "{ a = ".repeat(deep / 5), " }".repeat(deep / 5)),
        format!("x = [{}]", "1,".repeat(deep)),
        format!("[{}a]", "a.".repeat(deep)),
        "[[point]]\n".repeat(deep / 4),
        "[[x]]\n[[x.y]]\n".repeat(deep / 8),
    ] {
        assert!(whole(&text).is_err(), "{}", &text[..20]);
    }
    // Every reference is wrong: the nearest of many names is sought for each.
    let registers = HEAD.replace("\"sunspec\"", "\"registers\"");
    let point = |n: usize| {
        format!(
            "[[point]]\nname=\"abcdefghijklmnop{n}\"\naddress={n}\ntype=\"u16\"\nscale_from=\"ponmlkjihgfedcba{n}\"\n"
        )
    };
    let text: String = (0..2000).map(point).collect();
    let begun = std::time::Instant::now();
    assert!(parse_map("x.toml", &format!("{registers}{text}")).is_err());
    assert!(begun.elapsed() < Duration::from_mins(2), "{:?}", begun.elapsed());
}
