use super::*;
use crate::southbound::points::testing::{device_map, holding, sungrow};
use jiff::Timestamp;

fn points() -> Points {
    let mut map = sungrow();
    map.points.push(RegisterPoint {
        bits: vec![(0, "grid".to_owned()), (3, "sun".to_owned())],
        ..holding("flags", 5010, RegisterType::Bits16)
    });
    let mut points = Points::new(Arc::new(device_map(map)));
    let registers = |_: RegisterTable, address: u16, quantity: u16| match address {
        5006 => Some(vec![0xAA]),
        5007 => Some(vec![600]),
        5010 => Some(vec![9]),
        5030 => Some(vec![1, 0]),
        _ => None.filter(|_: &Vec<u16>| quantity > 0),
    };
    points.replay(&registers, Timestamp::UNIX_EPOCH);
    points
}

#[test]
fn a_point_is_shown_with_its_table_names_and_scale() {
    let points = points();
    let limit = probed(&points.look("limit_pct").unwrap());
    assert_eq!(
        (limit.value, limit.unit.as_deref(), limit.writable),
        (ProbedValue::Number(60.0), Some("%"), true)
    );
    assert_eq!(limit.scale, Some(ProbedScale { point: None, power: Some(-1) }));
    let switch = probed(&points.look("limit_switch").unwrap());
    assert_eq!((switch.symbols, switch.raw), (vec!["enable".to_owned()], vec![0xAA]));
    assert_eq!(probed(&points.look("flags").unwrap()).symbols, ["grid", "sun"]);
    let power = probed(&points.look("p").unwrap());
    assert_eq!((power.table, power.address, power.writable), (RegisterTable::Input, 5030, false));
    assert_eq!(probed(&points.look("va").unwrap()).value, ProbedValue::NotRead);
}

#[test]
fn values_are_given_in_the_unit_of_the_point_or_by_name() {
    let points = points();
    let of = |name: &str, text: &str| given(&points.look(name).unwrap(), text).map(|given| given.registers);
    assert_eq!(of("limit_pct", "60.5"), Ok(vec![605]));
    assert_eq!(of("limit_switch", "Disable"), Ok(vec![0x55]));
    assert_eq!(of("flags", "sun+grid"), Ok(vec![9]));
    assert_eq!(of("flags", "0x8"), Ok(vec![8]));
    for (name, text, part) in [
        ("limit_pct", "60kw", "in % and without it"),
        ("limit_pct", "NaN", "not a number"),
        ("limit_pct", "inf", "not a number"),
        ("limit_pct", "7000", "does not fit"),
        ("limit_switch", "perhaps", "they are enable, disable"),
        ("flags", "sun+moon", "they are grid, sun"),
        ("p", "5", "read-only"),
    ] {
        let words = of(name, text).unwrap_err();
        assert!(words.contains(part), "{name}={text}: {words}");
    }
    let note = given(&points.look("limit_pct").unwrap(), "60.04").unwrap().note;
    assert_eq!(note.as_deref(), Some("60.04 is written as 60, the nearest the point can hold"));
}
