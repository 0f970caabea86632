use super::*;

#[test]
fn many_devices_are_spread_evenly_over_the_period() {
    let period = Duration::from_secs(1);
    let mut tenths = [0; 10];
    for place in 0..1000 {
        let at = phase(place, period);
        assert!(at < period);
        tenths[usize::try_from(at.as_millis() / 100).unwrap()] += 1;
    }
    assert!(tenths.iter().all(|n| (90..=110).contains(n)), "{tenths:?}");
    assert_eq!(phase(0, period), Duration::ZERO);
}

#[test]
fn missed_deadlines_are_skipped_and_the_grid_is_kept() {
    let anchor = Instant::now();
    let at = |ms| anchor + Duration::from_millis(ms);
    let period = Duration::from_millis(100);
    assert_eq!(next_due(anchor, period, anchor), at(100));
    assert_eq!(next_due(anchor, period, at(99)), at(100));
    assert_eq!(next_due(anchor, period, at(100)), at(200));
    assert_eq!(next_due(anchor, period, at(1234)), at(1300), "not eleven polls at once");
    assert_eq!(next_due(at(50), period, anchor), at(50), "before the anchor");
    assert_eq!(next_due(at(250), period, anchor), at(50), "never more than a period away");
    assert_eq!(next_due(at(200), period, anchor), at(100));
    let quick = Duration::from_millis(1);
    let old = anchor + Duration::from_secs(60 * 24 * 3600);
    assert_eq!(next_due(anchor, quick, old), old + quick, "after months too");
}
