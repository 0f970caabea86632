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
        begun: Instant::now(),
        hold: Duration::from_secs(3600),
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
fn a_device_that_follows_is_told_of_once_for_each_value() {
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

/// What is told, and in which second, of a device that is measured once a second.
fn told(watches: &mut Watches, begun: Instant, powers: impl Iterator<Item = f64>) -> Vec<(u32, Effect)> {
    let mut told = Vec::new();
    for (second, value) in (1_u32..).zip(powers) {
        let now = begun + Duration::from_secs(second.into());
        told.extend(effects(watches, &power(value, second.into()), now).into_iter().map(|e| (second, e)));
    }
    told
}
fn no_effect(told: &[(u32, Effect)]) -> Vec<(u32, bool)> {
    told.iter().map(|(second, effect)| (*second, matches!(effect, Effect::NoEffect(_)))).collect()
}

#[test]
fn a_device_that_follows_at_first_and_ignores_it_later_is_told_of_and_again_when_it_follows() {
    let mut watches = Watches::default();
    let wanted = watch(EffectBound::AtMost, 4800.0);
    let begun = wanted.begun;
    watches.begin(LIMIT, wanted.clone());
    let powers = (1..200).map(|second| if (50..120).contains(&second) { 7950.0 } else { 4000.0 });
    let told = told(&mut watches, begun, powers);
    assert_eq!(no_effect(&told), [(1, false), (80, true), (120, false)]);
    let words = "limit 60 % of WMax 8000 W = 4800 W: written and read back; it followed before, and has been beyond what was \
                 asked for 30 s: power 7950 W. Device may ignore remote control (check its Modbus/EMS menu)";
    assert_eq!(told[1].1, Effect::NoEffect(words.to_owned()));
}

#[test]
fn less_than_was_asked_is_not_held_against_a_device_that_has_followed() {
    let later = |after: f64| {
        let mut watches = Watches::default();
        let wanted = watch(EffectBound::Equals, 4800.0);
        let begun = wanted.begun;
        watches.begin(LIMIT, wanted);
        no_effect(&told(&mut watches, begun, (1..100).map(|s| if s < 10 { 4800.0 } else { after })))
    };
    for short in [0.0, 1000.0, -300.0] {
        assert_eq!(later(short), [(1, false)], "{short}");
    }
    for beyond in [6000.0, -3000.0] {
        assert_eq!(later(beyond), [(1, false), (60, true)], "{beyond}: more than asked, or the wrong way");
    }
}

#[test]
fn a_device_that_never_follows_a_set_point_that_changes_all_the_time_is_found_out_once() {
    let mut watches = Watches::default();
    let (begun, mut told) = (Instant::now(), Vec::new());
    for second in 0..200_u32 {
        let now = begun + Duration::from_secs(second.into());
        let wanted = watch(EffectBound::AtMost, 2000.0 + 10.0 * f64::from(second % 50));
        let since = Timestamp::from_second(second.into()).unwrap();
        watches.begin(LIMIT, Watch { begun: now, since, ..wanted });
        // Measured before the latest value was written.
        let sun = 7000.0 + 500.0 * f64::from(second % 3);
        told.extend(effects(&mut watches, &power(sun, second.into()), now).into_iter().map(|e| (second, e)));
    }
    assert_eq!(no_effect(&told), [(60, true)]);
    assert!(
        matches!(&told[0].1, Effect::NoEffect(words) if words.contains("; it has been beyond what was asked for 30 s: power"))
    );
}

#[test]
fn a_command_that_is_not_repeated_is_watched_no_longer_than_it_holds() {
    let mut watches = Watches::default();
    let held = |from: Instant| Watch {
        begun: from,
        hold: Duration::from_secs(60),
        ..watch(EffectBound::AtMost, 4800.0)
    };
    let begun = Instant::now();
    watches.begin(LIMIT, held(begun));
    watches.begin(LIMIT, held(begun + Duration::from_secs(20)));
    watches.go_on(LIMIT, Duration::from_secs(60), begun + Duration::from_secs(40));
    let powers = (1..300).map(|second| if second < 98 { 4000.0 } else { 7950.0 });
    assert_eq!(
        no_effect(&told(&mut watches, begun, powers)),
        [(1, false)],
        "it fell back by itself, as it should"
    );
}

#[test]
fn the_same_measurement_again_proves_nothing() {
    let mut watches = Watches::default();
    let wanted = watch(EffectBound::AtMost, 4800.0);
    let begun = wanted.begun;
    watches.begin(LIMIT, wanted);
    assert_eq!(effects(&mut watches, &power(4000.0, 1), begun).len(), 1);
    for second in 31..100_u64 {
        let now = begun + Duration::from_secs(second);
        assert_eq!(effects(&mut watches, &power(7950.0, 2), now), [], "{second}");
    }
}

#[test]
fn a_storage_that_is_full_is_not_blamed_by_whichever_driver() {
    let late = Instant::now() + Duration::from_secs(31);
    for (charge, told) in [(99.0, 0), (50.0, 1)] {
        let mut watches = Watches::default();
        watches.begin(LIMIT, watch(EffectBound::Equals, -4800.0));
        let mut readings = power(0.0, 1);
        readings.push(Reading { quantity: Quantity::StateOfCharge, value: charge, ..readings[0] });
        assert_eq!(effects(&mut watches, &readings, late).len(), told, "{charge} %");
    }
}
