use super::*;
use crate::der::{Quality, Quantity};
use crate::device_map::registers::{RegisterPoint, RegisterType};
use crate::southbound::aggregate::Reported;
use crate::southbound::points::testing::input;
use std::collections::HashMap;

fn map(quantities: &[(&str, RegisterQuantity, f64)]) -> RegisterMap {
    let point = |(name, quantity, factor): &(&str, RegisterQuantity, f64)| RegisterPoint {
        quantity: Some((*quantity, *factor)),
        ..input(name, 0, RegisterType::U16)
    };
    RegisterMap { points: quantities.iter().map(point).collect(), ..RegisterMap::default() }
}

fn told(map: &RegisterMap, values: &[(&str, Value)]) -> Vec<(Quantity, f64, Quality)> {
    let values: HashMap<&str, &Value> = values.iter().map(|(name, value)| (*name, value)).collect();
    let fresh = |place: usize| {
        let value = (*values.get(map.points[place].name.as_str())?).clone();
        Some(Sample { value, at: Timestamp::UNIX_EPOCH })
    };
    readings(map, &fresh).iter().map(|r| (r.quantity, r.value, r.quality)).collect()
}

use Quality::{Good, Invalid};
use RegisterQuantity::{LineVoltage, PhaseCurrent, PhaseVoltage};
use Value::{Absent, Bad, Number};

#[test]
fn a_factor_makes_si_and_our_sign_of_a_value() {
    let map = map(&[("p", RegisterQuantity::Reading(Quantity::ActivePower), -1000.0)]);
    assert_eq!(told(&map, &[("p", Number(5.5))]), [(Quantity::ActivePower, -5500.0, Good)]);
    assert_eq!(told(&map, &[("p", Absent)]), [], "what is not there is not sent");
    assert_eq!(told(&map, &[]), [], "nor what was not read");
    let bad = told(&map, &[("p", Bad("no scale"))]);
    assert!(matches!(bad.as_slice(), [(Quantity::ActivePower, value, Invalid)] if value.is_nan()));
}

#[test]
fn voltages_of_phases_become_their_mean() {
    let map = map(&[
        ("a", PhaseVoltage(0), 1.0),
        ("b", PhaseVoltage(1), 1.0),
        ("c", PhaseVoltage(2), 1.0),
        ("ab", LineVoltage(0), 1.0),
    ]);
    let volts = |values: &[(&str, Value)]| told(&map, values);
    let three = [("a", Number(229.0)), ("b", Number(231.0)), ("c", Number(230.0))];
    assert_eq!(volts(&three), [(Quantity::Voltage, 230.0, Good)]);
    let one = [("a", Number(229.0)), ("b", Number(0.0)), ("c", Absent), ("ab", Number(400.0))];
    assert_eq!(volts(&one), [(Quantity::Voltage, 229.0, Good)], "a phase that is not connected");
    let dark = [("a", Number(0.0)), ("b", Number(0.0))];
    assert_eq!(volts(&dark), [(Quantity::Voltage, 0.0, Good)], "a measured 0 is one");
    let between = volts(&[("a", Absent), ("ab", Number(400.0))]);
    assert!((between[0].1 - 230.94).abs() < 0.01, "{between:?}");
}

#[test]
fn currents_of_phases_are_added_unless_there_is_a_total() {
    let phases = [("a", PhaseCurrent(0), 1.0), ("b", PhaseCurrent(1), 1.0)];
    let map = map(&[&phases[..], &[("all", RegisterQuantity::Reading(Quantity::Current), 1.0)]].concat());
    let both = [("a", Number(3.0)), ("b", Number(4.0))];
    assert_eq!(told(&map, &both), [(Quantity::Current, 7.0, Good)]);
    let total = [&both[..], &[("all", Number(7.5))]].concat();
    assert_eq!(told(&map, &total), [(Quantity::Current, 7.5, Good)]);
    let half = told(&map, &[("a", Number(3.0)), ("b", Bad("nan"))]);
    assert_eq!(half[0].2, Invalid, "a sum without one of its parts is wrong");
}

#[test]
fn a_quantity_that_is_missing_though_asked_for_is_not_known_any_more() {
    let mut reported = Reported::default();
    let power =
        Reading { quantity: Quantity::ActivePower, value: 1.0, quality: Good, at: Timestamp::UNIX_EPOCH };
    let mut first = vec![power];
    reported.complete(&mut first, &|_| true, Timestamp::UNIX_EPOCH);
    assert_eq!(first, [power], "nothing is made up");
    let mut unasked = vec![];
    reported.complete(&mut unasked, &|_| false, Timestamp::UNIX_EPOCH);
    assert_eq!(unasked, [], "what is read seldom keeps its value");
    let mut missing = vec![];
    reported.complete(&mut missing, &|_| true, Timestamp::UNIX_EPOCH);
    assert_eq!((missing.len(), missing[0].quality), (1, Invalid));
}

#[test]
fn ratings_and_identity_make_the_nameplate() {
    let map = map(&[
        ("rated", RegisterQuantity::Rating(Rating::ActivePowerMax), 1000.0),
        ("charge", RegisterQuantity::Rating(Rating::ChargeMax), -1.0),
        ("va", RegisterQuantity::Rating(Rating::ApparentPowerMax), 1.0),
        ("sn", RegisterQuantity::Identity(Identity::Serial), 1.0),
        ("type", RegisterQuantity::Identity(Identity::Model), 1.0),
    ]);
    let known = |place: usize| {
        Some(match place {
            0 => Number(8.0),
            1 => Number(5000.0),
            2 => Number(0.0),
            3 => Value::Text("SN-1".to_owned()),
            _ => Number(38.0),
        })
    };
    let plate = nameplate(&map, &known);
    assert_eq!(plate.active_power_max, Some(Watts::new(8000.0)));
    assert_eq!(plate.charge_max, Some(Watts::new(5000.0)), "a size without sign");
    assert_eq!(plate.apparent_power_max, None, "0 is not filled in");
    assert_eq!((plate.serial.as_deref(), plate.model.as_deref()), (Some("SN-1"), Some("38")));
}
