use super::*;
use crate::southbound::testing::{Book, legacy, newer, storage};

fn of(book: &Book) -> (Capability, Routes) {
    let blocks = book.blocks();
    let routes = routes(&blocks);
    (capability(&blocks, routes), routes)
}

#[test]
fn a_legacy_inverter_is_limited_by_123_at_its_configured_maximum() {
    let (capability, routes) = of(&legacy());
    assert_eq!(capability.injection_max, Watts::new(8000.0));
    assert_eq!(capability.absorption_max, Watts::ZERO);
    assert_eq!(routes, Routes { limit: Some(123), connect: Some(123), ..Routes::default() });
}

#[test]
fn a_newer_storage_takes_set_points_both_ways() {
    let (capability, routes) = of(&newer());
    assert_eq!(capability.injection_max, Watts::new(9000.0));
    assert_eq!(capability.absorption_max, Watts::new(8000.0));
    assert_eq!(routes, Routes { limit: Some(704), set: Some(704), connect: Some(703), ..Routes::default() });
}

#[test]
fn a_storage_with_124_only_injects_what_its_battery_gives() {
    let (capability, routes) = of(&storage());
    assert_eq!(capability.injection_max, Watts::new(5000.0));
    assert_eq!(capability.absorption_max, Watts::new(5000.0));
    assert_eq!(routes.set, Some(124));
    assert_eq!(routes.limit, Some(124), "all it injects is what it discharges");
    assert!(!capability.controls.has(Control::Connect));
}

#[test]
fn a_control_whose_points_are_not_implemented_is_not_offered() {
    let book = Book::at(0).model(123, &[]).model(124, &[]).model(703, &[]).model(704, &[]);
    assert_eq!(of(&book).1, Routes::default());
    assert_eq!(of(&book).0.controls, Controls::NONE);
}

fn offered(book: &Book) -> Vec<&'static str> {
    of(book).0.controls.iter().map(Control::name).collect()
}

#[test]
fn controls_are_offered_as_far_as_their_points_are_implemented() {
    let id = |book: Book| offered(&book);
    assert_eq!(
        id(Book::at(0).model(704, &[("VarSet", 0), ("VarSetMod", 0), ("VarSetEna", 0)])),
        ["setReactivePower"]
    );
    assert_eq!(id(Book::at(0).model(123, &[("VArWMaxPct", 0), ("VArPct_Ena", 0)])), ["setReactivePower"]);
    assert_eq!(id(Book::at(0).model(123, &[("VArPct_Ena", 0)])), [""; 0]);
    assert_eq!(id(Book::at(0).model(123, &[("OutPFSet", 0), ("OutPFSet_Ena", 0)])), ["setPowerFactor"]);
    let factor = [("PFWInj.PF", 0), ("PFWInj.Ext", 0), ("PFWInjEna", 0)];
    assert_eq!(id(Book::at(0).model(704, &factor)), ["setPowerFactor"]);
    assert_eq!(id(Book::at(0).model(121, &[("WGra", 10)])), ["setRampRates"]);
    assert_eq!(id(Book::at(0).model(703, &[("ESDlyTms", 10)])), ["setEnterService"]);
    assert_eq!(id(Book::at(0).model(715, &[("AlarmReset", 0)])), ["resetAlarms"]);
    assert_eq!(id(Book::at(0).model(802, &[("AlmRst", 0)])), ["resetAlarms"]);
}

#[test]
fn the_device_map_takes_controls_away() {
    let blocks = legacy().blocks();
    let all = capability(&blocks, routes(&blocks));
    assert!(all.controls.has(Control::Connect));
    let disabled = vec![(CommandName::Disconnect, "the contactor welds".to_owned())];
    let left = allowed(all, &SunspecOptions { disabled, ..SunspecOptions::default() });
    assert!(!left.controls.has(Control::Connect) && left.controls.has(Control::LimitActivePower));
    assert_eq!(left.injection_max, all.injection_max);
}

#[test]
fn percentages_of_reactive_power_refer_to_what_the_control_s_generation_says() {
    let book = Book::at(0)
        .model(702, &[("VarMaxInj", 500), ("VarMaxAbsRtg", 300), ("Var_SF", 0)])
        .model(120, &[("VArRtgQ1", 700), ("VArRtgQ4", -600), ("VArRtg_SF", 0)]);
    let blocks = book.blocks();
    assert_eq!(base_reactive(&blocks, 704, true), Some((500.0, "VarMaxInj")));
    assert_eq!(base_reactive(&blocks, 704, false), Some((300.0, "VarMaxAbsRtg")));
    assert_eq!(base_reactive(&blocks, 123, true), Some((700.0, "VArRtgQ1")));
    assert_eq!(base_reactive(&blocks, 123, false), Some((600.0, "VArRtgQ4")));
}
