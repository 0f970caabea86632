use super::*;
use crate::device_map::models;
use proptest::prelude::*;
use std::path::PathBuf;

const VENDOR: &str = r#"{ "id": 64123, "group": { "name": "acme", "type": "group", "label": "Acme", "points": [
    { "name": "ID", "type": "uint16", "size": 1, "static": "S", "value": 64123 },
    { "name": "L", "type": "uint16", "size": 1 },
    { "name": "Lim", "type": "uint16", "size": 1, "sf": "Lim_SF", "units": " Pct", "access": "RW", "mandatory": "M" },
    { "name": "Lim_SF", "type": "sunssf", "size": 1 },
    { "name": "St", "type": "enum16", "size": 1, "symbols": [ { "name": "ON", "value": 1 }, { "name": "OFF", "value": 0 } ] },
    { "name": "N", "type": "count", "size": 1 } ],
  "groups": [ { "name": "S", "type": "group", "count": "N", "points": [
    { "name": "W", "type": "int32", "size": 2, "sf": "Lim_SF" } ],
    "groups": [ { "name": "P", "type": "sync", "count": 2, "points": [ { "name": "T", "type": "string", "size": 4 } ] } ] },
    { "name": "R", "type": "group", "count": 0, "points": [ { "name": "X", "type": "acc64", "size": 4, "sf": -1 } ] } ] } }"#;

fn faults(text: &str) -> String {
    parse_model_json("m.json", text.as_bytes()).unwrap_err().to_string()
}

#[test]
fn a_vendors_model_arrives_with_all_its_forms() {
    let model = parse_model_json("m.json", VENDOR.as_bytes()).unwrap();
    assert_eq!((model.id, model.fixed_length()), (64123, 4));
    let limit = &model.group.points[2];
    assert_eq!(limit.scale, Some(Scale::Point("Lim_SF".into())));
    assert_eq!(limit.unit.as_deref(), Some("Pct"));
    assert!(limit.writable && limit.mandatory && model.group.points[0].fixed);
    assert_eq!(model.group.points[4].symbols[0].name, "OFF");
    let [s, r] = model.group.groups.as_slice() else { panic!() };
    assert_eq!((&s.repeat, &r.repeat), (&Repeat::Point("N".into()), &Repeat::FillLength));
    assert!(s.groups[0].sync);
    assert_eq!((&s.groups[0].repeat, r.points[0].scale.clone()), (&Repeat::Times(2), Some(Scale::Power(-1))));
    let wrapped = format!("{{ \"model\": {VENDOR} }}");
    assert_eq!(parse_model_json("m.json", wrapped.as_bytes()).unwrap(), model);
}

#[test]
fn each_fault_says_where_and_what_would_be_right() {
    for (from, to, said) in [
        ("\"id\": 64123", "\"id\": 0", "m.json: id: a model needs an id from 1 to 65534"),
        (
            "\"uint16\", \"size\": 1, \"sf\"",
            "\"unt16\", \"size\": 1, \"sf\"",
            "acme.Lim: \"unt16\" is no SunSpec type; did you mean \"int16\"?",
        ),
        (
            "\"sf\": \"Lim_SF\", \"units\"",
            "\"sf\": \"Lmi_SF\", \"units\"",
            "acme.Lim: sf \"Lmi_SF\" is no sunssf point of its group or of one around it; did you mean \"Lim_SF\"?",
        ),
        (
            "\"int32\", \"size\": 2",
            "\"int32\", \"size\": 1",
            "acme.S.W: a point of type int32 has 2 registers, not 1",
        ),
        ("\"string\", \"size\": 4", "\"string\"", "acme.S.P.T: size is a number of registers from 1 to 1024"),
        ("\"count\": \"N\"", "\"count\": \"M\"", "acme.S: count \"M\" is no point at the top of the model"),
        (
            "\"sf\": -1",
            "\"sf\": -11",
            "acme.R.X: sf is the name of a sunssf point, or a power of ten from -10 to 10",
        ),
        ("\"type\": \"sync\"", "\"type\": \"syn\"", "acme.S.P: type \"syn\" is neither group nor sync"),
        ("\"value\": 1 }", "\"value\": -1 }", "acme.St: a symbol has a name, and a value"),
        ("\"name\": \"L\"", "\"name\": \"Len\"", "the first two points of a model are ID and L"),
        ("\"group\"", "\"grp\"", "m.json: no SunSpec model: it needs \"id\" and \"group\""),
        ("{ \"id\"", "{ id", "m.json:1:3: not valid JSON"),
    ] {
        assert!(VENDOR.contains(from), "{from}");
        let said_now = faults(&VENDOR.replacen(from, to, 1));
        assert!(said_now.contains(said), "{said_now}\nlacks {said}");
    }
}

#[test]
fn all_faults_come_at_once_and_are_bounded() {
    let two = VENDOR.replacen("\"id\": 64123", "\"id\": 70000", 1).replacen("\"int32\"", "\"int33\"", 1);
    assert_eq!(faults(&two).lines().count(), 2);
    let many: String = (0..500).map(|n| format!("{{ \"name\": \"P{n}\", \"type\": \"x\" }},")).collect();
    let text = VENDOR.replacen("{ \"name\": \"Lim\"", &format!("{many} {{ \"name\": \"Lim\""), 1);
    assert_eq!(parse_model_json("m.json", text.as_bytes()).unwrap_err().len(), MAX_FAULTS);
}

/// The Alliance's files: the shelf beside the project, or wherever `DERGATE_SHARED` says.
fn alliance_json() -> Option<PathBuf> {
    let named = std::env::var_os("DERGATE_SHARED").map(PathBuf::from);
    let above = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().map(|folder| folder.join("shared"));
    named.into_iter().chain(above).map(|shared| shared.join("sunspec-models/json")).find(|json| json.is_dir())
}

#[test]
fn the_alliances_files_say_what_the_tables_say() {
    let Some(folder) = alliance_json() else {
        println!(
            "SKIPPED the_alliances_files_say_what_the_tables_say: no shared/sunspec-models above this folder"
        );
        return;
    };
    let mut compared = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if !is_model_json(&path) {
            continue;
        }
        let model = read_model_json(&path).unwrap_or_else(|faults| panic!("{faults}"));
        assert_eq!(model, *models().get(model.id).unwrap(), "{}", path.display());
        compared += 1;
    }
    assert_eq!(compared, models().ids().len());
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = parse_model_json("m.json", &bytes);
    }

    #[test]
    fn no_damage_to_a_model_makes_it_panic(at in 0..VENDOR.len(), length in 0_usize..40, with in "\\PC{0,8}") {
        let mut text = VENDOR.as_bytes().to_vec();
        let end = (at + length).min(text.len());
        text.splice(at..end, with.bytes());
        let _ = parse_model_json("m.json", &text);
    }
}
