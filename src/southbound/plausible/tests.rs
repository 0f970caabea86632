use super::*;
use crate::der::{Controls, VoltAmperes, WattHours, Watts};
use jiff::Timestamp;

fn plate(watts: f64) -> Nameplate {
    Nameplate { active_power_max: Some(Watts::new(watts)), ..Nameplate::default() }
}

fn able(injection: f64, absorption: f64) -> Capability {
    Capability {
        injection_max: Watts::new(injection),
        absorption_max: Watts::new(absorption),
        controls: Controls::NONE,
    }
}

fn judge(plate: &Nameplate) -> Plausible {
    let mut judge = Plausible::default();
    judge.found(plate, "my-map");
    judge
}

/// True if the power passes as good.
fn passes_of(judge: &mut Plausible, quantity: Quantity, value: f64, only_generates: bool) -> bool {
    let at = Timestamp::UNIX_EPOCH;
    let mut readings = [Reading { quantity, value, quality: Quality::Good, at }];
    judge.judge(&mut readings, only_generates);
    let good = readings[0].quality == Quality::Good;
    assert_eq!(good, readings[0].value.is_finite(), "a value that is not believed is not shown either");
    good
}

fn passes(judge: &mut Plausible, value: f64) -> bool {
    passes_of(judge, Quantity::ActivePower, value, true)
}

fn told(judge: &Plausible) -> Vec<String> {
    judge.words().map(str::to_owned).collect()
}

#[test]
fn a_scale_that_is_wrong_by_a_hundred_is_not_believed_and_the_words_say_where_to_look() {
    let mut judge = judge(&plate(50e3));
    assert!(!passes(&mut judge, -1_242e3));
    let words = told(&judge).join("");
    for part in [
        "active power",
        "-1242.0 kW",
        "25 times",
        "maximum active power 50.0 kW",
        "scale, unit and sign",
        "my-map",
    ] {
        assert!(words.contains(part), "{part}: {words}");
    }
    for quantity in [Quantity::ReactivePower, Quantity::ApparentPower] {
        assert!(passes_of(&mut judge, quantity, 60e3, false), "{quantity:?} is judged by itself");
        assert!(!passes_of(&mut judge, quantity, 5e6, false), "{quantity:?}");
    }
    assert_eq!(told(&judge).len(), 3);
    assert!(passes_of(&mut judge, Quantity::DcPower, 5e6, false), "not judged");
}

#[test]
fn no_honest_device_is_doubted() {
    // One phase of three, with a brief over-shoot; rated in kW where W is said; without ratings, as a meter; rated 0.
    assert!(passes(&mut judge(&plate(5e3)), 3.0 * 5e3 * 1.3));
    assert!(passes(&mut judge(&plate(50.0)), 49e3));
    assert!(passes(&mut judge(&plate(0.0)), 49e3));
    assert!(passes(&mut judge(&plate(f64::NAN)), 49e3));
    assert!(passes(&mut judge(&Nameplate::default()), -9e6));
    // One rating of several is wrong.
    let wrong = Nameplate { apparent_power_max: Some(VoltAmperes::new(55e3)), ..plate(500.0) };
    assert!(passes(&mut judge(&wrong), 50e3));
    // The inverter's rating, and the storage beside it; and what it can be asked for is told only.
    let storage = Nameplate { charge_max: Some(Watts::new(20e3)), ..plate(5e3) };
    assert!(passes(&mut judge(&storage), -60e3));
    let mut asked = judge(&Nameplate::default());
    asked.able(able(0.0, 0.0));
    assert!(passes(&mut asked, 40e3));
    asked.able(able(1e3, 0.0));
    assert!(!passes(&mut asked, 40e3));
}

#[test]
fn a_generator_that_absorbs_more_than_a_standby_load_has_a_wrong_sign() {
    let mut pv = judge(&plate(50e3));
    assert!(passes(&mut pv, -4e3), "standby");
    assert!(!passes(&mut pv, -25e3));
    assert!(told(&pv).join("").contains("look at its sign (map my-map)"));
    // Who does not say that it stores nothing may charge.
    assert!(passes_of(&mut judge(&plate(50e3)), Quantity::ActivePower, -25e3, false));
    let energy = Some(WattHours::new(1e4));
    assert!(passes(&mut judge(&Nameplate { energy_rating: energy, ..plate(50e3) }), -25e3));
    let mut asked = judge(&plate(50e3));
    asked.able(able(50e3, 50e3));
    assert!(passes(&mut asked, -25e3));
}

#[test]
fn a_doubt_does_not_flicker_and_a_firm_one_stands_while_map_and_ratings_do() {
    let mut judge = judge(&plate(50e3));
    assert!(!passes(&mut judge, 9e6));
    let began = told(&judge);
    // A disturbance is over after some powers that can be, and not with the first one.
    let calm: Vec<bool> = (0..7).map(|_| passes(&mut judge, 20e3)).collect();
    assert_eq!(calm, [false, false, false, false, true, true, true]);
    assert!(told(&judge).is_empty());
    // A scale is wrong for good: at dusk its powers could be true.
    for watts in [9e6, 8e6, 7e6, 6e6, 5e6] {
        assert!(!passes(&mut judge, watts));
    }
    assert_eq!(told(&judge), began, "the words of when it began: told once");
    assert!((0..100).all(|_| !passes(&mut judge, 20e3)));
    judge.found(&plate(50e3), "my-map");
    assert!(!passes(&mut judge, 20e3), "found again, and nothing is different");
    judge.found(&plate(50e3), "mended-map");
    assert!(passes(&mut judge, 20e3));
}
