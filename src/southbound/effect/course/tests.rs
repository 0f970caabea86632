use super::*;
use proptest::prelude::*;

const WINDOW: Duration = Duration::from_secs(30);
const STEP: Duration = Duration::from_millis(250);
const RANGE: f64 = 10_000.0;
const TOLERANCE: f64 = 500.0;

/// How a device comes to what it was asked, within the window.
#[derive(Clone, Copy, Debug)]
enum Manner {
    /// W in one step.
    Ramp(f64),
    /// The part of the way that it goes in one step.
    Lag(f64),
}

fn manner() -> impl Strategy<Value = (u32, Manner)> {
    (0_u32..110, any::<bool>()).prop_map(|(delay, ramp)| {
        // What is left of the window is enough for the whole range, or for all of it but the tolerance.
        let steps = f64::from(119 - delay);
        let part = 1.0 - (TOLERANCE / (2.0 * RANGE)).powf(1.0 / steps);
        (delay, if ramp { Manner::Ramp(2.0 * RANGE / steps) } else { Manner::Lag(part) })
    })
}

/// What is asked, and after how many steps something else is.
fn orders(low: f64) -> impl Strategy<Value = Vec<(f64, u32)>> {
    proptest::collection::vec((low..RANGE, 1_u32..200), 1..40)
}

/// Feeds what a device does to a course; true if it is accused at any time.
fn is_accused(
    orders: &[(f64, u32)],
    (delay, manner): (u32, Manner),
    start: f64,
    bound: EffectBound,
    source: impl Fn(usize) -> f64,
) -> bool {
    let mut now = Instant::now();
    let (mut course, mut asked, mut inside) = (Course::default(), Vec::new(), start);
    let mut accused = false;
    for (value, steps) in orders {
        course.ask(*value, WINDOW, now);
        for _ in 0..*steps {
            asked.push(*value);
            let heard = asked.len().checked_sub(delay as usize + 1).map(|at| asked[at]);
            let way = heard.map_or(0.0, |heard| heard - inside);
            inside += match manner {
                Manner::Ramp(most) => way.clamp(-most, most),
                Manner::Lag(part) => way * part,
            };
            now += STEP;
            let power = match bound {
                EffectBound::AtMost => inside.min(source(asked.len())),
                EffectBound::Equals => inside,
            };
            accused |= course.strays(power, bound, TOLERANCE, WINDOW, now);
        }
    }
    accused
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// However fast the orders change: who comes to each of them within the window is never accused.
    #[test]
    fn who_follows_late_or_on_a_ramp_is_never_accused(
        orders in orders(-RANGE), manner in manner(), start in -RANGE..RANGE,
    ) {
        prop_assert!(!is_accused(&orders, manner, start, EffectBound::Equals, |_| 0.0));
    }

    #[test]
    fn who_keeps_a_limit_late_or_on_a_ramp_is_never_accused(
        orders in orders(0.0), manner in manner(), sun in 0.0..RANGE,
    ) {
        let cloud = |step: usize| if step % 97 < 40 { sun } else { RANGE };
        prop_assert!(!is_accused(&orders, manner, RANGE, EffectBound::AtMost, cloud));
    }
}

#[test]
fn who_never_follows_orders_that_change_all_the_time_is_found_out() {
    for bound in [EffectBound::AtMost, EffectBound::Equals] {
        let mut now = Instant::now();
        let (mut course, mut after) = (Course::default(), None);
        for second in 0_u32..100 {
            course.ask(2000.0 + 100.0 * f64::from(second % 20), WINDOW, now);
            now += Duration::from_secs(1);
            // It is up and down with the sun, and beyond all of it.
            let power = 5000.0 + 900.0 * f64::from(second % 3);
            if course.strays(power, bound, TOLERANCE, WINDOW, now) {
                after = after.or(Some(second + 1));
            }
        }
        assert_eq!(after, Some(60), "a window to come there, and a window to be sure");
        assert!(course.past.len() <= PARTS as usize + 1, "{}", course.past.len());
    }
}

/// Feeds one measurement a second, and says when it was found to stray.
fn found(course: &mut Course, mut now: Instant, powers: impl Iterator<Item = f64>) -> Option<usize> {
    let mut found = None;
    for (second, power) in powers.enumerate() {
        now += Duration::from_secs(1);
        if course.strays(power, EffectBound::Equals, TOLERANCE, WINDOW, now) {
            found = found.or(Some(second + 1));
        }
    }
    found
}

#[test]
fn what_is_beyond_now_and_then_does_not_stray() {
    let now = Instant::now();
    let asked = || {
        let mut course = Course::default();
        course.ask(4000.0, WINDOW, now);
        course
    };
    let powers = |second: usize| if second.is_multiple_of(25) { 4000.0 } else { 9000.0 };
    assert_eq!(found(&mut asked(), now, (1..200).map(powers)), None);
    let stays = |second: usize| if second < 100 { 4000.0 } else { 4600.0 };
    assert_eq!(found(&mut asked(), now, (1..200).map(stays)), Some(130));
    for (power, strays) in [(4500.0, false), (0.0, false), (-400.0, false), (-600.0, true), (4600.0, true)] {
        let is = found(&mut asked(), now, std::iter::repeat_n(power, 90)).is_some();
        assert_eq!(is, strays, "{power}: less than asked is not beyond it, the other sign is");
    }
}

#[test]
fn few_measurements_and_a_long_pause_prove_nothing() {
    let now = Instant::now();
    let mut course = Course::default();
    course.ask(0.0, WINDOW, now);
    let strays = |course: &mut Course, second: u64| {
        course.strays(9000.0, EffectBound::AtMost, TOLERANCE, WINDOW, now + Duration::from_secs(second))
    };
    assert!(!strays(&mut course, 100));
    assert!(!strays(&mut course, 150), "two may be a gust");
    assert!(!strays(&mut course, 300), "who knows what was in the meantime");
    assert!(!strays(&mut course, 320));
    assert!(strays(&mut course, 340));
}

#[test]
fn the_values_of_a_moment_do_not_count_for_longer_than_the_window() {
    let now = Instant::now();
    let mut course = Course::default();
    for (value, millis) in [(9000.0, 0), (8000.0, 300), (2000.0, 600)] {
        course.ask(value, WINDOW, now + Duration::from_millis(millis));
    }
    assert_eq!(course.band(WINDOW, now + Duration::from_secs(30)), Some((2000.0, 9000.0)));
    assert_eq!(course.band(WINDOW, now + Duration::from_secs(31)), Some((2000.0, 2000.0)));
}
