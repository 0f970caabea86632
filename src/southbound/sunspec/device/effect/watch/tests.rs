use super::*;
use crate::der::Watts;

const RATED: f64 = 400.0;
const HOLD: Duration = Duration::from_secs(3600);

fn watch(setpoint: Setpoint, expect: Expect) -> Watch {
    Watch::new(
        setpoint,
        "asked: written and read back".to_owned(),
        expect,
        RATED,
        Duration::from_secs(30),
        HOLD,
    )
}

fn readings(active: f64, reactive: f64) -> Vec<Reading> {
    let of = |quantity, value| Reading { quantity, value, quality: Quality::Good, at: Timestamp::now() };
    vec![of(Quantity::ActivePower, active), of(Quantity::ReactivePower, reactive)]
}

fn set(watts: f64) -> Setpoint {
    Setpoint::SetActivePower(Watts::new(watts))
}

fn vars(vars: f64) -> Setpoint {
    Setpoint::SetReactivePower(crate::der::Vars::new(vars))
}

/// What is found with the same readings at once and after 31 s.
fn found(watch: Watch, active: f64, reactive: f64) -> (Vec<Finding>, Vec<Finding>) {
    let mut effects = Effects::default();
    let begun = watch.begun;
    effects.begin(watch);
    let at_once = effects.see(&readings(active, reactive), &[], begun);
    (at_once, effects.see(&readings(active, reactive), &[], begun + Duration::from_secs(31)))
}

fn words(findings: &[Finding]) -> &str {
    match findings {
        [Finding { effect: Effect::NoEffect(words), .. }] => words,
        other => panic!("{other:?}"),
    }
}

fn is_effective(findings: &[Finding]) -> bool {
    matches!(findings, [Finding { effect: Effect::Effective, .. }])
}

#[test]
fn what_follows_is_told_at_once_and_not_again_while_it_does() {
    let (first, later) =
        found(watch(set(-2000.0), Expect::Near { target: -2000.0, generator: false }), -1700.0, 0.0);
    assert!(is_effective(&first) && later.is_empty());
    let (first, later) = found(watch(Setpoint::Disconnect, Expect::Off), 399.0, 0.0);
    assert!(is_effective(&first) && later.is_empty());
    let (first, later) = found(watch(vars(-1500.0), Expect::Vars(-1500.0)), 0.0, -1200.0);
    assert!(is_effective(&first) && later.is_empty());
}

#[test]
fn what_does_not_follow_is_told_when_the_time_is_over() {
    let (first, later) = found(watch(Setpoint::Disconnect, Expect::Off), 3000.0, 0.0);
    assert!(first.is_empty());
    assert_eq!(
        words(&later),
        "asked: written and read back; power still 3000 W after 30 s. Device may ignore remote control (check its Modbus/EMS menu)"
    );
    let (_, later) = found(watch(vars(-1500.0), Expect::Vars(-1500.0)), 0.0, 0.0);
    assert!(words(&later).contains("reactive power still 0 VAr"));
}

#[test]
fn a_generator_that_cannot_reach_a_set_point_is_not_blamed_and_one_that_stays_over_it_is() {
    let near = Expect::Near { target: 5000.0, generator: true };
    let (first, later) = found(watch(set(5000.0), near), 1000.0, 0.0);
    assert!(first.is_empty() && later.is_empty());
    let (_, later) = found(watch(set(5000.0), near), 7000.0, 0.0);
    assert!(words(&later).contains("7000 W"));
    let storage = Expect::Near { target: 5000.0, generator: false };
    assert!(words(&found(watch(set(5000.0), storage), 1000.0, 0.0).1).contains("1000 W"));
}

#[test]
fn the_same_command_again_goes_on_and_another_ends_the_watch() {
    let mut effects = Effects::default();
    let first = watch(set(100.0), Expect::Near { target: 100.0, generator: false });
    let begun = first.begun;
    effects.begin(first.clone());
    effects.make_way(&set(100.0));
    effects.begin(Watch { begun: begun + Duration::from_secs(20), ..first.clone() });
    assert_eq!(
        effects.see(&readings(5000.0, 0.0), &[], begun + Duration::from_secs(31)).len(),
        1,
        "not begun anew"
    );
    effects.make_way(&set(100.0));
    effects.begin(first);
    assert_eq!(effects.see(&readings(5000.0, 0.0), &[], begun + Duration::from_secs(62)), [], "told once");
    effects.make_way(&set(200.0));
    assert_eq!(
        effects.see(&readings(100.0, 0.0), &[], begun + Duration::from_secs(63)),
        [],
        "another is on its way"
    );
}

#[test]
fn the_same_command_that_comes_to_something_else_is_measured_by_that() {
    let limit = || Setpoint::LimitActivePower(Watts::new(5000.0));
    let mut effects = Effects::default();
    let first = watch(limit(), Expect::AtMost(5000.0));
    let begun = first.begun;
    effects.begin(first);
    assert!(is_effective(&effects.see(&readings(4900.0, 0.0), &[], begun)));
    // Its rating was read anew: what it was given is 8 kW of its power, and it follows that.
    let mut anew = watch(limit(), Expect::AtMost(8000.0));
    anew.begun = begun + Duration::from_secs(1);
    effects.make_way(&limit());
    effects.begin(anew);
    for seconds in [2, 33, 64, 95] {
        let found = effects.see(&readings(7900.0, 0.0), &[], begun + Duration::from_secs(seconds));
        assert!(found.iter().all(|finding| finding.effect == Effect::Effective), "{found:?}");
    }
}

#[test]
fn old_and_bad_readings_say_nothing() {
    let mut effects = Effects::default();
    let mut old = readings(7000.0, 0.0);
    old.iter_mut().for_each(|r| r.at = Timestamp::UNIX_EPOCH);
    let watch = watch(Setpoint::Disconnect, Expect::Off);
    let late = watch.begun + Duration::from_secs(40);
    effects.begin(watch);
    assert_eq!(effects.see(&old, &[], late), []);
    let mut bad = readings(7000.0, 0.0);
    bad.iter_mut().for_each(|r| r.quality = Quality::Invalid);
    assert_eq!(effects.see(&bad, &[], late), []);
    assert_eq!(effects.see(&readings(7000.0, 0.0), &[], late).len(), 1);
}

#[test]
fn reactive_power_that_moves_the_wrong_way_is_undone_but_not_what_stood_there_before() {
    let mut effects = Effects::default();
    effects.see(&readings(6000.0, -1000.0), &[], Instant::now());
    let wanted = watch(vars(1500.0), Expect::Vars(1500.0));
    let now = wanted.begun;
    effects.begin(wanted);
    for _ in 0..5 {
        assert_eq!(effects.see(&readings(6000.0, -1000.0), &[], now), [], "it has not moved yet");
    }
    assert_eq!(effects.see(&readings(6000.0, -2500.0), &[], now), [], "once is not sure");
    let told = effects.see(&readings(6000.0, -2500.0), &[], now);
    assert!(matches!(told.as_slice(), [Finding { undo: true, .. }]), "{told:?}");
}

#[test]
fn a_power_factor_is_judged_by_the_active_power_of_the_same_moment() {
    let factor = PowerFactor { size: 0.95, excitation: Excitation::Under };
    let share = share_of(factor);
    assert!((share + 0.3287).abs() < 1e-4);
    let asked = || watch(Setpoint::SetPowerFactor(factor), Expect::Share(share));
    assert!(is_effective(&found(asked(), 6000.0, -1972.0).0));
    assert!(words(&found(asked(), 6000.0, 0.0).1).contains("still 0 VAr"));
    let (first, later) = found(asked(), 300.0, 0.0);
    assert!(first.is_empty() && later.is_empty(), "too little power to tell");
}

#[test]
fn a_device_without_power_that_says_it_is_connected_is_not_taken_for_disconnected() {
    let asked = watch(Setpoint::Disconnect, Expect::Off);
    let (begun, late) = (asked.begun, asked.begun + Duration::from_secs(31));
    let link = |connected, at| Link { point: "701.ConnSt".to_owned(), connected, at };
    let found = |active: f64, links: &[Link]| {
        let mut effects = Effects::default();
        effects.begin(asked.clone());
        (effects.see(&readings(active, 0.0), links, begun), effects.see(&readings(active, 0.0), links, late))
    };
    let (first, later) = found(0.0, &[link(true, late)]);
    assert!(first.is_empty());
    assert_eq!(
        words(&later),
        "asked: written and read back; no power is measured, but the device still says after 30 s that it is connected (701.ConnSt): it may deliver again at any time"
    );
    assert!(is_effective(&found(0.0, &[link(false, begun)]).0));
    assert!(is_effective(&found(0.0, &[link(true, begun), link(false, begun)]).0), "one of them may lie");
    let before = begun.checked_sub(Duration::from_secs(1)).unwrap();
    let (first, later) = found(0.0, &[link(true, before)]);
    assert!(first.is_empty() && is_effective(&later), "what it said before the command says nothing");
    assert!(
        words(&found(3000.0, &[link(false, begun)]).1).contains("power still 3000 W"),
        "power does not lie"
    );
}

#[test]
fn a_storage_that_is_full_or_empty_is_not_blamed() {
    let found = |target: f64, charge: f64| {
        let mut effects = Effects::default();
        let asked = watch(set(target), Expect::Near { target, generator: false });
        let late = asked.begun + Duration::from_secs(31);
        effects.begin(asked);
        let mut all = readings(0.0, 0.0);
        let at = Timestamp::now();
        all.push(Reading { quantity: Quantity::StateOfCharge, value: charge, quality: Quality::Good, at });
        effects.see(&all, &[], late)
    };
    assert!(found(-2000.0, 99.0).is_empty() && found(2000.0, 4.0).is_empty());
    assert!(words(&found(2000.0, 50.0)).contains("power still 0 W after 30 s, state of charge 50 %"));
    assert!(words(&found(-2000.0, 4.0)).contains("still 0 W"));
    let mut effects = Effects::default();
    let asked = watch(set(-2000.0), Expect::Near { target: -2000.0, generator: false });
    let late = asked.begun + Duration::from_secs(31);
    effects.begin(asked);
    effects.charge = Some(99.0);
    assert!(
        words(&effects.see(&readings(3000.0, 0.0), &[], late)).contains("3000 W"),
        "full, but not resting"
    );
}

/// Feeds one poll a second, and gives what was told and when.
fn told(
    effects: &mut Effects,
    begun: Instant,
    seconds: std::ops::Range<u64>,
    power: impl Fn(u64) -> f64,
    links: &[Link],
) -> Vec<(u64, bool)> {
    let mut told = Vec::new();
    for second in seconds {
        let now = begun + Duration::from_secs(second);
        let links: Vec<Link> = links.iter().map(|link| Link { at: now, ..link.clone() }).collect();
        let found = effects.see(&readings(power(second), 0.0), &links, now);
        told.extend(found.iter().map(|finding| (second, finding.effect == Effect::Effective)));
    }
    told
}

#[test]
fn who_follows_at_first_and_not_later_is_found_out_and_rehabilitated() {
    let limit = Setpoint::LimitActivePower(Watts::new(3000.0));
    let mut effects = Effects::default();
    let asked = watch(limit, Expect::AtMost(3000.0));
    let begun = asked.begun;
    effects.begin(asked);
    let power = |second| if (10..100).contains(&second) { 7000.0 } else { 2900.0 };
    assert_eq!(told(&mut effects, begun, 0..150, power, &[]), [(0, true), (60, false), (100, true)]);
    // A gust is not held against it, nor is that it has less to give.
    let power = |second| if second % 29 < 28 { 7000.0 } else { 0.0 };
    assert_eq!(told(&mut effects, begun, 150..400, power, &[]), []);
}

#[test]
fn who_ignores_values_that_change_all_the_time_is_found_out_once() {
    let mut effects = Effects::default();
    let begun = Instant::now();
    let mut found = Vec::new();
    for second in 0..200_u32 {
        let now = begun + Duration::from_secs(second.into());
        let target = -1000.0 - f64::from(second % 7) * 100.0;
        effects.make_way(&set(target));
        let near = Expect::Near { target, generator: false };
        effects.begin(Watch { begun: now, until: now + HOLD, ..watch(set(target), near) });
        found.extend(effects.see(&readings(4000.0, 0.0), &[], now));
    }
    let text = words(&found);
    assert!(text.ends_with("it has been beyond what was asked for 30 s: power 4000 W"), "{text}");
}

#[test]
fn a_command_that_is_not_repeated_is_watched_no_longer_than_it_holds() {
    let limit = Setpoint::LimitActivePower(Watts::new(3000.0));
    let mut effects = Effects::default();
    let asked = watch(limit.clone(), Expect::AtMost(3000.0));
    let begun = asked.begun;
    let until = |second| Watch { until: begun + Duration::from_secs(second), ..asked.clone() };
    effects.begin(until(60));
    effects.begin(until(90));
    let power = |second| if second >= 65 { 7000.0 } else { 2000.0 };
    assert_eq!(told(&mut effects, begun, 0..200, power, &[]), [(0, true)], "it fell back, as it should");
}

#[test]
fn who_connects_again_by_itself_is_found_out() {
    for (power, connected) in [(3000.0, false), (0.0, true)] {
        let mut effects = Effects::default();
        let asked = watch(Setpoint::Disconnect, Expect::Off);
        let begun = asked.begun;
        effects.begin(asked);
        let link = |connected| [Link { point: "701.ConnSt".to_owned(), connected, at: begun }];
        assert_eq!(told(&mut effects, begun, 0..50, |_| 0.0, &link(false)), [(0, true)]);
        assert!(effects.awaits_off(), "its word is still wanted");
        assert_eq!(told(&mut effects, begun, 50..120, |_| power, &link(connected)), [(80, false)]);
        assert_eq!(told(&mut effects, begun, 120..160, |_| 0.0, &link(false)), [(120, true)]);
    }
}
