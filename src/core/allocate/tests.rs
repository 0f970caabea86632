use super::*;
use proptest::prelude::*;

fn pv(capability: f64, available: f64) -> Bounds {
    Bounds { inject: capability, absorb: 0.0, high: available, low: 0.0 }
}
fn storage(power: f64) -> Bounds {
    Bounds { inject: power, absorb: power, high: power, low: -power }
}

#[test]
fn in_proportion_to_capability_when_nobody_is_limited() {
    let split = split(120.0, &[pv(100.0, 100.0), pv(50.0, 50.0), storage(50.0)]);
    assert_eq!(split.shares, [60.0, 30.0, 30.0]);
    assert!(split.shortfall.abs() < 1e-9);
}

#[test]
fn what_a_limited_member_cannot_take_goes_to_the_others() {
    let split = split(120.0, &[pv(100.0, 20.0), pv(50.0, 50.0), pv(50.0, 50.0)]);
    assert_eq!(split.shares, [20.0, 50.0, 50.0]);
    let lost = super::split(90.0, &[pv(100.0, 0.0), pv(100.0, 100.0)]);
    assert_eq!(lost.shares, [0.0, 90.0]);
}

#[test]
fn a_negative_target_goes_to_those_who_can_absorb() {
    let split = split(-30.0, &[pv(100.0, 80.0), storage(20.0), storage(40.0)]);
    assert_eq!(split.shares, [0.0, -10.0, -20.0]);
}

#[test]
fn more_than_all_can_do_leaves_a_shortfall() {
    let split = split(500.0, &[pv(100.0, 80.0), storage(20.0)]);
    assert_eq!(split.shares, [80.0, 20.0]);
    assert!((split.shortfall - 400.0).abs() < 1e-9);
    assert!(split.level.is_infinite());
    assert!((super::split(5.0, &[]).shortfall - 5.0).abs() < 1e-9);
}

proptest! {
    #[test]
    fn shares_keep_bounds_and_sum_up(
        target in -1e7..1e7f64,
        members in prop::collection::vec((0.0..1e5f64, 0.0..1e5f64, 0.0..=1.0f64), 0..60),
    ) {
        let members: Vec<Bounds> = members
            .into_iter()
            .map(|(inject, absorb, part)| Bounds { inject, absorb, high: inject * part, low: -absorb * part })
            .collect();
        let result = split(target, &members);
        for (share, m) in result.shares.iter().zip(&members) {
            prop_assert!(*share <= m.high + 1e-6 && *share >= m.low - 1e-6);
        }
        let sum: f64 = result.shares.iter().sum();
        prop_assert!((sum + result.shortfall - target).abs() < 1e-3);
        let room: f64 = members.iter().map(|m| if target >= 0.0 { m.high } else { m.low }).sum();
        if room.abs() >= target.abs() {
            prop_assert!(result.shortfall.abs() < 1e-3, "room {room}, shortfall {}", result.shortfall);
        }
    }
}
