use super::*;
use crate::der::Watts;
use std::time::Duration;

const LIMIT: CommandName = CommandName::LimitActivePower;

fn watch(bound: EffectBound, expected: f64) -> Watch {
    Watch {
        setpoint: Setpoint::LimitActivePower(Watts::new(expected)),
        rule: EffectRule {
            quantity: Quantity::ActivePower,
            bound,
            tolerance_percent: 5.0,
            within: Duration::from_secs(30),
        },
        expected,
        tolerance: 400.0,
        generator: false,
        since: Timestamp::UNIX_EPOCH,
        deadline: Instant::now() + Duration::from_secs(30),
        words: "limit 60 % of WMax 8000 W = 4800 W: written and read back".to_owned(),
        hint: "Device may ignore remote control (check its Modbus/EMS menu)",
    }
}

fn power(value: f64, second: i64) -> Vec<Reading> {
    let at = Timestamp::from_second(second).unwrap();
    vec![Reading { quantity: Quantity::ActivePower, value, quality: Quality::Good, at }]
}

fn effects(watches: &mut Watches, readings: &[Reading], now: Instant) -> Vec<Effect> {
    watches.look(readings, now).into_iter().map(|(_, effect)| effect).collect()
}

#[test]
fn a_device_that_follows_is_told_of_once() {
    let mut watches = Watches::default();
    let now = Instant::now();
    watches.begin(LIMIT, watch(EffectBound::AtMost, 4800.0));
    assert_eq!(effects(&mut watches, &power(4000.0, 0), now), [], "measured before the command");
    assert_eq!(effects(&mut watches, &power(7950.0, 1), now), [], "not yet");
    assert_eq!(effects(&mut watches, &power(5200.0, 2), now), [Effect::Effective]);
    assert_eq!(effects(&mut watches, &power(4800.0, 3), now), [], "once");
    watches.begin(LIMIT, watch(EffectBound::AtMost, 4800.0));
    assert_eq!(effects(&mut watches, &power(4800.0, 4), now), [], "a repetition is not judged again");
    watches.begin(LIMIT, watch(EffectBound::AtMost, 3000.0));
    assert_eq!(effects(&mut watches, &power(3000.0, 5), now), [Effect::Effective], "another value is");
}

#[test]
fn a_device_that_does_not_follow_is_told_of_in_words() {
    let mut watches = Watches::default();
    let late = Instant::now() + Duration::from_secs(31);
    watches.begin(LIMIT, watch(EffectBound::AtMost, 4800.0));
    let words = "limit 60 % of WMax 8000 W = 4800 W: written and read back; power still 7950 W after 30 s. \
                 Device may ignore remote control (check its Modbus/EMS menu)";
    assert_eq!(effects(&mut watches, &power(7950.0, 1), late), [Effect::NoEffect(words.to_owned())]);
    assert_eq!(effects(&mut watches, &power(7950.0, 2), late), []);
}

#[test]
fn a_set_point_must_be_met_from_both_sides() {
    let now = Instant::now();
    for (value, met) in [(4399.0, false), (4400.0, true), (5200.0, true), (5201.0, false)] {
        let mut watches = Watches::default();
        watches.begin(LIMIT, watch(EffectBound::Equals, 4800.0));
        assert_eq!(!effects(&mut watches, &power(value, 1), now).is_empty(), met, "{value}");
    }
}

#[test]
fn without_a_measurement_nothing_is_claimed_and_a_release_ends_it() {
    let mut watches = Watches::default();
    watches.begin(LIMIT, watch(EffectBound::AtMost, 4800.0));
    assert_eq!(effects(&mut watches, &[], Instant::now() + Duration::from_secs(100)), []);
    let mut bad = power(9000.0, 1);
    bad[0].quality = Quality::Invalid;
    watches.begin(LIMIT, watch(EffectBound::AtMost, 3000.0));
    assert_eq!(effects(&mut watches, &bad, Instant::now() + Duration::from_secs(31)), []);
    watches.end(LIMIT);
    assert_eq!(effects(&mut watches, &power(9000.0, 2), Instant::now() + Duration::from_secs(31)), []);
}

#[test]
fn a_set_point_takes_the_place_of_a_limit() {
    let mut watches = Watches::default();
    watches.begin(LIMIT, watch(EffectBound::AtMost, 4800.0));
    watches.begin(CommandName::SetActivePower, watch(EffectBound::Equals, 100.0));
    assert_eq!(effects(&mut watches, &power(4000.0, 1), Instant::now()), []);
}

#[test]
fn a_generator_that_has_less_to_give_is_not_blamed() {
    let late = Instant::now() + Duration::from_secs(31);
    for (generator, value, told) in [(true, 1000.0, 0), (false, 1000.0, 1), (true, 7000.0, 1)] {
        let mut watches = Watches::default();
        watches.begin(LIMIT, Watch { generator, ..watch(EffectBound::Equals, 4800.0) });
        assert_eq!(effects(&mut watches, &power(value, 1), late).len(), told, "{generator} {value}");
    }
}
