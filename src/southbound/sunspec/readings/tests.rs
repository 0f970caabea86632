use super::*;
use crate::southbound::testing::{Book, legacy, newer, storage};

fn values(book: &Book) -> Vec<(Quantity, f64)> {
    let mut blocks = book.blocks();
    let sources = choose(&mut blocks);
    let (readings, _) = readings(&blocks, sources, &|_| Some(Timestamp::UNIX_EPOCH));
    readings.iter().map(|r| (r.quantity, r.value)).collect()
}

fn value(book: &Book, quantity: Quantity) -> Option<f64> {
    values(book).into_iter().find(|(q, _)| *q == quantity).map(|(_, v)| v)
}

#[test]
fn a_legacy_inverter_reports_what_it_has_in_si_units() {
    let book = legacy();
    assert_eq!(value(&book, Quantity::ActivePower), Some(5000.0));
    assert_eq!(value(&book, Quantity::ReactivePower), Some(-300.0));
    assert_eq!(value(&book, Quantity::ApparentPower), Some(5010.0));
    assert_eq!(value(&book, Quantity::Frequency), Some(50.01));
    assert_eq!(value(&book, Quantity::EnergyInjected), Some(123_456.0));
    assert_eq!(value(&book, Quantity::Temperature), Some(41.5));
    assert!((value(&book, Quantity::Voltage).unwrap() - 230.2).abs() < 1e-9);
    assert_eq!(value(&book, Quantity::DcPower), None, "not implemented is not sent");
    assert_eq!(value(&book, Quantity::StateOfCharge), None);
}

#[test]
fn a_newer_storage_reports_charging_as_negative() {
    let book = newer();
    assert_eq!(value(&book, Quantity::ActivePower), Some(-2500.0));
    assert_eq!(value(&book, Quantity::EnergyInjected), Some(5e9));
    assert_eq!(value(&book, Quantity::EnergyAbsorbed), Some(77.0));
    assert_eq!(value(&book, Quantity::Voltage), Some(231.0));
    assert_eq!(value(&book, Quantity::Frequency), Some(49.985));
    assert_eq!(value(&book, Quantity::StateOfCharge), Some(55.5));
}

#[test]
fn a_device_with_both_generations_is_read_once() {
    let book = newer().model(103, &[("W", 1), ("W_SF", 0)]);
    let mut blocks = book.blocks();
    assert_eq!(choose(&mut blocks).measuring, Some(701));
    assert_eq!(blocks.get(103).unwrap().class, Class::OnDemand);
    let silent = Book::at(0).model(701, &[]).model(103, &[("W", 1), ("W_SF", 0)]);
    assert_eq!(choose(&mut silent.blocks()).measuring, Some(103), "701 says nothing");
}

#[test]
fn each_quantity_comes_once() {
    let book = legacy().model(122, &[("ActWh", 999), ("WAval", 60), ("WAval_SF", 2)]);
    let found = values(&book);
    assert_eq!(found.iter().filter(|(q, _)| *q == Quantity::EnergyInjected).count(), 1);
    assert_eq!(value(&book, Quantity::EnergyInjected), Some(123_456.0));
    assert_eq!(value(&book, Quantity::AvailableActivePower), Some(6000.0));
}

#[test]
fn a_storage_with_model_124_has_its_state_of_charge_polled() {
    let mut blocks = storage().blocks();
    assert_eq!(choose(&mut blocks).charge, Some((124, "ChaState")));
    assert_eq!(blocks.get(124).unwrap().class, Class::Normal);
}

#[test]
fn a_value_without_scale_is_invalid_and_never_zero() {
    let mut book = legacy();
    book.set(103, "W_SF", 0x8000);
    let mut blocks = book.blocks();
    let sources = choose(&mut blocks);
    let (readings, faults) = readings(&blocks, sources, &|_| Some(Timestamp::UNIX_EPOCH));
    let power = readings.iter().find(|r| r.quantity == Quantity::ActivePower).unwrap();
    assert_eq!(power.quality, Quality::Invalid);
    assert!(power.value.is_nan());
    assert_eq!(faults[0].0, 103);
    assert_eq!(faults[0].1, "W");
}

#[test]
fn the_zeros_of_the_first_seconds_are_no_measurement() {
    let zeros: Vec<(&str, i64)> =
        ["A", "A_SF", "PhVphA", "PhVphB", "PhVphC", "V_SF", "W", "W_SF", "Hz", "Hz_SF", "WH", "WH_SF"]
            .into_iter()
            .map(|p| (p, 0))
            .collect();
    assert_eq!(values(&Book::at(0).model(103, &zeros)), []);
}

#[test]
fn everything_not_implemented_gives_no_values() {
    assert_eq!(values(&Book::at(0).model(701, &[]).model(713, &[])), []);
    assert_eq!(values(&Book::at(0).model(103, &[])), [], "a night of an SMA");
}

#[test]
fn what_was_reported_and_is_not_any_more_is_invalid() {
    let all = |book: &Book| {
        let mut blocks = book.blocks();
        let sources = choose(&mut blocks);
        readings(&blocks, sources, &|_| Some(Timestamp::UNIX_EPOCH)).0
    };
    let mut reported = Reported::default();
    let mut day = all(&legacy());
    let count = day.len();
    reported.complete(&mut day, Timestamp::UNIX_EPOCH, &|_| false);
    assert_eq!(day.len(), count, "nothing is made up");
    let mut night = all(&Book::at(0).model(103, &[]));
    reported.complete(&mut night, Timestamp::UNIX_EPOCH, &|_| false);
    assert_eq!(night.len(), count);
    assert!(night.iter().all(|r| r.quality == Quality::Invalid && r.value.is_nan()), "{night:?}");
}
