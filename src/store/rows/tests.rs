use super::*;
use crate::der::{DerFunction, DerFunctions, Name, NameType, NameTypeAuthority, Version};
use jiff::Timestamp;
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;

fn memory() -> Connection {
    let db = Connection::open_in_memory().unwrap();
    db.execute_batch(SCHEMA).unwrap();
    db.pragma_update(None, "foreign_keys", true).unwrap();
    db
}

fn mrid() -> impl Strategy<Value = Mrid> {
    prop_oneof!["_?[a-fA-F0-9]{8}-[A-Z]{4}", "_{0,2}\\PC{1,20}", "[ÄÖÜßİǅ]{1,5}"]
        .prop_filter_map("not an mRID", |text| Mrid::parse(&text).ok())
}

fn time() -> impl Strategy<Value = Timestamp> {
    let (first, last) = (Timestamp::MIN.as_nanosecond(), Timestamp::MAX.as_nanosecond());
    prop_oneof![
        (first..=last).prop_map(|ns| Timestamp::from_nanosecond(ns).unwrap()),
        (0_i64..4_000_000_000).prop_map(|s| Timestamp::from_second(s).unwrap()),
    ]
}

fn name() -> impl Strategy<Value = Name> {
    let any = || any::<String>();
    let authority =
        (any(), of(any())).prop_map(|(name, description)| NameTypeAuthority { description, name });
    let kind = (any(), of(any()), of(authority)).prop_map(|(name, description, authority)| NameType {
        description,
        name,
        authority,
    });
    (any(), of(kind)).prop_map(|(name, name_type)| Name { name, name_type })
}

prop_compose! {
    fn group()(
        mrid in mrid(), description in of(any::<String>()), flags in vec(0_usize..9, 0..9), members in vec(mrid(), 0..5),
        names in vec(name(), 0..4),
        version in of((of(time()), of(any::<i64>()), of(any::<i64>()), of(any::<i64>()))),
    ) -> EndDeviceGroup {
        EndDeviceGroup {
            mrid, description, members, names,
            functions: flags.into_iter().map(|f| DerFunction::ALL[f]).collect::<DerFunctions>(),
            version: version.map(|(date, major, minor, revision)| Version { date, major, minor, revision }),
        }
    }
}

fn schedule() -> impl Strategy<Value = DispatchSchedule> {
    use proptest::num::f64::{NEGATIVE, NORMAL, POSITIVE, SUBNORMAL, ZERO};
    let value = POSITIVE | NEGATIVE | NORMAL | SUBNORMAL | ZERO;
    (any::<bool>(), 0_i64..3_000_000_000, 0_i32..1_000_000_000, 1_i64..100, 0_usize..6, vec(value, 2..6))
        .prop_map(|(line, second, nano, step, unit, values)| {
            let style = if line { CurveStyle::StraightLineYValues } else { CurveStyle::ConstantYValue };
            let start = Timestamp::new(second, nano).unwrap();
            DispatchSchedule::new(style, start, step, TimeIntervalKind::ALL[unit], values).unwrap()
        })
}

prop_compose! {
    fn dispatch()(
        mrid in mrid(), names in vec(name(), 0..3), group in mrid(), parameter in 0_usize..12,
        schedules in vec(schedule(), 0..4), order in 0..=i64::MAX as u64, members in vec(mrid(), 0..5), phase in 0_usize..3, cap in any::<bool>(),
    ) -> DispatchRecord {
        let phases = [DispatchPhase::Accepted, DispatchPhase::Releasing, DispatchPhase::Ended];
        let dispatch = GroupDispatch { mrid, names, group, parameter: Parameter::ALL[parameter], schedules };
        let aim = if cap { Aim::Cap } else { Aim::Value };
        DispatchRecord { dispatch, order, aim, members, phase: phases[phase] }
    }
}

/// Debug shows an mRID as written and -0.0 as -0.0, both of which `==` overlooks.
fn exactly<T: std::fmt::Debug>(value: &T) -> String {
    format!("{value:?}")
}

proptest! {
    #[test]
    fn a_group_comes_back_as_it_was_put(group in group()) {
        let db = memory();
        apply(&db, &Change::PutGroup(group.clone())).unwrap();
        prop_assert_eq!(exactly(&load(&db).unwrap().groups), exactly(&vec![group]));
    }

    #[test]
    fn a_dispatch_comes_back_as_it_was_put(first in dispatch(), second in dispatch()) {
        let db = memory();
        apply(&db, &Change::PutDispatch(first.clone())).unwrap();
        prop_assert_eq!(exactly(&load(&db).unwrap().dispatches), exactly(&vec![first.clone()]));
        // And one put over it leaves nothing of it behind.
        let mut second = second;
        second.dispatch.mrid = first.dispatch.mrid;
        apply(&db, &Change::PutDispatch(second.clone())).unwrap();
        prop_assert_eq!(exactly(&load(&db).unwrap().dispatches), exactly(&vec![second]));
    }

    #[test]
    fn every_double_comes_back_to_the_last_bit(values in vec(any::<u64>(), 1..20)) {
        let values: Vec<f64> = values.into_iter().map(f64::from_bits).filter(|v| v.is_finite()).collect();
        prop_assume!(!values.is_empty());
        let back = nested::read_points(&nested::write_points(&values)).unwrap();
        let bits = |values: &[f64]| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
        prop_assert_eq!(bits(&back), bits(&values));
        prop_assert!(serde_json::from_str::<Vec<f64>>(&nested::write_points(&values)).is_ok(), "it is JSON");
    }
}

fn plain(mrid: &str) -> EndDeviceGroup {
    EndDeviceGroup {
        mrid: Mrid::parse(mrid).unwrap(),
        description: None,
        functions: DerFunctions::NONE,
        members: vec![Mrid::parse("_Dev-1").unwrap()],
        names: vec![Name::plain(format!("name of {mrid}"))],
        version: None,
    }
}

fn written(groups: &[EndDeviceGroup]) -> Vec<&str> {
    groups.iter().map(|g| g.mrid.as_str()).collect()
}

#[test]
fn groups_keep_the_order_of_their_creation() {
    let db = memory();
    for mrid in ["Z", "_a", "M"] {
        apply(&db, &Change::PutGroup(plain(mrid))).unwrap();
    }
    apply(&db, &Change::PutGroup(plain("_z"))).unwrap();
    assert_eq!(written(&load(&db).unwrap().groups), ["_z", "_a", "M"], "a change is not a creation");
    apply(&db, &Change::DeleteGroup(Mrid::parse("z").unwrap())).unwrap();
    apply(&db, &Change::PutGroup(plain("Z"))).unwrap();
    assert_eq!(written(&load(&db).unwrap().groups), ["_a", "M", "Z"], "created again, it is the last");
}

#[test]
fn dispatches_come_in_order_of_acceptance_and_go_with_their_schedules() {
    let db = memory();
    let start = "2026-01-02T03:04:05.000000006Z".parse().unwrap();
    let record = |mrid: &str, order| DispatchRecord {
        dispatch: GroupDispatch {
            mrid: Mrid::parse(mrid).unwrap(),
            names: Vec::new(),
            group: Mrid::parse("G").unwrap(),
            parameter: Parameter::ActivePower,
            schedules: vec![
                DispatchSchedule::new(
                    CurveStyle::ConstantYValue,
                    start,
                    1,
                    TimeIntervalKind::Hour,
                    vec![-0.0, 5e-324],
                )
                .unwrap(),
            ],
        },
        order,
        members: Vec::new(),
        aim: Aim::Value,
        phase: DispatchPhase::Accepted,
    };
    for (mrid, order) in [("A", 30), ("C", 9), ("B", 10)] {
        apply(&db, &Change::PutDispatch(record(mrid, order))).unwrap();
    }
    let orders: Vec<u64> = load(&db).unwrap().dispatches.iter().map(|d| d.order).collect();
    assert_eq!(orders, [9, 10, 30]);
    let row: (String, String, String) = db
        .query_row("SELECT starts_at, ends_at, points FROM schedules WHERE dispatch_key = 'a'", [], |r| {
            Ok((r.get(0)?, r.get(1)?, r.get(2)?))
        })
        .unwrap();
    assert_eq!(row.0, "2026-01-02T03:04:05.000000006Z");
    assert_eq!(row.1, "2026-01-02T05:04:05.000000006Z");
    assert_eq!(row.2, "[-0.0,5e-324]", "what an operator reads");
    apply(&db, &Change::DeleteDispatch(Mrid::parse("_A").unwrap())).unwrap();
    let left: i64 = db.query_row("SELECT count(*) FROM schedules", [], |r| r.get(0)).unwrap();
    assert_eq!((left, load(&db).unwrap().dispatches.len()), (2, 2));
    let late = record("D", u64::MAX);
    assert!(matches!(apply(&db, &Change::PutDispatch(late)), Err(Fault::Text(_))));
}

#[test]
fn a_group_is_marked_as_seeded_once() {
    let db = memory();
    for mrid in ["_G2", "g2", "G1"] {
        apply(&db, &Change::MarkSeeded(Mrid::parse(mrid).unwrap())).unwrap();
    }
    let seeded = load(&db).unwrap().seeded;
    assert_eq!(seeded.iter().map(Mrid::as_str).collect::<Vec<_>>(), ["_G2", "G1"]);
}

#[test]
fn what_is_known_of_a_device_comes_back_and_the_latest_counts() {
    let db = memory();
    let record = |serial: Option<&str>| DeviceRecord {
        serial: serial.map(str::to_owned),
        notes: "v1 base=40000".to_owned(),
    };
    for (mrid, serial) in [("D-1", Some("7")), ("D-2", None), ("_d-1", Some("8"))] {
        apply(&db, &Change::PutDevice(Mrid::parse(mrid).unwrap(), record(serial))).unwrap();
    }
    let devices = load(&db).unwrap().devices;
    let expected = [("D-1", Some("8")), ("D-2", None)];
    assert_eq!(devices.len(), 2);
    for ((mrid, stored), (name, serial)) in devices.iter().zip(expected) {
        assert_eq!((mrid, stored), (&Mrid::parse(name).unwrap(), &record(serial)));
    }
}

#[test]
fn a_row_that_was_never_written_so_is_named() {
    let spoil = |sql: &str| {
        let db = memory();
        apply(&db, &Change::PutGroup(plain("G-1"))).unwrap();
        db.execute_batch(sql).unwrap();
        let fault = load(&db).unwrap_err();
        assert!(fault.is_damage(), "{fault}");
        fault.to_string()
    };
    let said = spoil("UPDATE groups SET members = '[\"a\"'");
    assert!(said.starts_with("row \"G-1\" of groups: "), "{said}");
    let said = spoil("UPDATE groups SET functions = '[\"flyToTheMoon\"]'");
    assert_eq!(said, "row \"G-1\" of groups: functions holds \"flyToTheMoon\"");
    let said = spoil("UPDATE groups SET description = x'00'");
    assert!(said.starts_with("row \"G-1\" of groups: "), "{said}");
}

#[test]
fn the_views_for_people_work() {
    let db = memory();
    apply(&db, &Change::PutGroup(plain("G-1"))).unwrap();
    let row: (String, String) = db
        .query_row("SELECT group_name, device FROM group_members", [], |r| Ok((r.get(0)?, r.get(1)?)))
        .unwrap();
    assert_eq!(row, ("name of G-1".to_owned(), "_Dev-1".to_owned()));
}
