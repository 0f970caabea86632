use super::*;
use proptest::prelude::*;

const PV: Ratings =
    Ratings { power_w: 10_000.0, apparent_va: 11_000.0, reactive_var: 4_800.0, battery: None };
const BATTERY: Ratings = Ratings { battery: Some(Battery { energy_wh: 10_000.0, efficiency: 0.96 }), ..PV };
const CALM: Conditions = Conditions {
    available_w: 10_000.0,
    target_w: 10_000.0,
    ramp_w_per_s: 2_000.0,
    permitted: true,
    return_delay_s: 0.0,
    return_ramp_w_per_s: None,
    soc_floor: 5.0,
    reactive: Reactive::Vars(0.0),
};

#[test]
fn power_rises_at_the_ramp_and_energy_is_the_area_under_it() {
    let state = step(&PV, &CALM, State::at_rest(0.0, 0.0), 10.0);
    assert_eq!(state.power_w, 10_000.0);
    // 5 s of ramp at half power on average, 5 s at full power.
    assert!((state.injected_wh - (25_000.0 + 50_000.0) / 3600.0).abs() < 1e-9);
    assert_eq!(step(&PV, &CALM, State::at_rest(0.0, 0.0), 2.0).power_w, 4_000.0);
}

#[test]
fn a_cloud_takes_the_power_at_once() {
    let state = State { power_w: 9_000.0, ..State::at_rest(0.0, 0.0) };
    let dark = Conditions { available_w: 1_000.0, target_w: 1_000.0, ..CALM };
    assert_eq!(step(&PV, &dark, state, 0.0).power_w, 1_000.0);
}

#[test]
fn it_leaves_the_grid_within_two_seconds_and_comes_back_after_the_delay() {
    let slow = Conditions { ramp_w_per_s: 100.0, return_delay_s: 3.0, ..CALM };
    let state = State { power_w: 10_000.0, ..State::at_rest(0.0, 0.0) };
    let off = Conditions { permitted: false, ..slow };
    let state = step(&PV, &off, state, 2.0);
    assert_eq!((state.power_w, state.connection), (0.0, Connection::Off));
    let state = step(&PV, &slow, state, 2.0);
    assert_eq!((state.power_w, state.connection), (0.0, Connection::Returning(1.0)));
    let state = step(&PV, &slow, state, 1.0);
    assert_eq!(state.connection, Connection::On);
    let ramped = Conditions { return_ramp_w_per_s: Some(50.0), ..slow };
    assert_eq!(step(&PV, &ramped, state, 10.0).power_w, 500.0);
}

#[test]
fn a_battery_stops_at_its_reserve_and_when_it_is_full() {
    let out = step(&BATTERY, &CALM, State::at_rest(6.0, 0.0), 3600.0);
    assert_eq!((out.power_w, out.soc), (0.0, 5.0));
    // One percent of 10 kWh, less what conversion takes.
    assert!((out.injected_wh - 96.0).abs() < 1e-6, "{}", out.injected_wh);
    let charging = Conditions { target_w: -10_000.0, ..CALM };
    let full = step(&BATTERY, &charging, State::at_rest(99.0, 0.0), 3600.0);
    assert_eq!((full.power_w, full.soc), (0.0, 100.0));
    assert!((full.absorbed_wh - 100.0 / 0.96).abs() < 1e-6, "{}", full.absorbed_wh);
}

#[test]
fn reactive_power_keeps_to_what_active_power_leaves() {
    let state = State { power_w: 10_000.0, ..State::at_rest(0.0, 0.0) };
    let greedy = Conditions { reactive: Reactive::Vars(9_000.0), ..CALM };
    let at_full = step(&PV, &greedy, state, 1.0);
    assert!((at_full.reactive_var - 21e6_f64.sqrt()).abs() < 1.0, "{}", at_full.reactive_var);
    let factor = Reactive::PowerFactor { cosine: 0.95, injected: false };
    let state = step(&PV, &Conditions { reactive: factor, target_w: 5_000.0, ..CALM }, state, 60.0);
    let cosine = state.power_w / state.power_w.hypot(state.reactive_var);
    assert!((cosine - 0.95).abs() < 1e-9 && state.reactive_var < 0.0);
    let night = Conditions { available_w: 0.0, ..greedy };
    assert_eq!(step(&PV, &night, state, 1.0).reactive_var, 0.0);
}

fn any_conditions() -> impl Strategy<Value = Conditions> {
    (
        0.0..12_000.0_f64,
        -12_000.0..12_000.0_f64,
        1.0..5_000.0_f64,
        any::<bool>(),
        0.0..20.0_f64,
        0.0..50.0_f64,
        -6_000.0..6_000.0_f64,
    )
        .prop_map(|(available, target, ramp, permitted, delay, floor, vars)| Conditions {
            available_w: available,
            target_w: target,
            ramp_w_per_s: ramp,
            permitted,
            return_delay_s: delay,
            return_ramp_w_per_s: None,
            soc_floor: floor,
            reactive: Reactive::Vars(vars),
        })
}

proptest! {
    #[test]
    fn pv_never_gives_more_than_the_sun_nor_takes(
        steps in prop::collection::vec((any_conditions(), 0.0..30.0_f64), 1..20),
    ) {
        let mut state = State::at_rest(0.0, 0.0);
        for (conditions, seconds) in steps {
            let before = state;
            state = step(&PV, &conditions, state, seconds);
            prop_assert!(state.power_w >= 0.0);
            prop_assert!(state.power_w <= conditions.available_w.min(PV.power_w) + 1e-6);
            let reach = (conditions.ramp_w_per_s * seconds).max(0.0);
            prop_assert!(state.power_w <= before.power_w + reach + 1e-6, "rose faster than the ramp");
            prop_assert!(state.injected_wh >= before.injected_wh && state.absorbed_wh == 0.0);
            prop_assert!(state.power_w.hypot(state.reactive_var) <= PV.apparent_va + 1e-6);
        }
    }

    #[test]
    fn a_battery_keeps_its_books(
        start in 0.0..100.0_f64,
        steps in prop::collection::vec((any_conditions(), 0.0..900.0_f64), 1..20),
    ) {
        let mut state = State::at_rest(start, 0.0);
        for (conditions, seconds) in steps {
            let before = state;
            state = step(&BATTERY, &conditions, state, seconds);
            prop_assert!((0.0..=100.0).contains(&state.soc));
            prop_assert!(state.power_w.abs() <= BATTERY.power_w + 1e-6);
            let (out, taken) = (state.injected_wh - before.injected_wh, state.absorbed_wh - before.absorbed_wh);
            prop_assert!(out >= 0.0 && taken >= 0.0);
            let stored = (state.soc - before.soc) * 100.0;
            prop_assert!((stored - (taken * 0.96 - out / 0.96)).abs() < 1e-6, "energy from nowhere");
        }
    }
}
