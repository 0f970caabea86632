use super::*;
use crate::der::Quality;
use crate::device_map::dnp3::{At, OutstationMap};
use crate::southbound::dnp3::Seen;
use crate::southbound::dnp3::image::tests::point;
use jiff::Timestamp;
use std::sync::Arc;

fn time(second: i64) -> Timestamp {
    Timestamp::from_second(1_780_000_000 + second).unwrap()
}

fn at(text: &str) -> At {
    At::parse(text).unwrap()
}

fn measuring(name: &str, address: &str, quantity: RegisterQuantity, factor: f64) -> OutstationPoint {
    OutstationPoint { quantity: Some((quantity, factor)), ..point(name, address) }
}

fn seen(address: &str, raw: f64) -> Seen {
    Seen { at: at(address), raw, flags: 1, stamp: None, event: false, heard: time(0) }
}

fn image(points: Vec<OutstationPoint>, values: &[(&str, f64)]) -> Image {
    let mut image = Image::new(Arc::new(OutstationMap { points, ..OutstationMap::default() }));
    image.take(&values.iter().map(|(address, raw)| seen(address, *raw)).collect::<Vec<_>>());
    image
}

fn all(image: &Image) -> Vec<Reading> {
    readings(image, &|_| true, &|_| true)
}

use Quantity::{ActivePower, Current, Voltage};
use RegisterQuantity::{PhaseCurrent, PhaseVoltage, Reading as Of};

#[test]
fn values_come_in_si_with_our_sign() {
    let mut power = measuring("w", "AI537", Of(ActivePower), -1000.0);
    power.scale = 0.1;
    let got = all(&image(vec![power], &[("AI537", 55.0)]));
    assert_eq!((got[0].quantity, got[0].value, got[0].quality), (ActivePower, -5500.0, Quality::Good));
    assert_eq!(got.len(), 1);
}

/// A SunSpec generator has no state of charge either; 0 % would be an empty battery.
#[test]
fn what_stores_nothing_has_no_state_of_charge() {
    let points = || {
        vec![
            measuring("soc", "AI47", Of(Quantity::StateOfCharge), 0.1),
            measuring("charge", "AI5", RegisterQuantity::Rating(Rating::ChargeMax), 1.0),
            measuring("energy", "AI16", RegisterQuantity::Rating(Rating::EnergyRating), 1.0),
        ]
    };
    let told = |values: &[(&str, f64)]| all(&image(points(), values)).len();
    assert_eq!(told(&[("AI47", 0.0), ("AI5", 0.0), ("AI16", 0.0)]), 0);
    assert_eq!(told(&[("AI47", 0.0), ("AI5", -5000.0), ("AI16", 0.0)]), 1, "it charges");
    assert_eq!(
        told(&[("AI47", 0.0), ("AI5", 0.0), ("AI16", 10_000.0)]),
        1,
        "it stores what is not charged by us"
    );
    assert_eq!(told(&[("AI47", 0.0)]), 1, "its ratings are not known");
    assert_eq!(
        told(&[("AI47", 550.0), ("AI5", 0.0)]),
        1,
        "it has one, whatever its ratings are filled in with"
    );
}

#[test]
fn what_cannot_be_used_is_invalid_and_what_never_came_is_left_out() {
    let points = || vec![measuring("w", "AI537", Of(ActivePower), 1.0)];
    let mut offline = image(points(), &[]);
    assert_eq!(all(&offline), []);
    offline.take(&[Seen { flags: 0, ..seen("AI537", 0.0) }]);
    let got = all(&offline);
    assert_eq!(got[0].quality, Quality::Invalid);
    assert!(got[0].value.is_nan(), "never a 0");
}

#[test]
fn only_quantities_with_something_fresh_are_told_and_old_phases_do_not_count() {
    let points = vec![
        measuring("w", "AI537", Of(ActivePower), 1.0),
        measuring("a", "AI554", PhaseCurrent(0), 0.1),
        measuring("b", "AI555", PhaseCurrent(1), 0.1),
        measuring("va", "AI547", PhaseVoltage(0), 0.1),
        measuring("vb", "AI549", PhaseVoltage(1), 0.1),
    ];
    let values = [("AI537", 9.0), ("AI554", 100.0), ("AI555", 200.0), ("AI547", 2300.0), ("AI549", 2320.0)];
    let image = image(points, &values);
    let told = |fresh: &[&str], old: &[&str]| -> Vec<(Quantity, f64)> {
        let fresh = |p: &OutstationPoint| fresh.contains(&p.name.as_str());
        let current = |p: &OutstationPoint| !old.contains(&p.name.as_str());
        readings(&image, &fresh, &current).iter().map(|r| (r.quantity, r.value)).collect()
    };
    assert_eq!(told(&["b"], &[]), [(Current, 30.0)]);
    let one_old = told(&["b", "va"], &["a", "vb"]);
    assert_eq!(one_old[0], (Voltage, 230.0), "the mean of the phases that are known");
    assert!(one_old[1].1.is_nan(), "a sum without one of its parts is not known");
}

#[test]
fn the_nameplate_is_of_points_and_device_attributes() {
    let mut model = measuring("model", "AI3", RegisterQuantity::Identity(Who::Model), 1.0);
    model.symbols = vec![(7, "P7".to_owned())];
    let points = vec![
        measuring("rated", "AI4", RegisterQuantity::Rating(Rating::ActivePowerMax), 1.0),
        measuring("charge", "AI5", RegisterQuantity::Rating(Rating::ChargeMax), 1.0),
        measuring("va", "AI14", RegisterQuantity::Rating(Rating::ApparentPowerMax), 1.0),
        measuring("maker", "AI2", RegisterQuantity::Identity(Who::Manufacturer), 1.0),
        model,
    ];
    let values = [("AI4", 8000.0), ("AI5", -5000.0), ("AI14", 0.0), ("AI2", 12.0), ("AI3", 7.0)];
    let image = image(points, &values);
    let identity = Identity {
        manufacturer: Some(" Acme ".to_owned()),
        serial: Some(String::new()),
        ..Identity::default()
    };
    let plate = nameplate(&image, &identity);
    assert_eq!(plate.active_power_max, Some(Watts::new(8000.0)));
    assert_eq!(plate.charge_max, Some(Watts::new(5000.0)), "a size");
    assert_eq!(plate.apparent_power_max, None, "0 is not filled in");
    assert_eq!(plate.manufacturer.as_deref(), Some("Acme"));
    assert_eq!(plate.model.as_deref(), Some("P7"));
    assert_eq!(plate.serial, None);
}

#[test]
fn complaints_are_told_once_each_with_what_blocks_first() {
    let alarm = |name: &str, address: &str, words: &str| OutstationPoint {
        alarm: Some(words.to_owned()),
        ..point(name, address)
    };
    let mut local = point("local", "BI10");
    local.blocks = Some("it is in local mode".to_owned());
    let points = vec![
        alarm("p1", "BI1", "priority 1"),
        alarm("p2", "BI2", "priority 1"),
        alarm("p3", "BI3", "off"),
        local,
    ];
    let image = image(points, &[("BI1", 1.0), ("BI2", 1.0), ("BI3", 0.0), ("BI10", 1.0)]);
    assert_eq!(complaints(&image), ["it is in local mode", "priority 1"]);
}

#[test]
fn values_in_words() {
    let mut mode = point("mode", "AI49");
    (mode.symbols, mode.unit, mode.scale) = (vec![(3, "running".to_owned())], Some("W".to_owned()), 0.1);
    assert_eq!(say(&mode, 3.0), "running");
    assert_eq!(say(&mode, 15.0), "1.5 W");
    assert_eq!(say(&mode, -0.0), "0 W");
    assert_eq!([0.0, 1.0].map(|raw| say(&point("b", "BI1"), raw)), ["off", "on"]);
    assert_eq!(
        [0.0, 1.0, 2.0, 3.0].map(|raw| say(&point("d", "DBI1"), raw)),
        ["intermediate", "off", "on", "indeterminate"]
    );
}
