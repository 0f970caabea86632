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
        seen.rests(begun)
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
    assert_eq!(dip, [false, false, true, true, false, false, false, true]);
}

#[test]
fn another_order_is_another_way() {
    let begun = Instant::now();
    let at = |second| begun + Duration::from_secs(second);
    let first = Way::seen(None, (5000.0, begun), 0.0, SIZE, (at(1), SETTLE));
    let first = Way::seen(Some(first), (5000.0, begun), 0.0, SIZE, (at(3), SETTLE));
    assert!(first.rests(begun) && !first.rests(at(3)), "asked since then, and not measured yet");
    let second = Way::seen(Some(first), (8000.0, at(3)), 0.0, SIZE, (at(4), SETTLE));
    assert!(!second.rests(at(3)));
}
