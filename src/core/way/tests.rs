use super::*;

const SETTLE: Duration = Duration::from_millis(1500);
const SIZE: f64 = 10_000.0;

/// Feeds measurements, one a second, and says at each whether it rests.
fn rests(asked: f64, powers: &[f64]) -> Vec<bool> {
    let begun = Instant::now();
    let mut way = None;
    let seen = (1..).zip(powers).map(|(second, power)| {
        let now = begun + Duration::from_secs(second);
        let seen = Way::seen(way, (asked, begun), *power, SIZE, (now, SETTLE));
        way = Some(seen);
        seen.course(begun) == Some(Course::Rests)
    });
    seen.collect()
}

#[test]
fn it_rests_when_it_has_not_moved_for_the_settling_time_in_either_direction() {
    assert_eq!(
        rests(8000.0, &[0.0, 12.0, 24.0, 36.0, 40.0, 41.0]),
        [false, false, false, false, false, true]
    );
    assert_eq!(rests(0.0, &[5000.0, 4000.0, 3000.0, 3005.0, 2998.0]), [false, false, false, false, true]);
    assert_eq!(rests(-8000.0, &[0.0, -100.0, -100.0, -99.0]), [false, false, false, true]);
}

#[test]
fn unrest_is_no_movement_but_a_recovery_from_a_dip_is() {
    let unrest = rests(8000.0, &[6000.0, 6008.0, 5995.0, 6007.0, 5992.0, 6009.0]);
    assert_eq!(unrest, [false, false, true, true, true, true]);
    let dip = rests(8000.0, &[6000.0, 6000.0, 6000.0, 3000.0, 3500.0, 4000.0, 4000.0, 4000.0]);
    assert_eq!(dip, [false, false, true, false, false, false, false, true]);
}

#[test]
fn another_order_is_another_way() {
    let begun = Instant::now();
    let at = |second| begun + Duration::from_secs(second);
    let first = Way::seen(None, (5000.0, begun), 0.0, SIZE, (at(1), SETTLE));
    let first = Way::seen(Some(first), (5000.0, begun), 0.0, SIZE, (at(3), SETTLE));
    assert_eq!(first.course(begun), Some(Course::Rests));
    assert_eq!(first.course(at(3)), None, "asked since then, and not measured yet");
    let second = Way::seen(Some(first), (8000.0, at(3)), 0.0, SIZE, (at(4), SETTLE));
    assert_eq!(second.course(at(3)), Some(Course::Towards));
}

#[test]
fn one_that_delivered_what_it_was_asked_has_the_settling_time_for_a_little_more() {
    let begun = Instant::now();
    let at = |second| begun + Duration::from_secs(second);
    let met = Way::seen(None, (5000.0, begun), 5000.0, SIZE, (at(1), SETTLE));
    let met = Way::seen(Some(met), (5000.0, begun), 4990.0, SIZE, (at(20), SETTLE));
    assert_eq!(met.course(begun), Some(Course::Met));
    // A step too small to begin anew.
    let more = Way::seen(Some(met), (5400.0, begun), 5000.0, SIZE, (at(21), SETTLE));
    assert_eq!(more.course(begun), Some(Course::Towards));
    let more = Way::seen(Some(more), (5400.0, begun), 5000.0, SIZE, (at(23), SETTLE));
    assert_eq!(more.course(begun), Some(Course::Rests));
}

#[test]
fn one_that_falls_away_from_what_it_was_asked_does_not_rest_at_once() {
    let begun = Instant::now();
    let at = |second| begun + Duration::from_secs(second);
    for before in [8000.0, 7000.0] {
        let way = Way::seen(None, (8000.0, begun), before, SIZE, (at(1), SETTLE));
        let way = Way::seen(Some(way), (8000.0, begun), before, SIZE, (at(9), SETTLE));
        let fallen = Way::seen(Some(way), (8000.0, begun), 3000.0, SIZE, (at(10), SETTLE));
        assert_eq!(fallen.course(begun), Some(Course::Away), "from {before}");
        let later = Way::seen(Some(fallen), (8000.0, begun), 3000.0, SIZE, (at(12), SETTLE));
        assert_eq!(later.course(begun), Some(Course::Rests));
    }
}
