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
    let plate = nameplate(&legacy().blocks());
    assert_eq!(plate.active_power_max, Some(Watts::new(10_000.0)));
    assert_eq!((plate.serial.as_deref(), plate.charge_max), (Some("SN-1"), None));
}

#[test]
fn a_newer_storage_takes_set_points_both_ways() {
    let (capability, routes) = of(&newer());
    assert_eq!(capability.injection_max, Watts::new(9000.0));
    assert_eq!(capability.absorption_max, Watts::new(8000.0));
    assert_eq!(routes, Routes { limit: Some(704), set: Some(704), connect: Some(703), ..Routes::default() });
    assert_eq!(nameplate(&newer().blocks()).energy_rating, Some(WattHours::new(20_000.0)));
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
