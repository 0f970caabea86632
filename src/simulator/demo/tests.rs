use super::*;
use std::collections::HashSet;

#[test]
fn a_feeder_is_mixed_and_the_same_each_time() {
    let plant = demo_plant(30, 0, Some(5_000));
    assert_eq!(plant, demo_plant(30, 0, Some(5_000)));
    let kinds: HashSet<Kind> = plant.devices.iter().map(|d| d.kind).collect();
    assert_eq!(kinds.len(), Kind::DER.len(), "every kind is there");
    let pv: Vec<_> = plant.devices.iter().filter(|d| !d.kind.stores()).collect();
    assert_eq!(pv.len(), 20);
    assert!(pv.iter().all(|d| (5_000.0..=30_000.0).contains(&d.rated.get())));
    assert!(pv.iter().all(|d| (0.8..=0.9).contains(&d.irradiance)));
    let suns: HashSet<String> = pv.iter().map(|d| d.irradiance.to_string()).collect();
    assert!(suns.len() > 10, "no two roofs are alike");
    for battery in plant.devices.iter().filter(|d| d.kind.stores()) {
        assert!((5_000.0..=15_000.0).contains(&battery.rated.get()));
        assert!((10_000.0..=40_000.0).contains(&battery.energy.get()));
        assert!((30.0..=80.0).contains(&battery.soc.get()));
    }
}

#[test]
fn names_and_mrids_stay_what_they_are() {
    let plant = demo_plant(6, 0, None);
    let names: Vec<_> = plant.devices.iter().map(|d| d.name.as_str()).collect();
    assert_eq!(names, ["PV-001", "PV-002", "BESS-001", "PV-003", "PV-004", "BESS-002"]);
    assert_eq!(plant.devices[0].mrid, super::super::mrid_of("PV-001"));
    // A name's mRID is what gateway files and group members were made from: it must never change.
    assert_eq!(plant.devices[0].mrid.as_str(), "e153be09-7e56-5827-b83b-d349d03ec282");
    let mrids: HashSet<_> = demo_plant(3_000, 0, None).devices.into_iter().map(|d| d.mrid).collect();
    assert_eq!(mrids.len(), 3_000);
}

#[test]
fn ports_follow_each_other_or_are_free_ones() {
    let ports = |first, count| -> Vec<u16> {
        demo_plant(count, 0, first).devices.iter().map(|d| d.listen.port()).collect()
    };
    assert_eq!(ports(Some(5_021), 3), [5_021, 5_022, 5_023]);
    assert_eq!(ports(None, 2), [0, 0]);
    assert_eq!(ports(Some(65_535), 3), [65_535, 0, 0]);
}

#[cfg(feature = "dnp3")]
#[test]
fn outstations_continue_the_series_and_their_names_do_not_tell() {
    let plant = demo_plant(3, 6, Some(5_000));
    let names: Vec<_> = plant.devices.iter().map(|d| d.name.as_str()).collect();
    assert_eq!(
        names,
        ["PV-001", "PV-002", "BESS-001", "PV-003", "PV-004", "BESS-002", "PV-005", "PV-006", "BESS-003"]
    );
    let (modbus, dnp3) = plant.devices.split_at(3);
    assert!(modbus.iter().all(|d| d.outstation.is_none()));
    assert!(dnp3.iter().all(|d| d.outstation.is_some() && Kind::OUTSTATIONS.contains(&d.kind)));
    assert_eq!(dnp3.last().unwrap().listen.port(), 5_008);
}
