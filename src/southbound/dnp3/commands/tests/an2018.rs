//! Every command of the shipped AN2018 map, as it goes over the line.

use super::curves::Windowed;
use super::profile::good_for;
use super::*;
use crate::der::{Curve, CurveShape, EnterService, Hertz, Percent, RampRates};
use crate::device_map::Maps;

fn shipped() -> Arc<OutstationMap> {
    let maps = Maps::builtin();
    maps.get("dnp3-an2018").unwrap().outstation.clone().unwrap()
}

fn known() -> Told {
    let named = [
        ("active_power_max", 10_000.0),
        ("charge_max", 8000.0),
        ("reactive_injected_max", 6000.0),
        ("reactive_absorbed_max", 4000.0),
        ("nominal_frequency", 60.0),
    ];
    Told { named: named.map(|(name, value)| (name.to_owned(), value)).into(), ..Told::default() }
}

/// The outcome of a command for a good outstation, and what went over the line.
async fn sent(setpoint: Setpoint) -> (Outcome, Vec<String>) {
    let map = shipped();
    let outstation = Windowed::around(good_for(&map));
    let mut commands = Commands::new("dnp3-an2018", map, "");
    let outcome = commands.carry_out(&outstation, &order(setpoint), &known()).await;
    (outcome, trace(&outstation.inner))
}

async fn check(setpoint: Setpoint, outcome: Outcome, wanted: &[&str]) {
    let words = setpoint.to_string();
    let (ended, sent) = sent(setpoint).await;
    assert_eq!(sent, wanted, "{words}");
    assert_eq!(ended, outcome, "{words}");
}

#[tokio::test(start_paused = true)]
async fn active_power() {
    let wanted = [
        "AO83=0",
        "AO84=0",
        "AO85=300",
        "AO87=1000",
        "AO88=600",
        "read AI143-145 AI148-149",
        "BO17=on",
        "read BI69",
    ];
    check(limit(6000.0), applied(Some(6000.0), true), &wanted).await;
    let wanted = ["AO90=0", "AO91=0", "AO92=300", "AO93=-500", "read AI151-154", "BO18=on", "read BI70"];
    check(set(-4000.0), applied(Some(-4000.0), true), &wanted).await;
}

#[tokio::test(start_paused = true)]
async fn connection() {
    let wanted =
        ["AO13=0", "AO14=0", "AO15=300", "read AI57-59", "BO4=on", "read BI17", "BO2=on", "read BI13 BI15"];
    check(Setpoint::Disconnect, applied(None, true), &wanted).await;
    let wanted = ["BO3=on", "read BI16", "BO1=on", "read BI12 BI14"];
    check(Setpoint::Connect, applied(None, false), &wanted).await;
}

#[tokio::test(start_paused = true)]
async fn reactive_power() {
    let wanted = [
        "AO5=2",
        "AO200=0",
        "AO201=0",
        "AO202=300",
        "AO203=-500",
        "read AI42 AI278-281",
        "BO27=on",
        "read BI79",
    ];
    check(Setpoint::SetReactivePower(Vars::new(-2000.0)), applied(None, true), &wanted).await;
    let factor = |excitation| Setpoint::SetPowerFactor(PowerFactor { size: 0.9, excitation });
    for (excitation, quadrant) in [(Excitation::Over, "BO10=off"), (Excitation::Under, "BO10=on")] {
        let wanted = [
            "AO207=0",
            "AO208=0",
            "AO209=300",
            "AO211=100",
            "AO210=90",
            "read AI285-289",
            quadrant,
            "read BI29",
            "BO28=on",
            "read BI80",
        ];
        check(factor(excitation), applied(None, true), &wanted).await;
    }
}

#[tokio::test(start_paused = true)]
async fn settings() {
    let rates = RampRates { active_up: Some(Percent::new(2.0)), active_down: None, reactive: None };
    let wanted = ["AO96=20", "AO99=20", "read AI157 AI160", "BO38=on", "read BI90"];
    check(Setpoint::SetRampRates(rates), applied(None, false), &wanted).await;
    let enter = EnterService {
        voltage_high: Some(Percent::new(105.0)),
        voltage_low: Some(Percent::new(91.7)),
        frequency_high: Some(Hertz::new(60.1)),
        frequency_low: Some(Hertz::new(59.5)),
        delay: Some(Duration::from_secs(300)),
        random_delay: None,
        ramp: Some(Duration::from_secs(60)),
    };
    let wanted =
        ["AO6=10500", "AO7=9170", "AO8=60100", "AO9=59500", "AO10=300", "AO12=60", "read AI50-54 AI56"];
    check(Setpoint::SetEnterService(enter), applied(None, false), &wanted).await;
    let nothing = Setpoint::SetRampRates(RampRates::default());
    check(nothing, Outcome::Refused("nothing is asked".to_owned()), &[]).await;
}

fn points(kind: CurveKind, points: &[(f64, f64)]) -> Setpoint {
    let shape = CurveShape::Points(points.to_vec());
    Setpoint::SetCurve(Arc::new(Curve { kind, shape, response: Some(Duration::from_secs(5)) }))
}

#[tokio::test(start_paused = true)]
async fn curves_with_points() {
    let three = [(92.0, 44.0), (108.0, -44.0)];
    let cases = [
        (CurveKind::VoltVar, "1", ["AO245=2", "AO247=129", "AO248=2"], "AO217", "BO29=on"),
        (CurveKind::WattVar, "2", ["AO245=4", "AO247=138", "AO248=2"], "AO226", "BO30=on"),
        (CurveKind::VoltWatt, "3", ["AO245=5", "AO247=129", "AO248=5"], "AO173", "BO25=on"),
    ];
    for (kind, number, head, select, enable) in cases {
        let (outcome, sent) = sent(points(kind, &three)).await;
        assert_eq!(outcome, applied(None, true), "{kind:?}");
        let window: Vec<&str> = sent[3..13].iter().map(String::as_str).collect();
        assert_eq!(sent[1], format!("AO244={number}"));
        assert_eq!(window[1..4], head, "{kind:?}");
        assert_eq!(window[4..8], ["AO249=920", "AO250=440", "AO251=1080", "AO252=-440"], "{kind:?}");
        assert_eq!(window[8..], ["read AI328", "AO246=2"], "{kind:?}");
        let follow = sent.iter().position(|line| *line == format!("{select}={number}")).unwrap();
        assert!(sent[..follow].iter().filter(|line| line.ends_with("=5")).count() >= 2, "{kind:?}: response");
        assert_eq!(sent[sent.len() - 2], enable, "{kind:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn trips_are_exact_and_have_time_first() {
    let trip = |kind, points: &[(f64, f64)]| {
        let shape = CurveShape::Points(points.to_vec());
        Setpoint::SetCurve(Arc::new(Curve { kind, shape, response: None }))
    };
    let (outcome, lines) = sent(trip(CurveKind::HighVoltageTrip, &[(110.0, 2.0), (120.0, 1.0)])).await;
    assert_eq!(outcome, applied(None, false));
    assert_eq!(
        lines[4..11],
        ["AO245=9", "AO247=4", "AO248=8", "AO249=2", "AO250=1100", "AO251=1", "AO252=1200"]
    );
    let (outcome, lines) = sent(trip(CurveKind::LowFrequencyTrip, &[(57.0, 300.0)])).await;
    assert_eq!(outcome, applied(None, false));
    assert_eq!(lines[4..9], ["AO245=15", "AO247=4", "AO248=9", "AO249=300", "AO250=950"], "57 of 60 Hz");
    let (outcome, lines) = sent(trip(CurveKind::HighVoltageTrip, &[(120.0, 0.16)])).await;
    let words = "0.16 lies between the steps of 1 that AO249 takes, and a protection is not rounded";
    assert_eq!((outcome, lines), (Outcome::Refused(words.to_owned()), Vec::new()));
}

#[tokio::test(start_paused = true)]
async fn a_droop() {
    let shape =
        CurveShape::Droop { over_band: 0.036, under_band: 0.017, over_slope: 0.05, under_slope: 0.04 };
    let droop = Setpoint::SetCurve(Arc::new(Curve { kind: CurveKind::FrequencyWatt, shape, response: None }));
    let wanted = [
        "AO58=0",
        "AO59=0",
        "AO60=300",
        "AO62=36",
        "AO64=20000",
        "AO66=-17",
        "AO68=25000",
        "read AI116-118 AI121 AI123 AI125 AI127",
        "BO16=on",
        "read BI68",
    ];
    check(droop, applied(None, true), &wanted).await;
}

#[tokio::test(start_paused = true)]
async fn a_device_without_timers_and_ramps_is_commanded_all_the_same() {
    let map = shipped();
    let outstation = good_for(&map);
    outstation.script(|request| match request {
        Request::Operate(outputs) if [83, 84, 85].contains(&outputs[0].at.index) => Answer::Status(4),
        _ => Answer::Good,
    });
    let mut commands = Commands::new("dnp3-an2018", map, "");
    let outcome = commands.carry_out(&outstation, &order(limit(6000.0)), &known()).await;
    assert_eq!(outcome, applied(Some(6000.0), false), "but it does not fall back by itself");
}
