use super::super::testing::{at, known, map};
use super::*;
use crate::device_map::Maps;
use crate::device_map::dnp3::{OutstationMap, Profile};
use std::sync::Arc;

fn said(map: &OutstationMap, output: &str, raw: f64) -> Option<String> {
    beyond(Catalogue::new(map), at(output), raw)
}

#[test]
fn the_range_of_the_map_decides_where_it_has_one() {
    let maps = Maps::builtin();
    let map = maps.get("dnp3-an2018").unwrap().outstation.clone().unwrap();
    for (output, raw, part) in [
        ("AO88", 1001.0, "AO88 = 100.1 % is outside 0 to 100"),
        ("AO88", -1.0, "AO88 = -0.1 % is outside 0 to 100"),
        ("AO93", -1500.0, "AO93 = -150 % is outside -100 to 100"),
        ("AO210", 120.0, "AO210 = 1.2 is outside 0 to 1"),
        // No command gives them a range; the profile's unit and name do.
        ("AO87", 1001.0, "beyond 100 %"),
        ("AO87", -10.0, "takes no sign"),
        ("AO106", -10.0, "takes no sign"),
        ("AO83", -1.0, "a time below 0"),
    ] {
        let words = said(&map, output, raw).unwrap_or_else(|| panic!("{output} = {raw} passes"));
        assert!(words.contains(part), "{output} = {raw}: {words}");
    }
    for (output, raw) in
        [("AO88", 1000.0), ("AO88", 0.0), ("AO93", -1000.0), ("AO203", -1000.0), ("AO83", 0.0), ("BO17", 1.0)]
    {
        assert_eq!(said(&map, output, raw), None, "{output} = {raw}");
    }
    // Percent of a nominal voltage.
    assert_eq!(said(&map, "AO6", 10_500.0), None);
    assert!(said(&map, "AO6", 20_100.0).unwrap().contains("outside 0 to 200"));
    assert_eq!(said(&map, "AO39", 1100.0), None);
}

#[test]
fn of_what_nobody_describes_nothing_is_said() {
    let map = map();
    assert_eq!(said(&map, "AO5", -1e9), None);
    assert_eq!(said(&map, "AO4711", 1e9), None);
    assert!(said(&map, "AO88", 1010.0).unwrap().contains("beyond 100 %"));
    let points = vec![known("ride", "AO7", -0.1, "%", None)];
    let turned = OutstationMap {
        profile: Some(Arc::new(Profile { id: "t".to_owned(), points })),
        ..OutstationMap::default()
    };
    assert!(
        said(&turned, "AO7", 10.0).unwrap().contains("takes no sign"),
        "the value counts, not the raw number"
    );
}
